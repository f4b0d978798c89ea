package signaling

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// functions are those of Config that run code of an application.
var functions = []string{"Authenticate", "ICEServers", "Push", "Woken", "Revoked", "Ended"}

// An application is all of them. What is about ana, or those that she rings, it
// hands to f.
type application struct {
	f     func(where string)
	peer  string // ana's
	token string // of the last Push
}

func (a *application) config() Config {
	of := func(hers bool, where string) {
		if hers {
			a.f(where)
		}
	}
	return Config{
		Authenticate: func(_ context.Context, h Hello) (Identity, error) {
			of(h.Token == "ana", "Authenticate")
			return Identity{User: h.Token, Grants: &Grants{Users: []string{"*"}}}, nil
		},
		ICEServers: func(peer string, id Identity) wire.ICE {
			if id.User == "ana" {
				a.peer = peer
			}
			of(id.User == "ana", "ICEServers")
			return wire.ICE{}
		},
		Push: func(_ context.Context, p Push) bool {
			if p.Kind == PushRing {
				a.token = p.Token
			}
			of(p.From == "ana", "Push")
			return true
		},
		Woken: func(_ context.Context, _, user string) (Identity, error) {
			of(user == "asleep", "Woken")
			return Identity{}, nil
		},
		Revoked: func(peer string) { of(peer == a.peer, "Revoked") },
		Ended:   func(peer string) { of(peer == a.peer, "Ended") },
	}
}

// eachFunction runs test for each function and topology. wrong is what the
// function does, and is told how often it was called.
func eachFunction(t *testing.T, wrong func(t *testing.T) (do func(), release func()), test func(t *testing.T, h *harness, where string, called int)) {
	for _, where := range functions {
		t.Run(where, func(t *testing.T) {
			for _, servers := range []int{1, 3} {
				synctest.Test(t, func(t *testing.T) {
					called := 0
					do, release := wrong(t)
					a := &application{f: func(name string) {
						if name == where {
							called++
							do()
						}
					}}
					h := newHarness(t, servers, a.config())
					defer h.close()
					defer release()
					h.code(func(app *App) { app.Handle("echo", func(c *Call) (any, error) { return c.Data, nil }) })
					h.callsAll(t, a)
					if called == 0 {
						t.Fatal("it was not called")
					}
					test(t, h, where, called)
				})
			}
		})
	}
}

// callsAll has ana, and one whom she wakes, do all that calls functions.
func (h *harness) callsAll(t *testing.T, a *application) {
	ana := h.client(t)
	ana.connect()
	for _, m := range []*wire.Message{
		{Type: wire.TypeHello, Hello: &wire.Hello{Token: "ana"}},
		{Type: wire.TypeInvite, User: "asleep"},
		{Type: wire.TypeJoin, Room: "room"},
		{Type: wire.TypeLeave, Room: "room"},
	} {
		ana.send(m)
		synctest.Wait()
	}
	if a.token != "" {
		woken := h.client(t)
		woken.connect()
		woken.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: a.token}})
		synctest.Wait()
	}
	ana.send(&wire.Message{Type: wire.TypeBye})
	synctest.Wait()
}

// othersRing wants that those who ring others do not notice either.
func (h *harness) othersRing(t *testing.T) {
	t.Helper()
	start := time.Now()
	carl := h.as(t, "carl")
	carl.wantRinging(carl.ring("dora"), wire.ViaPush)
	carl.join("c")
	carl.send(&wire.Message{Type: wire.TypeLeave, Room: "c"})
	carl.wantOK()
	carl.send(&wire.Message{Type: wire.TypeICE})
	carl.want(wire.TypeICEServers)
	if d := time.Since(start); d > 4*time.Millisecond { // of the harness
		t.Errorf("it took others %v", d)
	}
}

func TestConfigThatBlocksHoldsUpOnlyWhoItIsAbout(t *testing.T) {
	eachFunction(t, func(t *testing.T) (do, release func()) {
		blocked := make(chan struct{})
		return func() { <-blocked }, func() { close(blocked) }
	}, func(t *testing.T, h *harness, where string, _ int) {
		h.others(t)
		h.othersRing(t)
		waited := 0
		for _, s := range h.servers {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := s.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
				waited++
			} else if err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			cancel()
		}
		if (waited == 1) != (where == "Ended") || waited > 1 { // what has ended is still to be told
			t.Errorf("%d of %d servers waited for it", waited, len(h.servers))
		}
	})
}

func TestConfigThatPanicsHarmsNobody(t *testing.T) {
	eachFunction(t, func(t *testing.T) (do, release func()) {
		return func() { panic(errors.New("a bug of the embedder")) }, func() {}
	}, func(t *testing.T, h *harness, _ string, called int) {
		h.others(t)
		h.othersRing(t)
		panics := uint64(0)
		for _, s := range h.servers {
			panics += s.Stats().Panics
		}
		if panics != uint64(called) {
			t.Errorf("%d panics, and %d were counted", called, panics)
		}
	})
}

// TestICEServersThatBlocksDelaysOnlyItsAnswer has it block where nothing else of an
// application would have been asked first.
func TestICEServersThatBlocksDelaysOnlyItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var blocks atomic.Bool
		release := make(chan struct{})
		h := newHarness(t, 1, Config{ICEServers: func(string, Identity) wire.ICE {
			if blocks.Load() {
				<-release
			}
			return wire.ICE{TTL: 600_000}
		}})
		defer h.close()
		alice, bob := h.pair(t)
		blocks.Store(true)
		time.Sleep(10 * time.Minute) // new ones were due a minute ago
		alice.frames()
		bob.frames()
		alice.tell(bob, "room", `1`)
		bob.wantMessage(alice, `1`)
		alice.wantClosed("") // its heart has gone on beating
		carol := h.client(t)
		carol.connect()
		carol.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}})
		carol.wantNothing()
		close(release)
		carol.welcomed(false)
		for _, c := range []*client{alice, bob} {
			c.want(wire.TypeICEServers)
		}
	})
}
