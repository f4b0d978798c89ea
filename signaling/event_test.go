package signaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// code adds code to the default app of every server.
func (h *harness) code(f func(*App)) {
	for _, s := range h.servers {
		f(s.App("default"))
	}
}

// emit sends an event and returns its id.
func (c *client) emit(name, data string) uint64 {
	c.t.Helper()
	m := &wire.Message{Type: wire.TypeEvent, Name: name}
	if data != "" {
		m.Data = json.RawMessage(data)
	}
	c.send(m)
	return c.id
}

func (c *client) wantAnswer(re uint64, data string) {
	c.t.Helper()
	if m := c.want(wire.TypeOK); m.Re != re || string(m.Data) != data {
		c.t.Fatalf("%s got ok{re %d, %s}, want re %d, %s", c.peer, m.Re, m.Data, re, data)
	}
}

func (c *client) wantEvent(name, data string) *wire.Message {
	c.t.Helper()
	m := c.want(wire.TypeEvent)
	if m.Name != name || string(m.Data) != data {
		c.t.Fatalf("%s got event %q %s, want %q %s", c.peer, m.Name, m.Data, name, data)
	}
	return m
}

// reply answers an event of the server.
func (c *client) reply(m *wire.Message, data string) {
	c.send(&wire.Message{Type: wire.TypeReply, RID: m.RID, Data: json.RawMessage(data)})
}

func TestHandlerAnswersAnEvent(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		h.code(func(app *App) {
			Handle(app, "double", func(c *Call, n int) (any, error) { return 2 * n, nil })
			app.Handle("nothing", func(c *Call) (any, error) { return nil, nil })
			app.Handle("who", func(c *Call) (any, error) { return c.Peer.ID(), nil })
			app.Handle("raw", func(c *Call) (any, error) { return json.RawMessage(`{"a":[1]}`), nil })
		})
		alice := h.hello(t)
		alice.wantAnswer(alice.emit("double", `21`), `42`)
		alice.wantAnswer(alice.emit("nothing", ``), ``)
		alice.wantAnswer(alice.emit("who", `null`), `"`+alice.peer+`"`)
		alice.wantAnswer(alice.emit("raw", ``), `{"a":[1]}`)
		alice.wantNothing()
	})
}

func TestHandlerRefuses(t *testing.T) {
	eachTopology(t, Config{MaxMessage: 1000}, func(t *testing.T, h *harness) {
		var failures []string
		h.code(func(app *App) {
			app.Handle("refuse", func(*Call) (any, error) { return 1, Refuse("shop.sold_out", "no %s left", "tea") })
			app.Handle("wrap", func(*Call) (any, error) { return nil, fmt.Errorf("outer: %w", Refuse("shop.closed", "closed")) })
			app.Handle("fail", func(*Call) (any, error) { return nil, errors.New("secret") })
			app.Handle("panic", func(*Call) (any, error) { panic("secret") })
			app.Handle("unencodable", func(*Call) (any, error) { return func() {}, nil })
			app.Handle("huge", func(*Call) (any, error) { return make([]byte, 1000), nil })
			Handle(app, "typed", func(_ *Call, n int) (any, error) { return n, nil })
			app.OnError(func(p *Peer, what string, err error) { failures = append(failures, what) })
			app.OnError(func(*Peer, string, error) { panic("also here") })
		})
		alice := h.hello(t)
		for _, c := range []struct {
			name, data string
			code       wire.Code
		}{
			{"refuse", "", "shop.sold_out"},
			{"wrap", "", "shop.closed"},
			{"fail", "", wire.CodeInternal},
			{"panic", "", wire.CodeInternal},
			{"unencodable", "", wire.CodeInternal},
			{"huge", "", wire.CodeTooBig},
			{"typed", `"x"`, wire.CodeBadMessage},
			{"unheard", "", wire.CodeUnknownEvent},
		} {
			id := alice.emit(c.name, c.data)
			m := alice.want(wire.TypeError)
			if m.Code != c.code || m.Re != id {
				t.Errorf("%s: error{%s, re %d}, want %s, re %d", c.name, m.Code, m.Re, c.code, id)
			}
			if retries := m.After != 0; retries != (c.code == wire.CodeInternal) {
				t.Errorf("%s: after %d; only the protocol's own codes say when to try again", c.name, m.After)
			}
			if c.code == wire.CodeInternal && m.Text != c.name+": the server has made a mistake" {
				t.Errorf("%s: the client is told %q", c.name, m.Text)
			}
		}
		if got := fmt.Sprint(failures); got != "[fail panic unencodable]" {
			t.Errorf("OnError heard of %s", got)
		}
		alice.wantAnswer(alice.emit("typed", `7`), `7`) // it goes on
	})
}

