package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestBackoffDoublesWithJitterToItsCeiling(t *testing.T) {
	for _, random := range []float64{0, 0.5, 1} {
		b := backoff{random: func() float64 { return random }}
		if d := b.next(); d != 0 {
			t.Errorf("the first attempt waits %v", d)
		}
		for _, want := range []time.Duration{500, 1000, 2000, 4000, 8000, 15000, 15000, 15000} {
			want = time.Duration(float64(want*time.Millisecond) * (0.5 + random/2))
			if d := b.next(); d != want {
				t.Errorf("jitter %v: waits %v, want %v", random, d, want)
			}
		}
		b.reset()
		if d := b.next(); d != 0 {
			t.Errorf("after a reset it waits %v", d)
		}
	}
}

func TestRetryFollowsTheCode(t *testing.T) {
	closed := func(number int, reason string) error {
		return closedBy(&websocket.CloseError{Code: number, Text: reason}, 3*time.Second)
	}
	answered := func(status int, after, body string) error {
		return refused(&http.Response{
			StatusCode: status, Status: http.StatusText(status),
			Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader(body)),
		})
	}
	for _, c := range []struct {
		name  string
		err   error
		code  wire.Code
		retry wire.Retry
		after time.Duration
	}{
		{"slow consumer", closed(4430, "slow_consumer"), wire.CodeSlowConsumer, wire.RetryNow, 3 * time.Second},
		{"restart", closed(1012, ""), wire.CodeGoingAway, wire.RetryAfter, 3 * time.Second},
		{"replaced", closed(4409, "replaced"), wire.CodeReplaced, wire.RetryNever, 3 * time.Second},
		{"a code of tomorrow", closed(4444, "moon_phase"), wire.CodeForbidden, wire.RetryNever, 3 * time.Second},
		{"a reason that does not fit", closed(1012, "replaced"), wire.CodeGoingAway, wire.RetryAfter, 3 * time.Second},
		{"network", errors.New("connection reset"), "", wire.RetryNow, 0},
		{"proxy's close", closed(1001, "bye"), "", wire.RetryNow, 0},
		{"full", answered(503, "7", `{"code":"unavailable","detail":"full"}`), wire.CodeUnavailable, wire.RetryAfter, 7 * time.Second},
		{"unknown app", answered(404, "", `{"code":"unknown_app"}`), wire.CodeUnknownApp, wire.RetryNever, 0},
		{"a proxy's 404", answered(404, "", `<html>`), wire.CodeUnknownApp, wire.RetryAfter, 0},
		{"a proxy's 502", answered(502, "", ``), wire.CodeUnavailable, wire.RetryAfter, 0},
		{"a proxy's 401", answered(401, "", ``), wire.CodeUnauthenticated, wire.RetryAuthenticate, 0},
		{"a proxy's 403", answered(403, "", ``), wire.CodeForbidden, wire.RetryAfter, 0},
		{"too many", answered(429, "1", ``), wire.CodeRateLimited, wire.RetryAfter, time.Second},
		{"wrapped", fmt.Errorf("client: hello: %w", closed(4410, "session_gone")), wire.CodeSessionGone, wire.RetryFresh, 3 * time.Second},
	} {
		retry, after := retryOf(c.err)
		var e *wire.Error
		if errors.As(c.err, &e) != (c.code != "") || e != nil && e.Code != c.code {
			t.Errorf("%s: is %v, want the code %q", c.name, c.err, c.code)
		}
		if retry != c.retry || after != c.after {
			t.Errorf("%s: %s after %v, want %s after %v", c.name, retry, after, c.retry, c.after)
		}
	}
}

func TestAddress(t *testing.T) {
	for base, want := range map[string]string{
		"ws://h/ws":      "ws://h/ws?app=a",
		"https://h/x?y=": "wss://h/x?app=a&y=",
		"http://h:1/ws":  "ws://h:1/ws?app=a",
		"ftp://h/":       "",
		":":              "",
	} {
		if got, err := (Config{App: "a"}).address(base); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", base, got, err, want)
		}
	}
}

