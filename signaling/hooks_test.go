package signaling

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"encoding/json"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// diary notes what hooks hear of, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Fatalf("hooks heard\n %q, want\n %q", d.lines, want)
	}
	d.lines = nil
}

// keepDiary notes all hooks of all servers.
func (h *harness) keepDiary() *diary {
	d := &diary{}
	h.code(func(app *App) {
		app.OnConnect(func(p *Peer) error { d.note("connect"); return nil })
		app.OnJoin(func(p *Peer, room string, data json.RawMessage) error { d.note("join %s %s", room, data); return nil })
		app.OnRoomCreated(func(room string) { d.note("created %s", room) })
		app.OnJoined(func(p *Peer, room string) { d.note("joined %s", room) })
		app.OnLeft(func(p *Peer, room string, reason wire.Reason) { d.note("left %s %s", room, reason) })
		app.OnRoomDeleted(func(room string) { d.note("deleted %s", room) })
		app.OnDisconnecting(func(p *Peer, reason DisconnectReason) { d.note("disconnecting %s %v", reason, p.Rooms()) })
		app.OnDisconnect(func(p *Peer, reason DisconnectReason) { d.note("disconnect %s", reason) })
	})
	return d
}

func TestHooksHearOfALife(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		d := h.keepDiary()
		alice := h.hello(t)
		d.want(t, "connect")
		alice.send(&wire.Message{Type: wire.TypeJoin, Room: "a", Data: json.RawMessage(`{"name":"A"}`)})
		alice.want(wire.TypeJoined)
		d.want(t, `join a {"name":"A"}`, "created a", "joined a")
		alice.join("b")
		alice.join("b")
		d.want(t, "join b ", "created b", "joined b")
		bob := h.hello(t)
		bob.join("b")
		d.want(t, "connect", "join b ", "joined b")
		alice.send(&wire.Message{Type: wire.TypeLeave, Room: "b"})
		d.want(t, "left b left")
		bob.send(&wire.Message{Type: wire.TypeBye})
		d.want(t, "disconnecting client [b]", "disconnect client", "left b left", "deleted b")
		alice.cut()
		time.Sleep(59 * time.Second)
		d.want(t)
		time.Sleep(time.Second)
		d.want(t, "disconnecting timeout [a]", "disconnect timeout", "left a timeout", "deleted a")
	})
}

func TestResumeIsNoConnect(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.join("a")
		d := h.keepDiary()
		alice.cut()
		alice.elsewhere()
		alice.resume(alice.conn.had)
		alice.welcomed(true)
		time.Sleep(2 * forwardFor) // where it was forgets it
		d.want(t)
		alice.send(&wire.Message{Type: wire.TypeBye})
		d.want(t, "disconnecting client [a]", "disconnect client", "left a left", "deleted a")
	})
}

func TestReasonsOfDisconnect(t *testing.T) {
	for want, end := range map[DisconnectReason]func(c *client){
		DisconnectClient:  func(c *client) { c.conn.link.Detach(ErrLeft) },
		DisconnectTimeout: func(c *client) { c.cut(); time.Sleep(time.Minute) },
		DisconnectServer:  func(c *client) { c.srv.App("default").Peer(c.peer).Disconnect(nil) },
		DisconnectBadLink: func(c *client) {
			c.conn.link.Malformed(0, 1<<20, wire.Refuse(wire.CodeTooBig, "too big"))
		},
		DisconnectStolen: func(c *client) {
			for range 3 {
				c.resume(0)
				c.nonce = c.h.newNonce()
			}
		},
	} {
		t.Run(string(want), func(t *testing.T) {
			eachTopology(t, Config{}, func(t *testing.T, h *harness) {
				d := h.keepDiary()
				alice := h.hello(t)
				d.want(t, "connect")
				end(alice)
				d.want(t, "disconnecting "+string(want)+" []", "disconnect "+string(want))
			})
		})
	}
}

