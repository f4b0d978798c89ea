package signaling

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// TestLostHistoryIsToldUntilItIsHeard has a welcome with resumed:false that its
// client never got: it still counts from the history that was lost.
func TestLostHistoryIsToldUntilItIsHeard(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		old := &client{t: t, h: h, srv: bob.srv, peer: bob.peer, token: bob.token, nonce: bob.nonce} // a hello that stands still
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		alice.tell(bob, "room", `1`)
		bob.wantMessage(alice, `1`)
		h.cluster.Kill(bob.srv.node.Name())
		old.elsewhere()
		old.resume(0) // and comes through now
		time.Sleep(handLimit)
		old.welcomed(false)
		bob.srv = old.srv
		bob.resume(bob.conn.had) // of a history that this node does not know
		bob.welcomed(false)
		bob.id = 0
		bob.join("room")
		bob.resume(1) // and this one it does
		bob.welcomed(true)
	})
}

// TestRoomOfALostHistoryIsLeftOnTheNextNodeToo has a client that loses its
// history, and comes to another node before it has joined again.
func TestRoomOfALostHistoryIsLeftOnTheNextNodeToo(t *testing.T) {
	inBubble(t, 3, Config{Outbox: 2000}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.cut()
		for range 30 {
			alice.tell(bob, "room", `"much more than 4000 bytes"`)
		}
		synctest.Wait()
		bob.resume(bob.conn.had)
		bob.welcomed(false)
		bob.ack() // so that the server knows that he knows
		alice.want(wire.TypePeerAway)
		bob.elsewhere()
		bob.resume(0)
		bob.welcomed(true)
		bob.id = 0
		bob.join("room")
		if m := alice.want(wire.TypePeerJoined); m.Peer.ID != bob.peer || m.Peer.Away {
			t.Errorf("alice got %+v", m.Peer)
		}
		alice.tell(bob, "room", `1`)
		bob.wantMessage(alice, `1`)
	})
}

// TestSessionTakenByForceIsForgotten has a node that cannot hand a session
// over, since it waits for another that is dead: when the client has joined
// elsewhere it must not keep the session for ever.
func TestSessionTakenByForceIsForgotten(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		first, last := bob.srv, h.servers[2]
		h.cluster.Kill(alice.srv.node.Name())
		bob.srv = last
		bob.resume(bob.conn.had)
		bob.welcomed(true) // what comes from alice's node would have to wait now
		bob.srv = first
		bob.resume(bob.conn.had)
		time.Sleep(handLimit)
		bob.welcomed(false)
		bob.id = 0
		bob.join("room")
		time.Sleep(forwardFor)
		synctest.Wait()
		if n := last.Stats().Sessions; n != 0 {
			t.Errorf("%d sessions are left behind", n)
		}
	})
}

// TestSessionHandedToANodeThatDies has a node hand a session to one that has
// died since it asked. The directory does not know that it was to have it.
func TestSessionHandedToANodeThatDies(t *testing.T) {
	for _, later := range []time.Duration{0, 2 * forwardFor} { // by then it is forgotten where it was
		inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
			alice, bob := h.pair(t)
			first, dead := bob.srv, h.servers[2]
			h.cluster.Kill(dead.node.Name())
			var fx effects
			first.handleTake(&Event{Node: dead.node.Name(), Take: &Take{
				Peer: bob.peer, Req: 1, Epoch: first.session(bob.peer).epoch, Nonce: "other",
			}}, &fx)
			fx.flush()
			time.Sleep(later)
			bob.srv = alice.srv
			bob.resume(bob.conn.had)
			time.Sleep(handLimit)
			bob.welcomed(false)
			bob.id = 0
			if peers := bob.join("room"); len(peers) != 1 || peers[0].ID != alice.peer {
				t.Errorf("bob sees %+v, want alice", peers)
			}
		})
	}
}
