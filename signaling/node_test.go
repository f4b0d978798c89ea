package signaling

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestRestartedServerKeepsPeersAndRanks(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.rankBelow(alice)
		h.cfg.Cluster = NewMemoryCluster()
		restarted := New(h.cfg)
		h.servers = append(h.servers, restarted)
		alice.srv, bob.srv = restarted, restarted
		time.Sleep(time.Minute) // as long as it may
		old := bob.token
		bob.resume(57)
		bob.welcomed(false)
		alice.resume(58)
		alice.welcomed(false)
		alice.id, bob.id = 0, 0
		bob.join("room")
		if p := alice.join("room"); p[0].ID != bob.peer || p[0].Offers {
			t.Errorf("alice sees %+v, and she is the one that offers", p)
		}
		if p := bob.want(wire.TypePeerJoined); p.Peer.ID != alice.peer || !p.Peer.Offers {
			t.Errorf("bob sees %+v", p.Peer)
		}
		thief := h.client(t)
		thief.srv, thief.token = restarted, old
		thief.resume(0) // claimed before
		thief.wantError(wire.CodeSessionGone, 0)
	})
}

func TestSessionOfLongAgoIsGone(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		restart := func(wall time.Duration) *Server {
			cfg := h.cfg
			cfg.Cluster = NewMemoryCluster()
			cfg.Now = func() time.Time { return time.Now().Add(wall) }
			s := New(cfg)
			h.servers = append(h.servers, s)
			return s
		}
		bob := h.hello(t)
		bob.srv = restart(0)
		time.Sleep(time.Minute + 1)
		bob.resume(0)
		bob.wantError(wire.CodeSessionGone, 0)
		bob.srv = restart(24 * time.Hour)
		bob.resume(0)
		bob.wantError(wire.CodeSessionGone, 0)
		bob.srv = restart(23 * time.Hour)
		bob.resume(0)
		bob.welcomed(false)
		bob.send(&wire.Message{Type: wire.TypeBye}) // within the window of the start
		bob.resume(0)
		bob.wantError(wire.CodeSessionGone, 0)
	})
}

func TestHigherRankOfATokenIsNoted(t *testing.T) {
	inBubble(t, 2, Config{}, func(t *testing.T, h *harness) {
		ahead := h.cfg
		ahead.Now = func() time.Time { return time.Now().Add(time.Hour) }
		h.servers[1] = New(ahead)
		alice, bob := h.hello(t), h.hello(t) // bob on the server whose clock is ahead
		bob.srv = h.servers[0]
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		carol := h.hello(t)
		if alice.srv != h.servers[0] || carol.srv != h.servers[0] {
			t.Fatal("alice and carol are not on the server whose clock is behind")
		}
		if !alice.rankBelow(bob) || !bob.rankBelow(carol) {
			t.Error("who came later has a lower rank")
		}
	})
}

func TestNodeGoneWithoutNotice(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.join("room")
		alice.frames()
		bob.frames()
		h.cluster.Kill(bob.srv.node.Name())
		time.Sleep(memoryLease)
		for _, c := range []*client{alice, carol} {
			if m := c.want(wire.TypePeerAway); m.From != bob.peer {
				t.Errorf("got %+v", m)
			}
		}
		time.Sleep(time.Minute - 1)
		alice.wantNothing()
		time.Sleep(time.Nanosecond)
		for _, c := range []*client{alice, carol} {
			if m := c.want(wire.TypePeerLeft); m.From != bob.peer || m.Reason != wire.ReasonTimeout {
				t.Errorf("got %+v", m)
			}
			c.wantNothing()
		}
		time.Sleep(time.Nanosecond)
		bob.elsewhere()
		bob.resume(0)
		bob.wantError(wire.CodeSessionGone, 0)
	})
}

