package signaling

import (
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// thief is somebody who has what bob's next hello would show.
func (c *client) thief(nonce string) *client {
	c.t.Helper()
	thief := c.h.client(c.t)
	thief.token, thief.nonce = c.token, nonce
	return thief
}

func wantOver(t *testing.T, alice *client, both ...*client) {
	t.Helper()
	for _, c := range both {
		c.wantClosed(wire.CodeSessionGone)
		c.resume(0)
		c.wantError(wire.CodeSessionGone, 0)
	}
	if m := alice.want(wire.TypePeerLeft); m.Reason != wire.ReasonLeft {
		t.Errorf("got %+v", m)
	}
}

// TestStolenTokenEndsWithItsOwnersNextHello has a thief who comes first: the
// owner finds the token used, and with that the session is over for both.
func TestStolenTokenEndsWithItsOwnersNextHello(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		thief := bob.thief(h.newNonce())
		thief.resume(bob.conn.had)
		thief.welcomed(true)
		bob.wantClosed(wire.CodeReplaced)
		bob.resume(bob.conn.had)
		bob.wantError(wire.CodeSessionGone, 0)
		wantOver(t, alice, bob, thief)
	})
}

// TestReplayedHelloEndsTheSession has the whole hello of a resume that went
// well, nonce and all, once more.
func TestReplayedHelloEndsTheSession(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		thief := bob.thief(bob.nonce)
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		bob.ack() // so that the welcome was not lost
		thief.resume(bob.conn.had)
		thief.wantError(wire.CodeSessionGone, 0)
		wantOver(t, alice, bob, thief)
	})
}
