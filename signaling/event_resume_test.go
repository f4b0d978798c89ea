package signaling

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestAnswerOutlivesItsLink(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		t.Run(fmt.Sprintf("elsewhere=%v", elsewhere), func(t *testing.T) {
			inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
				release := make(chan struct{})
				var ran int
				h.code(func(app *App) {
					app.Handle("block", func(*Call) (any, error) { <-release; ran++; return "done", nil })
					app.Handle("echo", func(c *Call) (any, error) { return c.Data, nil })
				})
				alice, bob := h.pair(t)
				block := alice.emit("block", ``)
				alice.cut()
				if elsewhere {
					alice.elsewhere()
				}
				start := time.Now()
				alice.resume(alice.conn.had)
				w := alice.welcomed(true)
				if d := time.Since(start); d != 0 {
					t.Errorf("the resume took %v", d)
				}
				if alice.conn.ack != block {
					t.Errorf("welcome %+v acks %d, want %d: the event was taken in", w, alice.conn.ack, block)
				}
				echo := alice.emit("echo", `1`)
				alice.tell(bob, "room", `"behind"`)
				alice.wantNothing()
				bob.wantNothing()
				bob.tell(alice, "room", `"still there"`)
				alice.wantMessage(bob, `"still there"`)
				close(release)
				alice.wantAnswer(block, `"done"`)
				alice.wantAnswer(echo, `1`)
				bob.wantMessage(alice, `"behind"`)
				if ran != 1 {
					t.Errorf("ran %d times", ran)
				}
			})
		})
	}
}

func TestAnswerFollowsASessionThatMovesTwice(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		release := make(chan struct{})
		h.code(func(app *App) {
			app.Handle("block", func(*Call) (any, error) { <-release; return "done", nil })
		})
		alice, _ := h.pair(t)
		block := alice.emit("block", ``)
		for range 2 {
			alice.cut()
			alice.elsewhere()
			alice.resume(alice.conn.had)
			alice.welcomed(true)
		}
		close(release)
		alice.wantAnswer(block, `"done"`)
	})
}

func TestMiddlewareLetsAMessageGoOnWhereTheSessionIsByThen(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		release := make(chan struct{})
		h.code(func(app *App) {
			app.Use(func(next Handler) Handler {
				return func(c *Call) (any, error) {
					if c.Type == wire.TypeMessage || c.Type == wire.TypeJoin && c.Room == "slow" {
						<-release
					}
					return next(c)
				}
			})
		})
		alice, bob := h.pair(t)
		alice.tell(bob, "room", `"slow"`)
		alice.cut()
		alice.elsewhere()
		alice.resume(alice.conn.had)
		alice.welcomed(true)
		bob.wantNothing()
		release <- struct{}{}
		bob.wantMessage(alice, `"slow"`)
		alice.send(&wire.Message{Type: wire.TypeJoin, Room: "slow"})
		alice.cut()
		alice.elsewhere()
		alice.resume(alice.conn.had)
		alice.welcomed(true)
		release <- struct{}{}
		alice.want(wire.TypeJoined)
		bob.wantNothing()
	})
}

func TestHandlerOfANodeThatDiedIsGivenUp(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		release := make(chan struct{})
		defer close(release)
		h.code(func(app *App) {
			app.Handle("block", func(*Call) (any, error) { <-release; return "done", nil })
			app.Handle("echo", func(c *Call) (any, error) { return c.Data, nil })
		})
		alice := h.hello(t)
		block := alice.emit("block", ``)
		old := alice.srv
		alice.cut()
		alice.elsewhere()
		alice.resume(alice.conn.had)
		alice.welcomed(true)
		echo := alice.emit("echo", `1`)
		h.cluster.Kill(old.node.Name())
		time.Sleep(memoryLease)
		alice.wantError(wire.CodeOutcomeUnknown, block)
		alice.wantAnswer(echo, `1`)
	})
}

func TestReplyAndItsRepeatAfterAResumeAnswerOnce(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		t.Run(fmt.Sprintf("elsewhere=%v", elsewhere), func(t *testing.T) {
			inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
				asked := 0
				h.code(func(app *App) {
					app.Handle("ask me", func(c *Call) (any, error) {
						asked++
						return c.Peer.Request(c.Context(), "well?", nil)
					})
				})
				alice := h.hello(t)
				block := alice.emit("ask me", ``)
				q := alice.wantEvent("well?", ``)
				alice.cut()
				if elsewhere {
					alice.elsewhere()
				}
				alice.resume(0) // nothing had: the question comes again
				alice.welcomed(true)
				if again := alice.wantEvent("well?", ``); again.RID != q.RID {
					t.Errorf("rid %s, was %s", again.RID, q.RID)
				}
				alice.reply(q, `"first"`)
				alice.reply(q, `"second"`)
				alice.wantAnswer(block, `"first"`)
				alice.wantAnswer(alice.emit2(q), `"third"`)
				if asked != 2 {
					t.Errorf("asked %d times", asked)
				}
			})
		})
	}
}

// emit2 emits "ask me" again and answers the question, and returns the id.
func (c *client) emit2(was *wire.Message) uint64 {
	c.t.Helper()
	id := c.emit("ask me", ``)
	q := c.wantEvent("well?", ``)
	if q.RID == was.RID {
		c.t.Errorf("rid %s twice", q.RID)
	}
	c.reply(q, `"third"`)
	return id
}

// TestOvertakingRepliesKeepTheOrderOfIDs: replies take effect before the frames
// that they overtake, and count as done behind them, wherever the link is cut.
func TestOvertakingRepliesKeepTheOrderOfIDs(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		var order []string
		h.code(func(app *App) {
			app.Handle("ask me", func(c *Call) (any, error) {
				data, err := c.Peer.Request(c.Context(), "well?", nil)
				order = append(order, string(data))
				return nil, err
			})
			app.Handle("note", func(c *Call) (any, error) { order = append(order, string(c.Data)); return nil, nil })
		})
		alice := h.hello(t)
		alice.emit("ask me", ``)
		q := alice.wantEvent("well?", ``)
		note := &wire.Message{Type: wire.TypeEvent, Name: "note", Data: json.RawMessage(`"note"`)}
		alice.send(note)
		had := alice.conn.had
		alice.reply(q, `"reply"`) // and is cut before anything comes back
		synctest.Wait()
		alice.cut()
		alice.elsewhere()
		alice.resume(had)
		alice.welcomed(true)
		done := alice.conn.ack
		if done != alice.id {
			t.Errorf("done %d, want all %d", done, alice.id)
		}
		for range 2 {
			alice.want(wire.TypeOK)
		}
		if got := fmt.Sprint(order); got != `["reply" "note"]` {
			t.Errorf("order %s", got)
		}
	})
}

func TestEventsAreLostWithTheHistoryAndWorkAgainBehindIt(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		release := make(chan struct{})
		defer close(release)
		h.code(func(app *App) {
			app.Handle("block", func(*Call) (any, error) { <-release; return "done", nil })
			app.Handle("echo", func(c *Call) (any, error) { return c.Data, nil })
		})
		alice := h.hello(t)
		alice.emit("block", ``)
		h.cluster.Kill(alice.srv.node.Name())
		alice.cut()
		alice.elsewhere()
		alice.resume(alice.conn.had)
		time.Sleep(handLimit)
		alice.welcomed(false)
		alice.id = 0
		alice.wantAnswer(alice.emit("echo", `1`), `1`)
	})
}