func TestOnConnectRefuses(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		d := h.keepDiary()
		h.code(func(app *App) {
			app.OnConnect(func(p *Peer) error { return wire.Refuse(wire.CodeForbidden, "not you") })
			app.OnConnect(func(p *Peer) error { d.note("not reached"); return nil })
		})
		alice := h.client(t)
		alice.connect()
		alice.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}})
		alice.wantError(wire.CodeForbidden, 0)
		alice.wantClosed(wire.CodeForbidden)
		d.want(t, "connect")
		if st := alice.srv.Stats(); st.Sessions != 0 || st.Welcomed != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestOnConnectThatFailsIsInternal(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		h.code(func(app *App) {
			app.OnConnect(func(p *Peer) error { return errors.New("the database is away") })
		})
		alice := h.client(t)
		alice.connect()
		alice.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}})
		alice.wantError(wire.CodeInternal, 0)
		alice.wantClosed(wire.CodeInternal)
	})
}

func TestOnJoinRefuses(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		d := h.keepDiary()
		h.code(func(app *App) {
			app.OnJoin(func(p *Peer, room string, data json.RawMessage) error {
				switch string(data) {
				case `"no"`:
					return Refuse("school.closed", "come back at %d", 8)
				case `"oh"`:
					return errors.New("the database is away")
				}
				return nil
			})
		})
		alice := h.hello(t)
		d.want(t, "connect")
		for data, code := range map[string]wire.Code{`"no"`: "school.closed", `"oh"`: wire.CodeInternal} {
			alice.send(&wire.Message{Type: wire.TypeJoin, Room: "room", Data: json.RawMessage(data)})
			alice.wantError(code, alice.id)
			d.want(t, "join room "+data)
		}
		alice.tell(nil, "room", `1`)
		alice.wantError(wire.CodeNotInRoom, alice.id)
		for _, s := range h.servers {
			if rooms := s.App("default").Rooms(); len(rooms) != 0 {
				t.Errorf("there are rooms %v", rooms)
			}
		}
		alice.join("room")
		d.want(t, "join room ", "created room", "joined room")
	})
}

func TestWhatOnConnectSendsIsBehindWelcome(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		h.code(func(app *App) {
			app.OnConnect(func(p *Peer) error {
				p.Set("name", "alice")
				return p.Emit("motd", "hello")
			})
			app.Handle("name", func(c *Call) (any, error) {
				name, ok := Value[string](c.Peer, "name")
				_, number := Value[int](c.Peer, "name")
				return fmt.Sprint(name, ok, number), nil
			})
		})
		alice := h.hello(t)
		alice.wantEvent("motd", `"hello"`)
		alice.wantAnswer(alice.emit("name", ``), `"alicetrue false"`)
	})
}

func TestWhatIsKeptWithAPeerLastsAsLongAsItsSessionIsThere(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		h.code(func(app *App) {
			Handle(app, "keep", func(c *Call, n int) (any, error) { c.Peer.Set("n", n); return nil, nil })
			app.Handle("kept", func(c *Call) (any, error) { return c.Peer.Get("n"), nil })
		})
		alice, bob := h.hello(t), h.hello(t)
		alice.wantAnswer(alice.emit("keep", `7`), ``)
		alice.wantAnswer(alice.emit("kept", ``), `7`)
		bob.wantAnswer(bob.emit("kept", ``), ``)
		back := func() {
			alice.cut()
			alice.resume(alice.conn.had)
			alice.welcomed(true)
		}
		back()
		alice.wantAnswer(alice.emit("kept", ``), `7`)
		if h.app().Peer(alice.peer).Set("n", nil); len(h.servers) == 1 {
			alice.wantAnswer(alice.emit("kept", ``), ``)
			return
		}
		alice.elsewhere()
		back()
		alice.wantAnswer(alice.emit("kept", ``), ``)
	})
}

