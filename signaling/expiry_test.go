package signaling

import (
	"context"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestLinkEndsWithItsIdentity(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, w := h.arrive(t, "ann|65|") // not when a ping is due
		if w.Expires != 65_000 {
			t.Errorf("welcome says %d ms", w.Expires)
		}
		bob, w := h.arrive(t, "bob|0|")
		if w.Expires != 0 {
			t.Errorf("welcome says %d ms of what has no end", w.Expires)
		}
		ann.join("room")
		bob.join("room")
		ann.want(wire.TypePeerJoined)
		begin := time.Now()
		time.Sleep(65*time.Second - 3*time.Millisecond) // arrive has taken 2 ms for bob
		ann.wantClosed("")
		time.Sleep(time.Second)
		ann.wantError(wire.CodeUnauthenticated, 0)
		ann.wantClosed(wire.CodeUnauthenticated)
		if d := ann.conn.at.Sub(begin); d > 65*time.Second {
			t.Errorf("closed after %v", d)
		}
		time.Sleep(2 * time.Second)
		bob.want(wire.TypePeerAway) // as with any lost link
		bob.wantClosed("")
		ann.resumeWith("ann|60|")
		if w := ann.welcomed(true); w.Expires != 60_000 {
			t.Errorf("welcome says %d ms", w.Expires)
		}
		bob.want(wire.TypePeerBack)
		ann.tell(bob, "room", `1`)
		bob.wantMessage(ann, `1`)
	})
}

// TestExpiredSessionWaitsForAToken refuses what is no good token, and leaves
// the resume token as good as it was.
func TestExpiredSessionWaitsForAToken(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|60|")
		time.Sleep(61 * time.Second)
		ann.wantClosed(wire.CodeUnauthenticated)
		for _, try := range []struct {
			token string
			code  wire.Code
		}{
			{"", wire.CodeUnauthenticated}, {"rubbish", wire.CodeUnauthenticated}, {"ann|-1|", wire.CodeUnauthenticated},
			{"ann|x|", wire.CodeInternal}, {"bob|60|", wire.CodeForbidden},
		} {
			ann.elsewhere()
			ann.resumeWith(try.token)
			ann.wantError(try.code, 0)
			ann.wantClosed(try.code)
		}
		had := ann.conn.seq()
		ann.resumeWith("ann|60|")
		ann.welcomed(true)
		if got := ann.conn.seq(); got != had {
			t.Errorf("seq is %d, was %d", got, had)
		}
	})
}

// TestShortenedIdentityCounts has the resume token say more than the session.
func TestShortenedIdentityCounts(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|600|")
		ann.renew("ann|60|")
		time.Sleep(61 * time.Second)
		ann.elsewhere()
		ann.resumeWith("")
		ann.wantError(wire.CodeUnauthenticated, 0)
		ann.resumeWith("ann|60|")
		ann.welcomed(true)
	})
}

func TestExpiredSessionEndsWithTheWindow(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|60|")
		bob, _ := h.arrive(t, "bob|0|")
		bob.join("room")
		ann.join("room")
		bob.want(wire.TypePeerJoined)
		time.Sleep(2*time.Minute + 2*time.Second)
		bob.want(wire.TypePeerAway)
		if m := bob.want(wire.TypePeerLeft); m.Reason != wire.ReasonTimeout {
			t.Errorf("left for %q", m.Reason)
		}
		ann.resumeWith("ann|60|")
		ann.wantError(wire.CodeSessionGone, 0)
	})
}

// TestRenewedSessionOutlivesItsResumeToken resumes elsewhere without a token, when what the resume
// token says is over, and what the session was told last is not.
func TestRenewedSessionOutlivesItsResumeToken(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|20|a,b")
		bob, _ := h.arrive(t, "bob|0|")
		ann.info, bob.info = from("192.0.2.1"), from("192.0.2.2")
		ann.join("b")
		bob.join("b")
		ann.want(wire.TypePeerJoined)
		ann.renew("ann|600|b")
		time.Sleep(21 * time.Second)
		ann.cut()
		bob.tell(ann, "b", `1`)
		ann.elsewhere()
		ann.resumeWith("")
		if w := ann.welcomed(true); w.Expires > 600_000-21_000 {
			t.Errorf("welcome says %d ms", w.Expires)
		}
		ann.wantMessage(bob, `1`)
		ann.send(&wire.Message{Type: wire.TypeJoin, Room: "a"}) // which the older one allowed
		ann.wantError(wire.CodeForbidden, ann.id)
		h.wantLimit(LimitAuth, 0)
	})
}

// TestOutdatedHelloLeavesAHangingNodeItsSession has nobody who could say that the
// identity was renewed: the claim waits for a token.
func TestOutdatedHelloLeavesAHangingNodeItsSession(t *testing.T) {
	inBubble(t, 3, Config{Authenticate: tickets}, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|20|a")
		ann.renew("ann|600|a")
		time.Sleep(21 * time.Second)
		h.cluster.Kill(ann.srv.node.Name()) // nobody knows for 5 s
		ann.elsewhere()
		for range 2 {
			ann.resumeWith("")
			time.Sleep(handLimit)
			ann.wantError(wire.CodeUnauthenticated, 0)
		}
		ann.resumeWith("ann|600|a")
		time.Sleep(handLimit)
		ann.welcomed(false)
	})
}

// TestOutdatedHelloDoesNotKeepALostSession asks for a session whose node is gone, with which
// its time does not begin anew.
func TestOutdatedHelloDoesNotKeepALostSession(t *testing.T) {
	inBubble(t, 3, Config{Authenticate: tickets}, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|20|a")
		h.cluster.Kill(ann.srv.node.Name())
		ann.elsewhere()
		time.Sleep(memoryLease + 50*time.Second)
		ann.resumeWith("")
		ann.wantError(wire.CodeUnauthenticated, 0)
		time.Sleep(11 * time.Second)
		ann.resumeWith("ann|600|a")
		ann.wantError(wire.CodeSessionGone, 0)
	})
}

// TestExpiredResumeTokenOfALostNode has nothing but the resume token to go by.
func TestExpiredResumeTokenOfALostNode(t *testing.T) {
	inBubble(t, 3, Config{Authenticate: tickets}, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|20|a")
		h.cluster.Kill(ann.srv.node.Name())
		time.Sleep(21 * time.Second)
		for _, token := range []string{"", "rubbish"} {
			ann.elsewhere()
			if ann.srv == h.servers[0] {
				ann.elsewhere()
			}
			ann.resumeWith(token)
			ann.wantError(wire.CodeUnauthenticated, 0)
		}
		ann.resumeWith("ann|20|b")
		ann.welcomed(false)
		ann.id = 0
		ann.join("b")
	})
}

func TestExpiredIdentityIsNotLetIn(t *testing.T) {
	inBubble(t, 1, Config{Authenticate: tickets}, func(t *testing.T, h *harness) {
		c := h.client(t)
		c.connect()
		c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: "ann|-1|"}})
		c.wantError(wire.CodeUnauthenticated, 0)
		c.wantClosed(wire.CodeUnauthenticated)
	})
}

// TestFarExpiryDoesNotOverflow has an end beyond what timers can count.
func TestFarExpiryDoesNotOverflow(t *testing.T) {
	cfg := Config{Authenticate: func(context.Context, Hello) (Identity, error) {
		return Identity{Expires: time.Unix(1<<40, 0)}, nil
	}}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		c := h.hello(t)
		time.Sleep(time.Hour)
		c.wantClosed("")
		c.mute.Store(true) // and its timer still serves
		time.Sleep(time.Minute)
		c.wantClosed(wire.CodeIdle)
	})
}