func TestOutboxNumbersWithoutGap(t *testing.T) {
	var o outbox
	given := &parcel{msg: &wire.Message{}}
	for _, p := range []*parcel{nil, given, nil, nil} {
		o.add(&frame{msg: &wire.Message{}, size: 10, parcel: p})
	}
	given.over = true // before it was ever sent: it gets no id
	for want := uint64(1); want <= 3; want++ {
		if f := o.take(); f == nil || f.id != want || f.parcel != nil {
			t.Fatalf("took %+v, want id %d", f, want)
		}
	}
	if o.take() != nil || o.bytes != 30 {
		t.Errorf("%d bytes are left, want 30", o.bytes)
	}
	if freed, err := o.ack(2); !freed || err != nil {
		t.Errorf("ack: %v, %v", freed, err)
	}
	if freed, err := o.ack(1); freed || err != nil {
		t.Errorf("an old ack: %v, %v", freed, err)
	}
	if _, err := o.ack(4); err == nil {
		t.Error("an ack of what was never sent was taken")
	}
	o.rewind()
	if f := o.take(); f == nil || f.id != 3 {
		t.Errorf("after a rewind: %+v, want id 3 again", f)
	}
	o.add(&frame{msg: &wire.Message{Type: wire.TypeICE}, size: 5})
	o.add(&frame{msg: &wire.Message{Type: wire.TypeJoin}, size: 5})
	o.reset(func(f *frame) bool { return f.msg.Type == wire.TypeICE })
	if f := o.take(); f == nil || f.id != 1 || f.msg.Type != wire.TypeICE || o.bytes != 5 {
		t.Errorf("after a reset: %+v, %d bytes", f, o.bytes)
	}
}

func TestPaceHoldsTheRate(t *testing.T) {
	now := time.Now()
	start := now
	p := newPace(50, 200, 1<<20, now)
	for range 680 { // 180 at once, then 45 each second
		for d := p.delay(100, now); d > 0; d = p.delay(100, now) {
			now = now.Add(d)
		}
		p.take(100)
	}
	if d := now.Sub(start).Round(100 * time.Millisecond); d < 11*time.Second || d > 11200*time.Millisecond {
		t.Errorf("680 frames took %v, want about 11.1 s", d)
	}
	p = newPace(50, 200, 1000, now)
	p.take(3600)
	if d := p.delay(900, now).Round(10 * time.Millisecond); d != time.Second {
		t.Errorf("900 bytes wait %v, want 1 s", d)
	}
	p = newPace(0, 0, 0, now)
	p.take(100)
	if d := p.delay(100, now); d != 0 {
		t.Errorf("without limits a frame waits %v", d)
	}
}

func TestStreamKeepsOrderAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream[int]()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an empty stream: %v", err)
		}
		over := errors.New("over")
		for i := range 3 {
			if size := s.push(i, 10); size != 10*(i+1) {
				t.Errorf("size %d", size)
			}
		}
		s.end(over)
		s.push(99, 0)
		for i := range 3 {
			if got, err := s.next(t.Context()); got != i || err != nil {
				t.Errorf("%d, %v, want %d", got, err, i)
			}
		}
		for range 2 {
			if _, err := s.next(t.Context()); !errors.Is(err, over) {
				t.Errorf("after the end: %v", err)
			}
		}
	})
}

func TestWelcomeThatIsRefusedChangesNothing(t *testing.T) {
	c := newClient(t.Context(), "", Config{}.withDefaults())
	welcome := func(resumed bool, ack uint64) *wire.Message {
		w := &wire.Welcome{Peer: "p", Resumed: resumed, Token: fmt.Sprint("token", ack)}
		return &wire.Message{Type: wire.TypeWelcome, Ack: ack, Welcome: w}
	}
	first := &link{wakeup: make(chan struct{}, 1)}
	if err := c.adopt(first, welcome(false, 0)); err != nil {
		t.Fatal(err)
	}
	nonce := c.nonce
	if err := c.adopt(&link{}, welcome(true, 9)); !errors.Is(err, errProtocol) {
		t.Errorf("an ack of what was never sent: %v", err)
	}
	if c.link != first || c.welcome.Token != "token0" || c.nonce != nonce || c.stats.Links != 1 {
		t.Errorf("link %p, want %p; token %q; %+v", c.link, first, c.welcome.Token, c.stats)
	}
}