func TestCatchAllGetsWhatNobodyHandles(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		h.code(func(app *App) {
			app.Handle("known", func(*Call) (any, error) { return "known", nil })
			app.HandleAny(func(c *Call) (any, error) { return "any " + c.Name, nil })
		})
		alice := h.hello(t)
		alice.wantAnswer(alice.emit("known", ``), `"known"`)
		alice.wantAnswer(alice.emit("other", ``), `"any other"`)
	})
}

func TestBlockedHandlerHoldsUpOnlyItsPeer(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		release := make(chan struct{})
		h.code(func(app *App) {
			app.Handle("block", func(*Call) (any, error) { <-release; return "done", nil })
			app.Handle("echo", func(c *Call) (any, error) { return c.Data, nil })
		})
		alice, bob := h.pair(t)
		block := alice.emit("block", ``)
		echo := alice.emit("echo", `1`)
		alice.tell(bob, "room", `"late"`)
		alice.wantNothing()
		start := time.Now()
		bob.wantNothing()
		bob.wantAnswer(bob.emit("echo", `2`), `2`)
		bob.tell(alice, "room", `"now"`)
		alice.wantMessage(bob, `"now"`)
		alice.send(&wire.Message{Type: wire.TypePing})
		alice.want(wire.TypePong)
		if d := time.Since(start); d != 0 {
			t.Errorf("it took others %v", d)
		}
		close(release)
		alice.wantAnswer(block, `"done"`)
		alice.wantAnswer(echo, `1`)
		bob.wantMessage(alice, `"late"`)
	})
}

func TestAckCoversAnEventWhoseHandlerRuns(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		release := make(chan struct{})
		h.code(func(app *App) {
			app.Handle("block", func(*Call) (any, error) { <-release; return nil, nil })
		})
		alice := h.hello(t)
		id := alice.emit("block", ``)
		time.Sleep(time.Second)
		alice.want(wire.TypeAck)
		if alice.conn.ack != id {
			t.Errorf("acked %d, want %d", alice.conn.ack, id)
		}
		close(release)
		alice.wantAnswer(id, ``)
	})
}

func TestHandlerMayRequestItsOwnPeer(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		h.code(func(app *App) {
			app.Handle("buy", func(c *Call) (any, error) {
				sure, err := c.Peer.Request(c.Context(), "sure?", c.Data)
				return []json.RawMessage{sure}, err
			})
			app.Handle("echo", func(c *Call) (any, error) { return c.Data, nil })
		})
		alice := h.hello(t)
		start := time.Now()
		buy := alice.emit("buy", `"tea"`)
		echo := alice.emit("echo", `1`)
		q := alice.wantEvent("sure?", `"tea"`)
		alice.reply(q, `"yes"`)
		alice.wantAnswer(buy, `["yes"]`)
		alice.wantAnswer(echo, `1`)
		alice.reply(q, `"no"`) // nobody waits
		alice.wantNothing()
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
		alice.send(&wire.Message{Type: wire.TypeEvent, ID: alice.id, Name: "echo"}) // the reply has counted
		alice.wantNothing()
	})
}

