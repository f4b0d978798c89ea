package media

import (
	"errors"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"
)

// ErrNoPath is what SelectedPair returns while ICE has not found a way.
var ErrNoPath = errors.New("media: no candidate pair is selected")

// Pair is the way that media takes.
type Pair struct {
	Local, Remote Endpoint
	RoundTrip     time.Duration // as the last connectivity check measured it
}

// Endpoint is one end of a Pair.
type Endpoint struct {
	Type          webrtc.ICECandidateType // host, srflx, prflx or relay
	Protocol      string                  // udp or tcp
	RelayProtocol string                  // of a local relay: udp, tcp, tls or dtls, from here to the TURN server
	Address       string
	Port          int
}

// SelectedPair tells over which candidates a connection's media goes.
func SelectedPair(pc *webrtc.PeerConnection) (Pair, error) {
	pair, ok := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats()
	if !ok {
		return Pair{}, ErrNoPath
	}
	stats := pc.GetStats()
	local, err := endpoint(stats, pair.LocalCandidateID)
	if err != nil {
		return Pair{}, err
	}
	remote, err := endpoint(stats, pair.RemoteCandidateID)
	if err != nil {
		return Pair{}, err
	}
	return Pair{local, remote, time.Duration(pair.CurrentRoundTripTime * float64(time.Second))}, nil
}

func endpoint(stats webrtc.StatsReport, id string) (Endpoint, error) {
	c, ok := stats[id].(webrtc.ICECandidateStats)
	if !ok { // replaced between the two looks
		return Endpoint{}, fmt.Errorf("%w: candidate %s is gone", ErrNoPath, id)
	}
	return Endpoint{c.CandidateType, c.Protocol, c.RelayProtocol, c.IP, int(c.Port)}, nil
}
