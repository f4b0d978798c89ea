package signaling

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// replies are what a Request of many has returned.
type replies struct {
	list []Reply
	err  error
}

// vote asks all of a room.
func (h *harness) vote(ctx context.Context) <-chan replies {
	done := make(chan replies, 1)
	go func() {
		list, err := h.app().To("room").Request(ctx, "vote", nil)
		done <- replies{list, err}
	}()
	return done
}

// three are in a room.
func (h *harness) three(t *testing.T) (alice, bob, carol *client) {
	t.Helper()
	alice, bob = h.pair(t)
	carol = h.hello(t)
	carol.join("room")
	alice.want(wire.TypePeerJoined)
	bob.want(wire.TypePeerJoined)
	return alice, bob, carol
}

func (h *harness) wantNoQuestions(t *testing.T) {
	t.Helper()
	for _, s := range h.servers {
		if n := len(s.questions.open); n != 0 {
			t.Errorf("%d questions are left", n)
		}
	}
}

func TestRequestOfManyCollectsTheirReplies(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob, carol := h.three(t)
		voted := h.vote(t.Context())
		alice.reply(alice.wantEvent("vote", ``), `1`)
		bob.reply(bob.wantEvent("vote", ``), `2`)
		q := carol.wantEvent("vote", ``)
		if q.Room != "room" {
			t.Errorf("room %q", q.Room)
		}
		carol.send(&wire.Message{Type: wire.TypeReply, RID: q.RID, Code: "abstain"})
		r := <-voted
		if r.err != nil || len(r.list) != 3 {
			t.Fatalf("%+v", r)
		}
		sum := 0
		for _, reply := range r.list {
			var n int
			err := reply.Bind(&n)
			var refusal *Error
			if reply.Peer == carol.peer && (!errors.As(err, &refusal) || refusal.Code != "abstain") {
				t.Errorf("carol: %v", err)
			}
			sum += n
		}
		if sum != 3 {
			t.Errorf("votes: %+v", r.list)
		}
		list, err := h.app().To("empty").Request(t.Context(), "vote", nil)
		if len(list) != 0 || err != nil {
			t.Errorf("nobody: %v, %v", list, err)
		}
		h.wantNoQuestions(t)
	})
}

func TestRequestOfManyReturnsWhatHasComeWithTheError(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, _, _ := h.three(t)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		voted := h.vote(ctx)
		alice.reply(alice.wantEvent("vote", ``), `1`)
		r := <-voted
		if !errors.Is(r.err, context.DeadlineExceeded) || len(r.list) != 1 || r.list[0].Peer != alice.peer || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %+v", time.Since(start), r)
		}
		if r = <-h.vote(t.Context()); len(r.list) != 0 || time.Since(start) != 13*time.Second {
			t.Errorf("without a deadline, after %v: %+v", time.Since(start)-3*time.Second, r)
		}
		h.wantNoQuestions(t)
	})
}

func TestRequestEndsWithItsPeer(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		results := make(chan error)
		ask := func(id string) {
			_, err := h.app().Peer(id).Request(t.Context(), "well?", nil)
			results <- err
		}
		wantGone := func(err error) {
			t.Helper()
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Code != wire.CodeNoSuchPeer {
				t.Errorf("%v, want no_such_peer", err)
			}
		}
		go ask(alice.peer)
		alice.wantEvent("well?", ``)
		alice.send(&wire.Message{Type: wire.TypeBye})
		wantGone(<-results)
	})
}

func TestRequestReachesPeersOfOtherNodesAndThoseThatMove(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		_, bob := h.hello(t), h.hello(t)
		results := make(chan string)
		go func() {
			data, err := h.app().Peer(bob.peer).Request(t.Context(), "well?", 1)
			results <- fmt.Sprintf("%s %v", data, err)
		}()
		bob.wantEvent("well?", `1`)
		bob.cut()
		bob.elsewhere()
		bob.resume(0)
		bob.welcomed(true)
		bob.reply(bob.wantEvent("well?", `1`), `"here"`)
		if got := <-results; got != `"here" <nil>` {
			t.Errorf("got %s", got)
		}
	})
}

func TestRequestOfNobodyEndsAtOnce(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob, carol := h.hello(t), h.hello(t), h.hello(t)
		last := make(chan error, 1)
		h.code(func(app *App) {
			app.OnDisconnect(func(p *Peer, _ DisconnectReason) {
				_, err := p.Request(t.Context(), "sorry?", nil)
				last <- err
			})
		})
		start := time.Now()
		ask := func(id string) {
			t.Helper()
			_, err := h.app().Peer(id).Request(t.Context(), "well?", nil)
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Code != wire.CodeNoSuchPeer {
				t.Errorf("%v, want no_such_peer", err)
			}
		}
		ask("AAAAAAAAAAAAAAAAAAAA")
		for _, c := range []*client{alice, bob, carol} {
			c.send(&wire.Message{Type: wire.TypeBye})
			synctest.Wait()
			ask(c.peer)
			if err := <-last; err == nil {
				t.Error("who has gone has answered")
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
	})
}

func TestRequestEndsWithAPeerOfAnotherNodeAlsoWhenThatHasMoved(t *testing.T) {
	for moves := range 4 {
		inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
			_, bob := h.hello(t), h.hello(t)
			results := make(chan error)
			go func() {
				_, err := h.app().Peer(bob.peer).Request(t.Context(), "well?", nil)
				results <- err
			}()
			bob.wantEvent("well?", ``)
			for range moves {
				bob.cut()
				bob.elsewhere()
				bob.resume(bob.conn.had)
				bob.welcomed(true)
			}
			start := time.Now()
			bob.send(&wire.Message{Type: wire.TypeBye})
			var refusal *Error
			if err := <-results; !errors.As(err, &refusal) || refusal.Code != wire.CodeNoSuchPeer || time.Since(start) != 0 {
				t.Errorf("%d moves, after %v: %v", moves, time.Since(start), err)
			}
		})
	}
}

func TestReplyThatComesRightBeforeByeCounts(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		for range 20 {
			alice := h.hello(t)
			results := make(chan string)
			go func() {
				data, err := h.app().Peer(alice.peer).Request(t.Context(), "well?", nil)
				results <- fmt.Sprint(string(data), err)
			}()
			alice.reply(alice.wantEvent("well?", ``), `"yes"`)
			alice.send(&wire.Message{Type: wire.TypeBye})
			if got := <-results; got != `"yes"<nil>` {
				t.Fatal(got)
			}
		}
	})
}