func TestReplyRefuses(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		result := make(chan error, 1)
		h.code(func(app *App) {
			app.Handle("ask me", func(c *Call) (any, error) {
				_, err := c.Peer.Request(c.Context(), "well?", nil)
				result <- err
				return nil, nil
			})
		})
		alice := h.hello(t)
		id := alice.emit("ask me", ``)
		q := alice.wantEvent("well?", ``)
		alice.send(&wire.Message{Type: wire.TypeReply, RID: q.RID, Code: "busy", Text: "not now"})
		alice.wantAnswer(id, ``)
		var refusal *Error
		if err := <-result; !errors.As(err, &refusal) || refusal.Code != "busy" || refusal.Text != "not now" {
			t.Errorf("Request: %v", err)
		}
	})
}

func TestOnlyWhoWasAskedCanReply(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		h.code(func(app *App) {
			app.Handle("ask me", func(c *Call) (any, error) { return c.Peer.Request(c.Context(), "well?", nil) })
		})
		alice, mallory := h.hello(t), h.hello(t)
		id := alice.emit("ask me", ``)
		q := alice.wantEvent("well?", ``)
		mallory.reply(q, `"forged"`)
		for _, rid := range []string{"x", ".", "1", "no-such-node.1", q.RID + "0", q.RID + ".1"} {
			mallory.send(&wire.Message{Type: wire.TypeReply, RID: rid})
		}
		mallory.wantNothing()
		alice.wantNothing()
		alice.reply(q, `"mine"`)
		alice.wantAnswer(id, `"mine"`)
	})
}

func TestEmitComesBeforeTheAnswer(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		h.code(func(app *App) {
			app.Handle("go", func(c *Call) (any, error) {
				for i := range 3 {
					c.Peer.Emit("alone", i)
					app.To("room").Emit("all", i)
				}
				return "end", nil
			})
		})
		alice := h.hello(t)
		alice.join("room")
		id := alice.emit("go", ``)
		for i := range 3 {
			alice.wantEvent("alone", fmt.Sprint(i))
			alice.wantEvent("all", fmt.Sprint(i))
		}
		alice.wantAnswer(id, `"end"`)
	})
}

func TestByeDoesNotWaitForCode(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		release := make(chan struct{})
		var ran []string
		h.code(func(app *App) {
			app.Handle("block", func(c *Call) (any, error) { <-release; ran = append(ran, "block"); return nil, nil })
			app.Handle("note", func(c *Call) (any, error) { ran = append(ran, "note"); return nil, c.Context().Err() })
			app.OnDisconnect(func(_ *Peer, reason DisconnectReason) { ran = append(ran, string(reason)) })
		})
		alice, bob := h.pair(t)
		alice.emit("block", ``)
		alice.emit("note", ``)
		alice.tell(bob, "room", `"last words"`)
		alice.send(&wire.Message{Type: wire.TypeBye})
		bob.wantMessage(alice, `"last words"`)
		bob.want(wire.TypePeerLeft)
		alice.wantClosed(wire.CodeBye)
		close(release)
		synctest.Wait()
		if got := fmt.Sprint(ran); got != "[block note client]" {
			t.Errorf("ran %s", got)
		}
	})
}

func TestCallerBehindABlockedHandlerIsHeldBackThenRefused(t *testing.T) {
	inBubble(t, 1, Config{Burst: 1000}, func(t *testing.T, h *harness) {
		release := make(chan struct{})
		h.code(func(app *App) {
			app.Handle("block", func(*Call) (any, error) { <-release; return nil, nil })
		})
		defer close(release)
		alice := h.hello(t)
		alice.emit("block", ``)
		for i := range 2*maxQueue + 1 {
			pause, err := alice.sendTo(alice.conn, &wire.Message{Type: wire.TypeEvent, Name: "block"})
			switch {
			case i < maxQueue-1 && (pause != 0 || err != nil):
				t.Fatalf("frame %d: pause %v, %v", i, pause, err)
			case i >= maxQueue-1 && i < maxWaiting-1 && (pause != time.Second || err != nil):
				t.Fatalf("frame %d: pause %v, %v, want 1 s", i, pause, err)
			case i >= maxWaiting-1 && err == nil:
				t.Fatalf("frame %d: not refused", i)
			}
		}
		alice.wantError(wire.CodeRateLimited, 0)
		alice.wantClosed(wire.CodeRateLimited)
		h.wantLimit(LimitQueue, 1)
	})
}
