package signaling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// where are the places in which code of an app runs.
var where = []string{
	"middleware", "OnConnect", "OnJoin", "OnRoomCreated", "OnJoined", "handler", "OnError",
	"OnDisconnecting", "OnDisconnect", "OnLeft", "OnRoomDeleted",
}

// everywhere calls f in each of them, for the first peer that comes.
func (h *harness) everywhere(f func(where string)) {
	first := ""
	of := func(p *Peer, where string) {
		if first == "" || first == p.ID() {
			first = p.ID()
			f(where)
		}
	}
	h.code(func(app *App) {
		app.Use(func(next Handler) Handler {
			return func(c *Call) (any, error) { of(c.Peer, "middleware"); return next(c) }
		})
		app.OnConnect(func(p *Peer) error { of(p, "OnConnect"); return nil })
		app.OnJoin(func(p *Peer, _ string, _ json.RawMessage) error { of(p, "OnJoin"); return nil })
		app.OnJoined(func(p *Peer, _ string) { of(p, "OnJoined") })
		app.OnLeft(func(p *Peer, _ string, _ wire.Reason) { of(p, "OnLeft") })
		app.OnDisconnecting(func(p *Peer, _ DisconnectReason) { of(p, "OnDisconnecting") })
		app.OnDisconnect(func(p *Peer, _ DisconnectReason) { of(p, "OnDisconnect") })
		app.OnError(func(p *Peer, _ string, _ error) { of(p, "OnError") })
		for _, hook := range []string{"OnRoomCreated", "OnRoomDeleted"} {
			on := map[string]func(func(string)){"OnRoomCreated": app.OnRoomCreated, "OnRoomDeleted": app.OnRoomDeleted}[hook]
			on(func(room string) {
				if room == "room" {
					f(hook)
				}
			})
		}
		app.Handle("fail", func(c *Call) (any, error) { of(c.Peer, "handler"); return nil, errors.New("failed") })
		app.Handle("echo", func(c *Call) (any, error) { return c.Data, nil })
	})
}

// live does all that calls code.
func (h *harness) live(t *testing.T) {
	c := h.client(t)
	c.connect()
	for _, m := range []*wire.Message{
		{Type: wire.TypeHello, Hello: &wire.Hello{}},
		{Type: wire.TypeEvent, Name: "fail"},
		{Type: wire.TypeJoin, Room: "room"},
		{Type: wire.TypeBye},
	} {
		c.send(m)
		synctest.Wait()
	}
}

// others wants that nobody else notices.
func (h *harness) others(t *testing.T) {
	t.Helper()
	start := time.Now()
	bob, carol := h.hello(t), h.hello(t)
	bob.join("b")
	carol.join("b")
	bob.want(wire.TypePeerJoined)
	carol.tell(bob, "b", `1`)
	bob.wantMessage(carol, `1`)
	bob.wantAnswer(bob.emit("echo", `2`), `2`)
	carol.send(&wire.Message{Type: wire.TypeBye})
	bob.want(wire.TypePeerLeft)
	if d := time.Since(start); d > 4*time.Millisecond { // of the harness
		t.Errorf("it took others %v", d)
	}
}

func TestCodeThatBlocksHoldsUpOnlyItsPeer(t *testing.T) {
	for _, blocks := range where {
		t.Run(blocks, func(t *testing.T) {
			eachTopology(t, Config{}, func(t *testing.T, h *harness) {
				release, blocked := make(chan struct{}), false
				h.everywhere(func(where string) {
					if where == blocks {
						blocked = true
						<-release
					}
				})
				h.live(t)
				if !blocked {
					t.Fatal("it was not called")
				}
				h.others(t)
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
				if waited != 1 {
					t.Errorf("%d of %d servers waited for it, want the one where it runs", waited, len(h.servers))
				}
				close(release)
				synctest.Wait()
			})
		})
	}
}

