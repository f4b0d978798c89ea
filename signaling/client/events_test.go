package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func (h *harness) app() *signaling.App {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.server.App("default")
}

func TestEventsGoBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		h.app().OnConnect(func(p *signaling.Peer) error { return p.Emit("motd", "hello") })
		signaling.Handle(h.app(), "double", func(_ *signaling.Call, n int) (any, error) { return 2 * n, nil })
		h.app().Handle("refuse", func(*signaling.Call) (any, error) { return nil, signaling.Refuse("shop.closed", "closed") })
		var told []string
		p := h.join(Config{On: map[string]Handler{
			"motd": func(_ context.Context, e *ServerEvent) (any, error) {
				told = append(told, e.Name+string(e.Data))
				return nil, nil
			},
		}})
		defer p.close()
		p.client.On("news", func(_ context.Context, e *ServerEvent) (any, error) {
			var n int
			err := e.Bind(&n)
			told = append(told, fmt.Sprint(e.Name, e.Room, n, err))
			return nil, nil
		})
		if data, err := p.client.Emit(t.Context(), "double", 21); string(data) != "42" || err != nil {
			t.Errorf("double: %s, %v", data, err)
		}
		for name, code := range map[string]wire.Code{"refuse": "shop.closed", "unheard": wire.CodeUnknownEvent, "": wire.CodeBadMessage} {
			_, err := p.client.Emit(t.Context(), name, nil)
			var refusal *wire.Error
			if !errors.As(err, &refusal) || refusal.Code != code {
				t.Errorf("%q: %v, want %s", name, err, code)
			}
		}
		if _, err := p.client.Emit(t.Context(), "double", make(chan int)); err == nil {
			t.Error("a channel was sent")
		}
		h.app().To("r").Emit("news", 7)
		h.app().All().Emit("unheard", 7)
		synctest.Wait()
		if got := strings.Join(told, " "); got != `motd"hello" newsr7 <nil>` {
			t.Errorf("told %s", got)
		}
	})
}

func TestHandlersAnswerTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		p := h.join(Config{})
		defer p.close()
		p.client.On("add", func(_ context.Context, e *ServerEvent) (any, error) {
			var ns []int
			if err := e.Bind(&ns); err != nil {
				return nil, err
			}
			return ns[0] + ns[1], nil
		})
		p.client.On("fail", func(context.Context, *ServerEvent) (any, error) { return nil, errors.New("secret") })
		p.client.On("nil", func(context.Context, *ServerEvent) (any, error) { var none *wire.Error; return nil, none })
		p.client.On("refuse", func(context.Context, *ServerEvent) (any, error) { return 1, wire.Refuse("busy", "not now") })
		p.client.On("huge", func(context.Context, *ServerEvent) (any, error) { return strings.Repeat("x", 1<<20), nil })
		p.client.On("gone", func(context.Context, *ServerEvent) (any, error) { return 1, nil })
		p.client.On("gone", nil)
		ask := func(name string, v any) string {
			data, err := h.app().Peer(p.client.ID()).Request(t.Context(), name, v)
			var refusal *wire.Error
			if errors.As(err, &refusal) {
				return string(refusal.Code)
			}
			return string(data)
		}
		for _, c := range []struct {
			name string
			v    any
			want string
		}{
			{"add", []int{1, 2}, "3"},
			{"add", "x", "bad_message"},
			{"fail", nil, "internal"},
			{"nil", nil, "internal"},
			{"refuse", nil, "busy"},
			{"huge", nil, "too_big"},
			{"gone", nil, "unknown_event"},
		} {
			if got := ask(c.name, c.v); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
	})
}