// TestDeadNodesAreForgotten has many die, one after the other.
func TestDeadNodesAreForgotten(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		for range 5 {
			h.cluster.Kill(New(h.cfg).node.Name())
			time.Sleep(memoryLease)
		}
		synctest.Wait()
		srv := h.servers[0]
		waits := func() int {
			srv.mu.Lock()
			defer srv.mu.Unlock()
			return len(srv.downs)
		}
		if n := waits(); n == 0 {
			t.Error("the peers of nodes that have died are not waited for")
		}
		time.Sleep(srv.cfg.ResumeWindow)
		synctest.Wait()
		if n := waits(); n != 0 {
			t.Errorf("%d nodes are remembered", n)
		}
	})
}

func TestResumeAfterNodeDeath(t *testing.T) {
	for _, known := range []bool{false, true} { // whether the others know yet
		t.Run(fmt.Sprintf("known=%v", known), func(t *testing.T) {
			inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
				alice, bob := h.pair(t)
				h.cluster.Kill(bob.srv.node.Name())
				if known {
					time.Sleep(memoryLease)
					alice.want(wire.TypePeerAway)
				}
				bob.elsewhere()
				start := time.Now()
				bob.resume(bob.conn.had)
				if !known {
					time.Sleep(handLimit)
				}
				bob.welcomed(false)
				if d := time.Since(start); d > handLimit {
					t.Errorf("welcome after %v", d)
				}
				bob.id = 0
				if p := bob.join("room"); len(p) != 1 || p[0].ID != alice.peer || !p[0].Offers {
					t.Errorf("bob sees %+v", p)
				}
				if m := alice.want(wire.TypePeerJoined); m.Peer.ID != bob.peer || m.Peer.Offers {
					t.Errorf("alice got %+v", m.Peer)
				}
				alice.tell(bob, "room", `1`)
				bob.wantMessage(alice, `1`)
				time.Sleep(2 * time.Minute) // the old entry is not waited for any more
				alice.want(wire.TypeAck)
				alice.wantNothing()
			})
		})
	}
}

func TestShutdown(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		silent := h.client(t)
		silent.connect()
		srv := alice.srv
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if m := alice.want(wire.TypeGoingAway); m.After != comeBackAfter.Milliseconds() {
			t.Errorf("got %+v", m)
		}
		alice.wantClosed(wire.CodeGoingAway)
		_, err := srv.Admit(LinkInfo{})
		var refused *Error
		if refused, _ = err.(*Error); refused == nil || refused.Code.Info().Status != 503 {
			t.Errorf("Admit: %v", err)
		}
		if n := srv.Stats().Links; n != 0 {
			t.Errorf("%d links are left", n)
		}
		if len(h.servers) == 1 {
			silent.wantClosed(wire.CodeGoingAway)
			return
		}
		bob.want(wire.TypePeerAway)
		alice.elsewhere()
		alice.resume(alice.conn.had)
		alice.welcomed(false)
	})
}

func TestShutdownWaitsForWhatHooksAreTold(t *testing.T) {
	var release chan struct{}
	var ended atomic.Bool
	cfg := Config{Ended: func(string) { <-release; ended.Store(true) }}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		told := 0
		release = make(chan struct{})
		h.code(func(app *App) {
			app.OnDisconnecting(func(*Peer, DisconnectReason) { <-release; told++ })
			app.OnDisconnect(func(*Peer, DisconnectReason) { told++ })
		})
		h.hello(t).send(&wire.Message{Type: wire.TypeBye})
		time.AfterFunc(time.Minute, func() { close(release) })
		start := time.Now()
		for range 2 {
			if err := h.servers[0].Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if !ended.Load() {
				t.Error("Config.Ended has not returned")
			}
			if d := time.Since(start); told != 2 || d != time.Minute {
				t.Errorf("behind %v %d hooks were told, want 2 behind a minute", d, told)
			}
		}
	})
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		link, err := h.servers[0].Admit(LinkInfo{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := h.servers[0].Shutdown(ctx); err == nil {
			t.Error("Shutdown does not wait for a link that is not detached")
		}
		link.Detach(nil)
	})
}
