package signaling

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// until makes a handler that runs as long as its context, and says when it ended.
func (h *harness) until(ended *bool) {
	h.code(func(app *App) {
		app.Handle("stream", func(c *Call) (any, error) {
			<-c.Context().Done()
			*ended = true
			return nil, nil
		})
	})
}

func TestContextOfACallEndsWithTheSessionWhereverThatIs(t *testing.T) {
	for _, moves := range []int{0, 1, 2, 3} { // 3: back to where the handler runs
		inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
			ended := false
			h.until(&ended)
			alice := h.hello(t)
			alice.emit("stream", ``)
			for range moves {
				alice.cut()
				alice.elsewhere()
				alice.resume(alice.conn.had)
				alice.welcomed(true)
				time.Sleep(2 * forwardFor) // where it was forgets it
				synctest.Wait()
			}
			if ended {
				t.Errorf("%d moves: it ended before the session", moves)
			}
			alice.send(&wire.Message{Type: wire.TypeBye})
			synctest.Wait()
			if !ended {
				t.Errorf("%d moves: it has outlived the session", moves)
			}
			for _, s := range h.servers {
				if n := len(s.running.calls); n != 0 {
					t.Errorf("%d calls are left", n)
				}
			}
		})
	}
}

func TestContextOfACallEndsWithTheNodeToWhichTheSessionMoved(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		ended := false
		h.until(&ended)
		alice := h.hello(t)
		alice.emit("stream", ``)
		alice.cut()
		alice.elsewhere()
		alice.resume(alice.conn.had)
		alice.welcomed(true)
		h.cluster.Kill(alice.srv.node.Name())
		time.Sleep(memoryLease)
		synctest.Wait()
		if !ended {
			t.Error("it has outlived the session")
		}
	})
}

func TestContextOfACallEndsWithTheServer(t *testing.T) {
	for _, moves := range []bool{false, true} {
		inBubble(t, 2, Config{}, func(t *testing.T, h *harness) {
			ended := false
			h.until(&ended)
			alice := h.hello(t)
			alice.emit("stream", ``)
			synctest.Wait()
			old := alice.srv
			if moves {
				alice.cut()
				alice.elsewhere()
				alice.resume(alice.conn.had)
				alice.welcomed(true)
				time.Sleep(2 * forwardFor)
			}
			if err := old.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if !ended {
				t.Errorf("moves %v: it has outlived the server", moves)
			}
		})
	}
}