func TestBlockedHooksHoldUpOnlyTheirPeer(t *testing.T) {
	for _, where := range []string{"OnConnect", "OnJoin", "OnJoined", "OnDisconnect"} {
		t.Run(where, func(t *testing.T) {
			eachTopology(t, Config{}, func(t *testing.T, h *harness) {
				release := make(chan struct{})
				defer close(release)
				first := ""
				block := func(name string, p *Peer) {
					if name == where && (first == "" || first == p.ID()) {
						first = p.ID()
						<-release
					}
				}
				h.code(func(app *App) {
					app.OnConnect(func(p *Peer) error { block("OnConnect", p); return nil })
					app.OnJoin(func(p *Peer, _ string, _ json.RawMessage) error { block("OnJoin", p); return nil })
					app.OnJoined(func(p *Peer, _ string) { block("OnJoined", p) })
					app.OnDisconnect(func(p *Peer, _ DisconnectReason) { block("OnDisconnect", p) })
				})
				alice := h.client(t)
				alice.connect()
				alice.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}})
				alice.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
				synctest.Wait()
				if where == "OnDisconnect" {
					alice.send(&wire.Message{Type: wire.TypeBye})
					synctest.Wait()
				}
				if first == "" {
					t.Fatal("nothing blocks")
				}
				start := time.Now()
				bob, carol := h.hello(t), h.hello(t)
				bob.join("b")
				carol.join("b")
				bob.want(wire.TypePeerJoined)
				carol.tell(bob, "b", `1`)
				bob.wantMessage(carol, `1`)
				if d := time.Since(start); d > 4*time.Millisecond { // of the harness
					t.Errorf("it took others %v", d)
				}
			})
		})
	}
}

func TestJoinsBehindABlockedHookWait(t *testing.T) {
	inBubble(t, 1, Config{Burst: 10000, Rate: 10000, JoinRate: -1}, func(t *testing.T, h *harness) {
		release := make(chan struct{})
		h.code(func(app *App) {
			app.OnJoined(func(p *Peer, _ string) { <-release })
		})
		alice := h.hello(t)
		for range maxQueue {
			alice.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
			alice.want(wire.TypeJoined)
			alice.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
			alice.want(wire.TypeOK)
		}
		alice.send(&wire.Message{Type: wire.TypeJoin, Room: "room"}) // one hook runs, and 64 wait
		alice.want(wire.TypeJoined)
		alice.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
		alice.wantNothing()
		close(release)
		alice.want(wire.TypeOK)
	})
}

func TestMiddlewareIsAroundWhatClientsAskFor(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		d := &diary{}
		h.code(func(app *App) {
			for _, name := range []string{"outer", "inner"} {
				app.Use(func(next Handler) Handler {
					return func(c *Call) (any, error) {
						d.note("%s %s %s%s", name, c.Type, c.Name, c.Room)
						if string(c.Data) == `"bad"` {
							return nil, Refuse("app.bad", "no")
						}
						result, err := next(c)
						if n, ok := result.(int); ok {
							result = n + 1
						}
						return result, err
					}
				})
			}
			app.Handle("one", func(*Call) (any, error) { return 1, nil })
			app.OnJoin(func(*Peer, string, json.RawMessage) error { d.note("OnJoin"); return nil })
		})
		alice := h.hello(t)
		d.want(t, "outer hello ", "inner hello ")
		alice.wantAnswer(alice.emit("one", ``), `3`)
		d.want(t, "outer event one", "inner event one")
		alice.emit("one", `"bad"`)
		alice.wantError("app.bad", alice.id)
		d.want(t, "outer event one")
		alice.join("room")
		d.want(t, "outer join room", "inner join room", "OnJoin")
		bob := h.hello(t)
		bob.join("room")
		alice.want(wire.TypePeerJoined)
		d.want(t, "outer hello ", "inner hello ", "outer join room", "inner join room", "OnJoin")
		alice.tell(bob, "room", `"good"`)
		alice.tell(nil, "room", `"to all"`)
		alice.tell(bob, "room", `"bad"`)
		alice.wantError("app.bad", alice.id)
		alice.tell(bob, "nowhere", `1`)
		alice.wantError(wire.CodeNotInRoom, alice.id)
		bob.wantMessage(alice, `"good"`)
		bob.wantMessage(alice, `"to all"`)
		bob.wantNothing()
		d.lines = nil
		alice.send(&wire.Message{Type: wire.TypeOffer, Room: "room", To: bob.peer, PC: 1, Gen: 1, Data: json.RawMessage(`{"sdp":""}`)})
		bob.want(wire.TypeOffer)
		d.want(t) // negotiations never come here
	})
}
