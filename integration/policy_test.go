package integration

import (
	"bytes"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
	"github.com/seed-3a7b6cbd/signal/turn"
)

// hiding is a server that lets only relayed candidates through.
func hiding(t *testing.T) *signalingtest.Server {
	return signalingtest.NewServer(t, signalingtest.WithTURN(turn.Config{}), signalingtest.WithConfig(func(c *signaling.Config) {
		c.Candidates = wire.PolicyRelay
		c.Relays = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} // where TURN is here
	}))
}

// relayedCandidate is all that may tell where the relay is.
var relayedCandidate = regexp.MustCompile(`candidate:\d+ [12] (?:udp|UDP) \d+ 127\.0\.0\.1 \d+ typ relay raddr 0\.0\.0\.0 rport 0`)

// wantNoAddress judges all that a client was sent, but for what the server says
// of itself.
func (a *actor) wantNoAddress() {
	a.scene.t.Helper()
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		a.scene.t.Fatal(err)
	}
	relayed, addresses := 0, []string{"127.0.0.", "::1", ".local", "typ host", "typ srflx", "typ prflx"}
	for _, i := range interfaces {
		ip, _, _ := strings.Cut(i.String(), "/")
		addresses = append(addresses, ip)
	}
	for _, frame := range a.net.tap.frames() {
		if bytes.Contains(frame, []byte(`"type":"welcome"`)) || bytes.Contains(frame, []byte(`"type":"ice-servers"`)) {
			continue
		}
		relayed += len(relayedCandidate.FindAll(frame, -1))
		frame = relayedCandidate.ReplaceAll(frame, nil)
		if i := slices.IndexFunc(addresses, func(s string) bool { return bytes.Contains(frame, []byte(s)) }); i >= 0 {
			a.scene.t.Errorf("%s was sent %q: %s", a.name, addresses[i], frame)
		}
	}
	if relayed == 0 {
		a.scene.t.Errorf("%s was sent no relayed candidate", a.name)
	}
}

// A call under the policy connects over the relay, and no side learns another
// address than the relay's: also of a client that gathers and sends all it has.
func TestPolicyRelayHidesAddresses(t *testing.T) {
	for name, deaf := range map[string]bool{"by all": false, "against their will": true} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			s := newScene(t, hiding(t).URL)
			s.deaf = deaf
			ana, ben := s.join("ana", nil), s.join("ben", nil)
			for _, a := range s.actors {
				if told := a.Client().Candidates() == wire.PolicyRelay; told == deaf {
					t.Fatalf("%s knows of the policy: %v", a.name, told)
				}
			}
			s.calling(audio, video)
			s.moreFrames(60)
			s.allIntact(audio, video)
			for _, pair := range [][2]*actor{{ana, ben}, {ben, ana}} {
				if path := pair[0].peer(pair[1]).Path; path.Remote != webrtc.ICECandidateTypeRelay || !deaf && path.Local != webrtc.ICECandidateTypeRelay {
					t.Errorf("%s has the path %+v, want a relayed one", pair[0].name, path)
				}
				pair[0].wantNoAddress()
			}
		})
	}
}
