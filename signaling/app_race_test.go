package signaling

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// wantPattern wants that nothing is left of app team-a, and that who comes to it
// next meets the code of its pattern.
func (h *harness) wantPattern(t *testing.T) {
	t.Helper()
	time.Sleep(2 * time.Minute) // whoever may still wait to be resumed
	synctest.Wait()
	for _, s := range h.servers {
		if got := fmt.Sprint(names(s.Apps()), s.onDemand); got != "[default] 0" {
			t.Errorf("left: %s", got)
		}
	}
	c := h.helloTo(t, "team-a")
	c.wantAnswer(c.emit("where", ``), `"team-a"`)
}

func TestAnAppThatIsForgottenWhileAHelloIsJudgedKeepsItsCode(t *testing.T) {
	var judge func() // blocks
	cfg := Config{Authenticate: func(context.Context, Hello) (Identity, error) {
		if judge != nil {
			judge()
		}
		return Identity{User: "ann"}, nil
	}}
	for _, resumes := range []bool{false, true} {
		t.Run(fmt.Sprint("resumes=", resumes), func(t *testing.T) {
			inBubble(t, 2, cfg, func(t *testing.T, h *harness) {
				for _, s := range h.servers {
					s.AppPattern("team-*").Handle("where", func(c *Call) (any, error) { return c.Peer.App().Name(), nil })
				}
				hello := &wire.Hello{Token: "good"}
				srv := h.servers[0]
				if resumes { // on the node where nobody else is in the app
					c := h.helloTo(t, "team-a")
					if srv == c.srv {
						srv = h.servers[1]
					}
					hello.Resume = &wire.Resume{Token: c.token, Nonce: "0123456789abcdef"}
					c.cut()
				}
				hold := make(chan struct{})
				judge = func() { <-hold }
				link, err := srv.Admit(LinkInfo{App: "team-a"})
				if err != nil {
					t.Fatal(err)
				}
				link.Start(&fakeConn{c: h.client(t), link: link})
				link.Receive(&wire.Message{Type: wire.TypeHello, Hello: hello}, 100)
				synctest.Wait()
				link.Detach(nil)
				judge = nil
				close(hold)
				h.wantPattern(t)
			})
		})
	}
}

func TestAnAppThatIsForgottenBeforeItsRoomComesKeepsItsCode(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		for _, s := range h.servers {
			s.AppPattern("team-*").Handle("where", func(c *Call) (any, error) { return c.Peer.App().Name(), nil })
		}
		for range 20 { // the room is told of on a goroutine, and mostly too late
			c := h.helloTo(t, "team-a")
			c.conn.link.Receive(&wire.Message{Type: wire.TypeJoin, ID: 1, Room: "room"}, 50)
			c.conn.link.Detach(ErrLeft)
		}
		h.wantPattern(t)
	})
}