// TestEventsAreHandledOnceOverLostLinks: each event and each answer arrives
// once, in order, though the connection is cut after every few reads and writes.
func TestEventsAreHandledOnceOverLostLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		var handled []int
		signaling.Handle(h.app(), "count", func(c *signaling.Call, n int) (any, error) {
			handled = append(handled, n)
			ctx, cancel := context.WithTimeout(c.Context(), time.Hour) // the client comes back more and more slowly
			defer cancel()
			return c.Peer.Request(ctx, "again", n)
		})
		h.cutBy(&plan{every: 20})
		answered := 0
		p := h.join(Config{On: map[string]Handler{
			"again": func(_ context.Context, e *ServerEvent) (any, error) { answered++; return e.Data, nil },
		}})
		for i := range 50 {
			data, err := p.client.Emit(t.Context(), "count", i)
			if string(data) != fmt.Sprint(i) || err != nil {
				t.Fatalf("%d: %s, %v", i, data, err)
			}
		}
		if len(handled) != 50 || handled[49] != 49 || answered != 50 {
			t.Errorf("handled %v, answered %d", handled, answered)
		}
		if p.client.Stats().Links < 5 {
			t.Errorf("only %d links", p.client.Stats().Links)
		}
		h.cutBy(nil)
		p.close()
	})
}

func TestEmitEndsWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		release := make(chan struct{})
		h.app().Handle("block", func(*signaling.Call) (any, error) { <-release; return "late", nil })
		signaling.Handle(h.app(), "double", func(_ *signaling.Call, n int) (any, error) { return 2 * n, nil })
		p := h.join(Config{})
		defer p.close()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := p.client.Emit(ctx, "block", nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		close(release) // the answer is nobody's
		if data, err := p.client.Emit(t.Context(), "double", 21); string(data) != "42" || err != nil {
			t.Errorf("double: %s, %v", data, err)
		}
	})
}

func TestEmitFailsWhenItsOutcomeIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		h.app().Handle("block", func(c *signaling.Call) (any, error) { <-c.Context().Done(); return nil, nil })
		p := h.join(Config{})
		defer p.close()
		result := make(chan error, 1)
		go func() {
			_, err := p.client.Emit(t.Context(), "block", nil)
			result <- err
		}()
		synctest.Wait()
		h.replace()
		err := <-result
		var refusal *wire.Error
		if !errors.As(err, &refusal) || refusal.Code != CodeOutcomeUnknown {
			t.Errorf("%v", err)
		}
	})
}

func TestClientEndsThatHandlesNothingOfMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{Outbox: 1 << 30})
		p := h.join(Config{On: map[string]Handler{
			"block": func(ctx context.Context, _ *ServerEvent) (any, error) { <-ctx.Done(); return nil, nil },
		}})
		big := json.RawMessage(`"` + strings.Repeat("x", 60<<10) + `"`)
		for range maxUnread/len(big) + 10 {
			h.app().Peer(p.client.ID()).Emit("block", big)
		}
		<-p.client.Done()
		if err := p.client.Err(); !errors.Is(err, ErrUnread) {
			t.Errorf("%v", err)
		}
		p.done.Wait()
	})
}

func TestServerMakesAClientJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		rooms := make(chan *Room, 1)
		ann, ben := h.join(Config{Joined: func(r *Room) { rooms <- r }}), h.join(Config{})
		defer ann.close()
		defer ben.close()
		h.app().Peer(ann.client.ID()).Join("made")
		h.app().Peer(ben.client.ID()).Join("made")
		room := <-rooms
		if room.Name() != "made" {
			t.Errorf("joined %q", room.Name())
		}
		after(time.Second)
		if members := h.app().Members("made"); len(members) != 1 || members[0].ID != ann.client.ID() {
			t.Errorf("ben is left in the room: %v", members)
		}
		h.app().Peer(ann.client.ID()).Leave("made")
		for range room.Events(t.Context()) {
		}
		_, err := room.Next(t.Context())
		if removed := new(Removed); !errors.As(err, &removed) || removed.Reason != wire.ReasonForbidden {
			t.Errorf("the room ended with %v", err)
		}
	})
}

func wireCode(err error) wire.Code {
	var refusal *wire.Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}
