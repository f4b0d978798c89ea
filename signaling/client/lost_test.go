package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestNothingIsLostWhereverTheLinkIsCut(t *testing.T) {
	cuts := 0
	for cut := int64(6); cut < 60; cut++ {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t, signaling.Config{})
			a := h.join(Config{})
			once := &plan{}
			once.left.Store(cut)
			h.cutBy(once)
			b, err := h.tryJoin()
			if err != nil {
				a.close()
				return // within Dial: the caller's to repeat
			}
			var wg sync.WaitGroup
			wg.Go(func() { a.send(b, 0, 20) })
			wg.Go(func() { b.send(a, 0, 20) })
			wg.Wait()
			after(5 * time.Second)
			if got := b.had(a.client.ID()); got != numbers(20) {
				t.Errorf("cut %d: b had %s", cut, got)
			}
			if got := a.had(b.client.ID()); got != numbers(20) {
				t.Errorf("cut %d: a had %s", cut, got)
			}
			if got := a.told(); got != "PeerJoined" {
				t.Errorf("cut %d: a was told %s; a short loss is silent", cut, got)
			}
			s := b.client.Stats()
			if s.Links != s.Resumed+1 {
				t.Errorf("cut %d: %+v", cut, s)
			}
			cuts += s.Resumed
			b.close()
			a.close()
		})
	}
	if cuts < 20 {
		t.Errorf("only %d of the cuts fell into the conversation", cuts)
	}
}

func TestNothingIsLostOnAFlakyNetwork(t *testing.T) {
	for every := int64(8); every < 40; every++ {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t, signaling.Config{})
			a := h.join(Config{})
			b := h.join(Config{})
			synctest.Wait()
			h.cutBy(&plan{every: every})
			h.last().Cut()
			var wg sync.WaitGroup
			wg.Go(func() { a.send(b, 0, 50) })
			wg.Go(func() { b.send(a, 0, 50) })
			wg.Wait()
			after(time.Hour)
			if got := b.had(a.client.ID()); got != numbers(50) {
				t.Errorf("every %d: b had %s", every, got)
			}
			if got := a.had(b.client.ID()); got != numbers(50) {
				t.Errorf("every %d: a had %s; b %+v, err %v", every, got, b.client.Stats(), b.client.Err())
			}
			if s := b.client.Stats(); s.Links < 3 || s.Lost > 0 {
				t.Errorf("every %d: %+v", every, s)
			}
			h.cutBy(nil)
			b.close()
			a.close()
		})
	}
}

func (h *harness) tryJoin() (*player, error) { return h.tryJoinWith(Config{}) }

func (h *harness) tryJoinWith(cfg Config) (*player, error) {
	cfg.NetDial = h.dial
	c, err := Dial(h.t.Context(), "ws://server/ws", cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	r, err := c.Join(ctx, "r", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	p := &player{t: h.t, client: c, room: r, got: make(map[string][]string)}
	p.done.Go(p.read)
	synctest.Wait()
	return p, nil
}

func TestLostServerLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		for i := range 5 {
			a.send(b, 10*i, 10)
			b.send(a, 10*i, 10)
			if i%2 == 0 {
				synctest.Wait() // the server has acknowledged, the peer not confirmed
			}
			h.replace()
			after(20 * time.Second)
		}
		if got := b.had(a.client.ID()); got != numbers(50) {
			t.Errorf("b had %s", got)
		}
		if got := a.had(b.client.ID()); got != numbers(50) {
			t.Errorf("a had %s", got)
		}
		for _, p := range []*player{a, b} {
			if s := p.client.Stats(); s.Lost != 5 || !s.Linked {
				t.Errorf("%+v, want 5 lost", s)
			}
			if told := p.told(); strings.Contains(told, "PeerLeft") || !strings.Contains(told, "PeerBack(false)") {
				t.Errorf("was told %s", told)
			}
		}
		a.close()
		b.close()
	})
}

func TestPeerMissingAfterALostServerIsAwayThenLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		b.client.cancel(errors.New("the machine is gone")) // without a word
		<-b.client.Done()
		h.replace()
		after(30 * time.Second)
		if got, want := a.told(), "PeerJoined PeerAway"; got != want {
			t.Errorf("after 30 s a was told %s, want %s", got, want)
		}
		if err := a.room.Send(t.Context(), b.client.ID(), json.RawMessage(`1`)); err != nil {
			t.Errorf("send to a peer that may come back: %v", err)
		}
		after(40 * time.Second)
		if got, want := a.told(), "PeerJoined PeerAway PeerLeft(timeout)"; got != want {
			t.Errorf("after 70 s a was told %s, want %s", got, want)
		}
		err := a.room.Send(t.Context(), b.client.ID(), json.RawMessage(`1`))
		if e := new(wire.Error); !errors.As(err, &e) || e.Code != wire.CodeNoSuchPeer {
			t.Errorf("send to a peer that left: %v", err)
		}
		b.done.Wait()
		a.close()
	})
}

func TestAwayAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		h.block(true)
		h.last().Cut() // b's
		after(5 * time.Second)
		if got, want := a.told(), "PeerJoined PeerAway"; got != want {
			t.Errorf("a was told %s, want %s", got, want)
		}
		h.block(false)
		after(20 * time.Second)
		if got, want := a.told(), "PeerJoined PeerAway PeerBack(true)"; got != want {
			t.Errorf("a was told %s, want %s", got, want)
		}
		b.close()
		a.close()
	})
}

func TestSilentLinkIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		h.last().Stall()
		b.send(a, 0, 3)
		after(24 * time.Second)
		if s := b.client.Stats(); s.Links != 1 {
			t.Errorf("%+v before heartbeat.dead", s)
		}
		after(5 * time.Second)
		if s := b.client.Stats(); s.Links != 2 || s.Resumed != 1 {
			t.Errorf("%+v, want a second link that resumed", s)
		}
		if got := a.had(b.client.ID()); got != numbers(3) {
			t.Errorf("a had %s", got)
		}
		b.close()
		a.close()
	})
}

func TestProbeFindsADeadLinkInHalfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a := h.join(Config{})
		synctest.Wait()
		a.client.Probe()
		after(time.Second)
		if s := a.client.Stats(); s.Links != 1 {
			t.Errorf("%+v: a living link was replaced", s)
		}
		h.last().Stall()
		a.client.Probe()
		after(499 * time.Millisecond)
		if s := a.client.Stats(); s.Links != 1 {
			t.Errorf("%+v too early", s)
		}
		after(10 * time.Millisecond)
		if s := a.client.Stats(); s.Links != 2 || s.Resumed != 1 {
			t.Errorf("%+v, want a second link", s)
		}
		a.close()
	})
}

func TestServerGoneForTheWindowEndsTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a := h.join(Config{})
		h.kill()
		<-a.client.Done()
		a.done.Wait()
		var e *wire.Error
		if err := a.client.Err(); !errors.As(err, &e) || e.Code != wire.CodeSessionGone {
			t.Errorf("%v, want session_gone", err)
		}
		if _, err := a.room.Next(t.Context()); !errors.As(err, &e) {
			t.Errorf("the room ended with %v", err)
		}
		if err := a.room.Send(t.Context(), a.client.ID(), json.RawMessage(`1`)); !errors.As(err, &e) {
			t.Errorf("send: %v", err)
		}
		h.start() // for kill at the end
	})
}

// What was asked without a connection has never been sent; nobody must wait
// for its answer when there will be none.
func TestRequestsOfAnEndedClientFail(t *testing.T) {
	for _, way := range []string{"the window passes", "closed"} {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t, signaling.Config{})
			a := h.join(Config{})
			h.block(true)
			h.cutAll()
			synctest.Wait()
			ask := map[string]func() error{
				"RefreshICE": func() error { _, err := a.client.RefreshICE(t.Context()); return err },
				"Join":       func() error { _, err := a.client.Join(t.Context(), "other", nil); return err },
				"Update":     func() error { return a.room.Update(t.Context(), json.RawMessage(`1`)) },
			}
			var asking sync.WaitGroup
			for what, do := range ask {
				asking.Go(func() {
					if err := do(); err == nil {
						t.Errorf("%s: %s succeeded", way, what)
					}
				})
			}
			synctest.Wait()
			if way == "closed" {
				a.close()
			}
			<-a.client.Done()
			asking.Wait() // or the bubble is deadlocked
			a.done.Wait()
		})
	}
}

func TestOwnOutboxOverALongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		h.block(true)
		h.cutAll()
		a.send(b, 0, 30)
		for i := range 5 {
			if err := a.room.Broadcast(t.Context(), fmt.Appendf(nil, `"%d"`, i)); err != nil {
				t.Error(err)
			}
		}
		after(30 * time.Second)
		h.block(false)
		after(30 * time.Second)
		if got, want := b.had(a.client.ID()), numbers(30)+` "0" "1" "2" "3" "4"`; got != want {
			t.Errorf("b had %s, want %s", got, want)
		}
		a.close()
		b.close()
	})
}

func TestRefusedTokenIsRenewedOnReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		good, asked := "one", 0
		h := newHarness(t, signaling.Config{Authenticate: func(_ context.Context, hello signaling.Hello) (signaling.Identity, error) {
			mu.Lock()
			defer mu.Unlock()
			if hello.Token != good {
				return signaling.Identity{}, wire.Refuse(wire.CodeUnauthenticated, "wrong token")
			}
			return signaling.Identity{User: "ada"}, nil
		}})
		a := h.join(Config{Token: func(context.Context) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			asked++
			return good, nil
		}})
		for range 3 {
			h.cutAll()
			after(10 * time.Second)
		}
		mu.Lock()
		if asked != 4 {
			t.Errorf("asked for a token %d times in 4 connections", asked)
		}
		mu.Unlock()
		if s := a.client.Stats(); s.Resumed != 3 {
			t.Errorf("%+v", s)
		}
		a.close()
	})
}

func TestDrainedServerIsLeftAndComeBackTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		a.send(b, 0, 5)
		if err := h.server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		h.replace()
		b.send(a, 0, 5)
		after(40 * time.Second)
		if got := b.had(a.client.ID()); got != numbers(5) {
			t.Errorf("b had %s", got)
		}
		if got := a.had(b.client.ID()); got != numbers(5) {
			t.Errorf("a had %s", got)
		}
		a.close()
		b.close()
	})
}
