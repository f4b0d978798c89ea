package integration

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/robot"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
	"github.com/seed-3a7b6cbd/signal/turn"
)

// relayOver makes a robot use nothing but TURN over udp or tcp.
func relayOver(protocol string) func(*robot.Config) {
	return func(c *robot.Config) {
		c.RelayOnly = true
		c.ICEServers = func(list []wire.ICEServer) (chosen []wire.ICEServer) {
			for _, s := range list {
				s.URLs = slices.DeleteFunc(slices.Clone(s.URLs), func(u string) bool {
					return !strings.HasPrefix(u, "turn:") || !strings.HasSuffix(u, "?transport="+protocol)
				})
				if len(s.URLs) > 0 {
					chosen = append(chosen, s)
				}
			}
			return chosen
		}
	}
}

func TestTwoPeersCallOverTheRelay(t *testing.T) {
	open := turn.Config{Relay: turn.RelayOpen, AllowPeers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, tt := range []struct {
		name     string
		cfg      turn.Config
		ana, ben string // to their TURN server
	}{
		{"closed udp", turn.Config{}, "udp", "udp"},
		{"closed tcp", turn.Config{}, "tcp", "tcp"},
		{"closed udp and tcp", turn.Config{}, "udp", "tcp"},
		{"open udp and tcp", open, "udp", "tcp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			noLeaks(t)
			srv := signalingtest.NewServer(t, signalingtest.WithTURN(tt.cfg))
			s := newScene(t, srv.URL)
			ana, ben := s.join("ana", relayOver(tt.ana)), s.join("ben", relayOver(tt.ben))
			s.calling(audio, video)
			s.moreFrames(60)
			ana.wantPath(ben, webrtc.ICECandidateTypeRelay, tt.ana)
			ben.wantPath(ana, webrtc.ICECandidateTypeRelay, tt.ben)
			s.allIntact(audio, video)
			stats := srv.TURN().Stats()
			if stats.Allocations != 2 || stats.Packets < 4*60 || stats.AuthFailures != 0 || stats.DroppedFull != 0 {
				t.Errorf("TURN: %+v", stats)
			}
			record(t, "connected-after", max(ana.peer(ben).Connected, ben.peer(ana).Connected))
		})
	}
}
