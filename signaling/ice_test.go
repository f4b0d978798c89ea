package signaling

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// grantor is what gives out ICE servers, and takes them back.
type grantor struct {
	mu      sync.Mutex
	revoked map[string]int
	slow    time.Duration
}

func newGrantor() *grantor { return &grantor{revoked: make(map[string]int)} }

func (g *grantor) config() Config {
	return Config{
		ICEServers: func(peer string, _ Identity) wire.ICE {
			g.mu.Lock()
			defer g.mu.Unlock()
			return wire.ICE{TTL: 3_600_000, List: []wire.ICEServer{{URLs: []string{"turn:x"}, Username: fmt.Sprint(g.revoked[peer])}}}
		},
		Revoked: func(peer string) {
			time.Sleep(g.slow)
			g.mu.Lock()
			defer g.mu.Unlock()
			g.revoked[peer]++
		},
	}
}

func (g *grantor) times(peer string) int {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.revoked[peer]
}

func wantICE(t *testing.T, m *wire.Message, username string) {
	t.Helper()
	if m.ICE == nil || m.ICE.List[0].Username != username {
		t.Errorf("%s has ICE servers %+v, want those of %s", m.Type, m.ICE, username)
	}
}

func TestKickTakesBackWhatWasGranted(t *testing.T) {
	g := newGrantor()
	eachTopology(t, g.config(), func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.join("other")
		alice.send(&wire.Message{Type: wire.TypeKick, Room: "room", To: bob.peer})
		bob.wantOut(wire.ReasonKicked)
		wantICE(t, bob.want(wire.TypeICEServers), "1") // his calls in other rooms go on with these
		bob.wantNothing()
		if g.times(bob.peer) != 1 || g.times(alice.peer) != 0 {
			t.Errorf("revoked: %v", g.revoked)
		}
	})
}

func TestLastRoomTakesICEServersAlong(t *testing.T) {
	g := newGrantor()
	g.slow = time.Second
	eachTopology(t, g.config(), func(t *testing.T, h *harness) {
		bob := h.hello(t)
		bob.join("room")
		bob.join("other")
		for i, room := range []string{"room", "other"} {
			bob.send(&wire.Message{Type: wire.TypeLeave, Room: room})
			bob.want(wire.TypeOK)
			if i == 0 {
				time.Sleep(2 * time.Second)
			}
		}
		if n := g.times(bob.peer); n != 0 {
			t.Errorf("revoked %d times", n)
		}
		bob.send(&wire.Message{Type: wire.TypeJoin, Room: "room"}) // while what he had is being taken back
		bob.tell(nil, "room", `1`)
		time.Sleep(time.Second - 1)
		bob.wantNothing()
		time.Sleep(time.Nanosecond)
		m := &wire.Message{}
		for _, o := range bob.frames() {
			if o.Type != wire.TypeAck {
				m = o
			}
		}
		if m.Type != wire.TypeJoined {
			t.Fatalf("bob got %+v", m)
		}
		wantICE(t, m, "1")
		if m.Re != bob.id-1 {
			t.Errorf("joined re %d, want %d", m.Re, bob.id-1)
		}
		bob.frames()
		bob.send(&wire.Message{Type: wire.TypeJoin, Room: "other"})
		if m := bob.want(wire.TypeJoined); m.ICE != nil {
			t.Errorf("other ICE servers came without need: %+v", m.ICE)
		}
		bob.send(&wire.Message{Type: wire.TypeBye})
		time.Sleep(2 * time.Second)
		if n := g.times(bob.peer); n != 1 {
			t.Errorf("revoked %d times; a session's end has its own hook", n)
		}
	})
}

func TestPanicOfRevokedIsSurvived(t *testing.T) {
	cfg := Config{Revoked: func(string) { panic("boom") }}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		alice.send(&wire.Message{Type: wire.TypeKick, Room: "room", To: bob.peer})
		bob.wantOut(wire.ReasonKicked)
		bob.join("other")
		if n := h.servers[0].Stats().Panics; n != 1 {
			t.Errorf("%d panics", n)
		}
	})
}

// TestRevokedIsCalledInTurn has a peer be taken out twice while the first call is
// still at work.
func TestRevokedIsCalledInTurn(t *testing.T) {
	g := newGrantor()
	g.slow = time.Second
	eachTopology(t, g.config(), func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		alice.join("other")
		bob.join("other")
		for _, room := range []string{"room", "other"} {
			alice.send(&wire.Message{Type: wire.TypeKick, Room: room, To: bob.peer})
		}
		time.Sleep(time.Second)
		if n := g.times(bob.peer); n != 1 {
			t.Errorf("after 1 s: %d calls, want 1", n)
		}
		time.Sleep(time.Second)
		if n := g.times(bob.peer); n != 2 {
			t.Errorf("after 2 s: %d calls, want 2", n)
		}
	})
}
