package signaling

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// helloing makes a client that says hello, and does not wait for the answer.
func (h *harness) helloing(t *testing.T) *client {
	c := h.client(t)
	c.connect()
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}})
	return c
}

func TestHooksOfAPeerWaitForItsOnConnect(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		watcher := h.hello(t)
		watcher.join("lobby")
		d, release := h.keepDiary(), make(chan struct{})
		h.code(func(app *App) {
			app.OnConnect(func(p *Peer) error {
				p.Join("lobby")
				p.Leave("elsewhere")
				<-release
				d.note("connected")
				return nil
			})
		})
		alice := h.helloing(t)
		d.want(t, "connect")
		watcher.wantNothing() // nobody sees who may yet be refused
		close(release)
		alice.welcomed(false)
		if m := alice.want(wire.TypeJoined); m.Room != "lobby" {
			t.Errorf("%+v", m)
		}
		watcher.want(wire.TypePeerJoined)
		d.want(t, "connected", "joined lobby")
	})
}

func TestHooksDoNotHearOfWhoWasRefused(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		watcher := h.hello(t)
		watcher.join("lobby")
		d := h.keepDiary()
		h.code(func(app *App) {
			app.OnConnect(func(p *Peer) error { p.Emit("hi", 1); return p.Join("lobby") })
			app.OnConnect(func(p *Peer) error {
				time.Sleep(time.Millisecond) // for the join
				return Refuse("shop.closed", "come back at 9")
			})
		})
		alice := h.helloing(t)
		time.Sleep(2 * time.Millisecond)
		alice.wantError("shop.closed", 0)
		alice.wantClosed(wire.CodeForbidden) // which, unlike internal, is no reason to try again
		d.want(t, "connect")
		watcher.wantNothing()
	})
}

func TestDisconnectInOnConnectRefuses(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		d := h.keepDiary()
		wait := make(chan struct{})
		h.code(func(app *App) {
			app.OnConnect(func(p *Peer) error {
				p.Disconnect(Refuse("shop.closed", "come back at 9"))
				<-wait
				return nil
			})
		})
		alice := h.helloing(t)
		synctest.Wait()
		close(wait)
		alice.wantError("shop.closed", 0)
		alice.wantClosed(wire.CodeForbidden)
		d.want(t, "connect", "disconnecting server []", "disconnect server")
		if st := alice.srv.Stats(); st.Sessions != 0 || st.Welcomed != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestOnConnectThatHangsIsGivenUp(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		d := h.keepDiary()
		release := make(chan struct{})
		var ctx context.Context
		h.code(func(app *App) {
			app.Use(func(next Handler) Handler {
				return func(c *Call) (any, error) { ctx = c.Context(); return next(c) }
			})
			app.OnConnect(func(p *Peer) error { <-release; return nil })
		})
		alice, start := h.helloing(t), time.Now()
		synctest.Wait()
		time.Sleep(alice.srv.cfg.DeadAfter)
		alice.wantError(wire.CodeUnavailable, 0)
		alice.wantClosed(wire.CodeUnavailable)
		if d := time.Since(start); d != alice.srv.cfg.DeadAfter || ctx.Err() == nil {
			t.Errorf("after %v, context: %v", d, ctx.Err())
		}
		d.want(t, "connect")
		close(release)
		d.want(t, "disconnecting client []", "disconnect client") // it was let in after all
	})
}

func TestDisconnectFindsASessionThatMoves(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		for _, late := range []bool{false, true} {
			alice, bob := h.pair(t)
			bob.cut()
			bob.elsewhere()
			if !late {
				h.app().Peer(bob.peer).Disconnect(nil)
			}
			bob.resume(bob.conn.had)
			if late {
				h.app().Peer(bob.peer).Disconnect(nil)
			}
			synctest.Wait()
			time.Sleep(2 * forwardFor)
			synctest.Wait()
			alice.want(wire.TypePeerLeft)
			for _, s := range h.servers {
				if s.session(bob.peer) != nil {
					t.Errorf("late %v: the session lives", late)
				}
			}
			alice.send(&wire.Message{Type: wire.TypeBye})
			synctest.Wait()
		}
	})
}

// TestHooksMeetOnlyTheHelloThatCounts has a client whose welcome is held up say
// hello again with its connect token: hooks hear of the second session alone.
func TestHooksMeetOnlyTheHelloThatCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		release := make(chan struct{})
		p, cfg := newPushes(Config{})
		cfg.ICEServers = func(string, Identity) wire.ICE {
			if slow.CompareAndSwap(true, false) {
				<-release
			}
			return wire.ICE{}
		}
		h := newHarness(t, 1, cfg)
		defer h.close()
		ana := h.as(t, "ana>ben")
		invite := ana.ring("ben")
		token := p.want(t, PushRing, invite).Token
		p.answer <- true
		ana.wantRinging(invite, wire.ViaPush)
		d := h.keepDiary()
		slow.Store(true)
		ben := h.client(t)
		for range 2 {
			ben.connect()
			ben.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token, Nonce: "the-nonce-of-ben"}})
			synctest.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		ben.welcomed(false)
		close(release)
		synctest.Wait()
		if got := strings.Join(d.lines, " "); got != "connect" {
			t.Errorf("hooks heard %q, want one connect", got)
		}
	})
}
