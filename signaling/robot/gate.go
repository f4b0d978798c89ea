package robot

import (
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// A gate is a track of a peer, of which nothing comes through while the peer is
// a viewer.
type gate struct {
	*webrtc.TrackRemote
	call *call
}

// Read implements media.Track.
func (g gate) Read(b []byte) (int, interceptor.Attributes, error) {
	for {
		n, attributes, err := g.TrackRemote.Read(b)
		if err != nil || !g.call.unheard.Load() {
			return n, attributes, err
		}
	}
}