func TestCodeThatPanicsHarmsNobody(t *testing.T) {
	for _, panics := range where {
		t.Run(panics, func(t *testing.T) {
			eachTopology(t, Config{}, func(t *testing.T, h *harness) {
				n := uint64(0)
				h.everywhere(func(where string) {
					if where == panics {
						n++
						panic(where)
					}
				})
				h.live(t)
				h.others(t)
				got := uint64(0)
				for _, s := range h.servers {
					got += s.Stats().Panics
				}
				if n == 0 || got != n {
					t.Errorf("%d panics, and %d were counted", n, got)
				}
			})
		})
	}
}

// Unencodable panics in code that encoding/json calls.
type unencodable struct{}

func (unencodable) MarshalJSON() ([]byte, error) { panic("secret") }

func TestMistakesOfCodeAreInternal(t *testing.T) {
	var none *Error // an error that is not nil
	cfg := Config{Authenticate: func(_ context.Context, hello Hello) (Identity, error) {
		if hello.Token == "" {
			return Identity{}, nil
		}
		return Identity{}, none
	}}
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		h.code(func(app *App) {
			app.Handle("nil", func(*Call) (any, error) { return nil, none })
			app.Handle("empty", func(*Call) (any, error) { return nil, &Error{} })
			app.Handle("result", func(*Call) (any, error) { return unencodable{}, nil })
		})
		alice := h.hello(t)
		for _, name := range []string{"nil", "empty", "result"} {
			id := alice.emit(name, ``)
			alice.wantError(wire.CodeInternal, id)
		}
		mallory := h.client(t)
		mallory.connect()
		mallory.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: "x"}})
		mallory.wantError(wire.CodeInternal, 0)
		mallory.wantClosed(wire.CodeInternal)
	})
}

func TestNobodyWaitsForASlowClientsEvents(t *testing.T) {
	eachTopology(t, Config{Outbox: 128 << 10}, func(t *testing.T, h *harness) {
		fast, slow := h.pair(t)
		slow.conn.setLazy(true)
		text, start := strings.Repeat("x", 8<<10), time.Now()
		for i := range 12 {
			if err := h.app().To("room").Emit("news", fmt.Sprint(i, text)); err != nil {
				t.Fatal(err)
			}
			if m := fast.want(wire.TypeEvent); len(m.Data) < len(text) {
				t.Errorf("news %d has %d bytes", i, len(m.Data))
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
		slow.wantClosed(wire.CodeSlowConsumer)
		slow.resume(slow.conn.had) // which repairs it
		slow.welcomed(true)
		for i := range 12 {
			if m := slow.want(wire.TypeEvent); !strings.HasPrefix(string(m.Data), fmt.Sprintf("\"%dx", i)) {
				t.Errorf("event %d is %.10s", i, m.Data)
			}
		}
		slow.wantNothing()
	})
}

func TestMiddlewareSeesMessagesToUsers(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		var seen []string
		h.code(func(app *App) {
			app.Use(func(next Handler) Handler {
				return func(c *Call) (any, error) {
					if c.Type == wire.TypeMessage {
						seen = append(seen, c.User+" "+string(c.Data))
					}
					if string(c.Data) == `"bad"` {
						return nil, Refuse("app.bad", "no")
					}
					return next(c)
				}
			})
		})
		ann, ben := h.as(t, "ann"), h.as(t, "ben")
		ann.join("room")
		ben.join("room")
		ann.want(wire.TypePeerJoined)
		for _, data := range []string{`"bad"`, `"good"`} {
			ann.send(&wire.Message{Type: wire.TypeMessage, User: "ben", Data: json.RawMessage(data)})
		}
		ann.wantError("app.bad", ann.id-1)
		ben.wantMessage(ann, `"good"`)
		ben.wantNothing()
		if !slices.Equal(seen, []string{`ben "bad"`, `ben "good"`}) {
			t.Errorf("seen %q", seen)
		}
	})
}
