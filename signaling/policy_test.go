package signaling

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

const (
	hostCandidate      = `{"candidate":"candidate:1 1 udp 5 192.168.7.20 9 typ host"}`
	reflexiveCandidate = `{"candidate":"candidate:2 1 udp 4 198.51.100.7 9 typ srflx raddr 192.168.7.20 rport 9"}`
	relayCandidate     = `{"candidate":"candidate:3 1 udp 3 203.0.113.3 9 typ relay raddr 198.51.100.7 rport 9"}`
)

var testRelays = []netip.Prefix{netip.MustParsePrefix("203.0.113.3/32")}

// typesIn are the types of the candidates in a frame's data.
func typesIn(t *testing.T, m *wire.Message) string {
	t.Helper()
	var list []struct{ Candidate string }
	if err := json.Unmarshal(m.Data, &list); err != nil {
		t.Fatalf("%s: %v", m.Data, err)
	}
	var types []string
	for _, c := range list {
		types = append(types, strings.Fields(c.Candidate)[7])
	}
	return strings.Join(types, " ")
}

func candidatesTo(to *client, list ...string) *wire.Message {
	return &wire.Message{
		Type: wire.TypeCandidates, Room: "room", To: to.peer, PC: 1, Ufrag: "abcd", Elements: len(list),
		Data: json.RawMessage("[" + strings.Join(list, ",") + "]"),
	}
}

// The strictest of what the server, the app and the token say holds, and the
// client is told which.
func TestStrictestCandidatePolicyHolds(t *testing.T) {
	for _, tt := range []struct {
		name               string
		server, app, token wire.Policy
		want               wire.Policy // of welcome
		types              string
	}{
		{"none", "", "", "", "", "host srflx relay"},
		{"all", wire.PolicyAll, wire.PolicyAll, wire.PolicyAll, wire.PolicyAll, "host srflx relay"},
		{"server", wire.PolicyNoHost, "", "", wire.PolicyNoHost, "srflx relay"},
		{"app", wire.PolicyNoHost, wire.PolicyRelay, "", wire.PolicyRelay, "relay"},
		{"token", wire.PolicyAll, wire.PolicyNoHost, wire.PolicyRelay, wire.PolicyRelay, "relay"},
		{"token that is laxer", wire.PolicyRelay, "", wire.PolicyAll, wire.PolicyRelay, "relay"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{Candidates: tt.server, Relays: testRelays}
			if tt.token != "" {
				cfg.Authenticate = func(context.Context, Hello) (Identity, error) {
					return Identity{Grants: &Grants{Candidates: tt.token}}, nil
				}
			}
			eachTopology(t, cfg, func(t *testing.T, h *harness) {
				for _, s := range h.servers {
					if tt.app != "" {
						s.App("default").SetCandidates(tt.app)
					}
				}
				alice := h.client(t)
				alice.connect()
				alice.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}})
				if got := alice.welcomed(false).Candidates; wire.Strictest(got) != wire.Strictest(tt.want) {
					t.Errorf("welcome says %q, want %q", got, tt.want)
				}
				alice.join("room")
				bob := h.hello(t)
				bob.join("room")
				alice.want(wire.TypePeerJoined)
				alice.send(candidatesTo(bob, hostCandidate, reflexiveCandidate, relayCandidate))
				if got := typesIn(t, bob.want(wire.TypeCandidates)); got != tt.types {
					t.Errorf("bob got candidates %q, want %q", got, tt.types)
				}
			})
		})
	}
}

// The rules of a room can be stricter, in that room, and not laxer. They hold
// whatever a client makes of them.
func TestCandidatePolicyOfARoomHoldsInThatRoom(t *testing.T) {
	for _, tt := range []struct {
		server, room   wire.Policy
		inside, beside string // the types that come through
	}{
		{"", wire.PolicyRelay, "relay", "host srflx relay"},
		{wire.PolicyNoHost, wire.PolicyRelay, "relay", "srflx relay"},
		{wire.PolicyRelay, wire.PolicyAll, "relay", "relay"},
	} {
		eachTopology(t, Config{Candidates: tt.server, Relays: testRelays}, func(t *testing.T, h *harness) {
			alice, bob := h.pair(t)
			alice.join("beside")
			bob.join("beside")
			alice.rulesThen(wire.RulesUpdate{Candidates: &tt.room}, wire.TypePeerJoined, wire.TypeRules, wire.TypeOK)
			bob.want(wire.TypeRules)
			for room, types := range map[string]string{"room": tt.inside, "beside": tt.beside} {
				m := candidatesTo(alice, hostCandidate, reflexiveCandidate, relayCandidate)
				m.Room = room
				bob.send(m)
				if got := typesIn(t, alice.want(wire.TypeCandidates)); got != types {
					t.Errorf("server %q, room %q: in %q came %q, want %q", tt.server, tt.room, room, got, types)
				}
			}
		})
	}
}

// A frame of which nothing is left is relayed all the same: it may have an n,
// and an end.
func TestEmptiedFramesAreRelayed(t *testing.T) {
	eachTopology(t, Config{Candidates: wire.PolicyRelay}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		m := candidatesTo(bob, hostCandidate)
		m.N, m.End = 1, true
		alice.send(m)
		if got := bob.want(wire.TypeCandidates); string(got.Data) != "[]" || got.N != 1 || !got.End || got.Ufrag != "abcd" {
			t.Errorf("bob got n %d, end %v, ufrag %q, data %s", got.N, got.End, got.Ufrag, got.Data)
		}
		alice.send(&wire.Message{
			Type: wire.TypeOffer, Room: "room", To: bob.peer, PC: 1, Gen: 1, N: 2,
			Data: json.RawMessage(`{"type":"offer","sdp":"v=0\r\nc=IN IP4 192.168.7.20\r\na=candidate:1 1 udp 5 192.168.7.20 9 typ host\r\n"}`),
		})
		const want = `{"type":"offer","sdp":"v=0\r\nc=IN IP4 0.0.0.0\r\n"}`
		if got := bob.want(wire.TypeOffer); string(got.Data) != want || got.N != 2 {
			t.Errorf("bob got n %d, data %s, want %s", got.N, got.Data, want)
		}
	})
}

// What the server cannot read it refuses, and says why; nobody else hears of it.
func TestUnreadableFramesAreRefused(t *testing.T) {
	eachTopology(t, Config{Candidates: wire.PolicyNoHost}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		alice.send(&wire.Message{Type: wire.TypeOffer, Room: "room", To: bob.peer, PC: 1, Gen: 1, Data: json.RawMessage(`{"sdp":"192.168.7.20"}`)})
		e := alice.want(wire.TypeError)
		if e.Code != wire.CodeCandidatePolicy || e.Re != alice.id || !strings.Contains(e.Text, "does not begin with v=0") {
			t.Errorf("alice got error{%s, re %d, %q}", e.Code, e.Re, e.Text)
		}
		bob.wantNothing()
		alice.tell(bob, "room", `{"sdp":"192.168.7.20"}`)
		bob.wantMessage(alice, `{"sdp":"192.168.7.20"}`)
	})
}

// Where all candidates may go, data is not looked at.
func TestPolicyAllRelaysByteForByte(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		const data = ` {"sdp" : "c=IN IP4 192.168.7.20", "sdp":5,"x":[1e3]} `
		alice.send(&wire.Message{Type: wire.TypeOffer, Room: "room", To: bob.peer, PC: 1, Gen: 1, Data: json.RawMessage(data)})
		if got := bob.want(wire.TypeOffer); string(got.Data) != data {
			t.Errorf("bob got %s, want %s", got.Data, data)
		}
	})
}
