package robot

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// A slowConn is a signaling connection that media overtakes.
type slowConn struct{ net.Conn }

// Read implements net.Conn.
func (c slowConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	<-time.After(60 * time.Millisecond) // the delay of the network: three packets of sound
	return n, err
}

// The answering side sends on a new track before its answer is there. Nothing
// of that is lost, and nobody else reads it.
func TestNewTrackIsWholeFromItsFirstPacket(t *testing.T) {
	s := newStage(t)
	slow := client.Config{NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return slowConn{c}, err
	}}
	a, b := s.join(Config{Client: slow}), s.join(Config{Name: "ben"})
	s.call(a, b, audio, video) // with video, pion looks for simulcast
	for i := range 5 {
		track := b.AddTrack(audio)
		s.tracks(a, b, 2, 1)
		if _, err := a.newest(b.ID(), audio).WaitFrames(s.ctx, 20); err != nil {
			t.Fatal(err)
		}
		b.RemoveTrack(track)
		s.tracks(a, b, 1, 1)
		for _, report := range s.peer(a, b).Tracks {
			if err := report.Intact(); err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
		}
	}
}
