package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
)

// Close codes of PROTOCOL.md section 8.
const (
	closeRateLimited  = 4429
	closeSlowConsumer = 4430
)

// One client never reads, another sends as much as it can, again and again. Two
// in another room have a call and talk, and do not notice.
func TestHostileClientsHarmNobodyElse(t *testing.T) {
	noLeaks(t)
	srv := signalingtest.NewServer(t)
	s := newScene(t, srv.URL)
	ana, ben := s.join("ana", nil), s.join("ben", nil)
	s.calling(audio, video)

	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	deaf, err := dialHostile(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	closes := make(chan int, 1000)
	var floods sync.WaitGroup
	defer floods.Wait()
	defer stop()
	floods.Go(func() { // ends with ctx
		for ctx.Err() == nil {
			closes <- flood(ctx, t, s.url)
		}
	})

	var slowest time.Duration
	stats := srv.Signaling().Stats
	for k := 1; stats().Slow == 0 || stats().TooFast < 3 || k <= 100; k++ {
		slowest = max(slowest, roundTrip(ana, ben, k))
	}
	stop()
	floods.Wait()
	for len(closes) > 1 { // the last one was stopped
		if code := <-closes; code != closeRateLimited {
			t.Errorf("a client that floods was closed with %d, want %d", code, closeRateLimited)
		}
	}
	// What was sent before it was cut may be lost with the close frame.
	if code := lastWord(deaf); code != closeSlowConsumer && code != websocket.CloseAbnormalClosure {
		t.Errorf("a client that does not read was closed with %d, want %d, or cut", code, closeSlowConsumer)
	}
	s.allIntact(audio, video)
	ana.wantEvents("joined ben")
	ben.wantEvents("joined ana")
	for _, a := range s.actors {
		if stats := a.Client().Stats(); stats.Links != 1 {
			t.Errorf("%s: %+v, want one link", a.name, stats)
		}
	}
	record(t, "slowest-round-trip", slowest)
}

// roundTrip sends a message to another, who answers, and returns how long it took.
func roundTrip(a, b *actor, k int) time.Duration {
	a.scene.t.Helper()
	start := time.Now()
	for _, way := range [][2]*actor{{a, b}, {b, a}} {
		way[0].say(way[1], fmt.Sprintf(`{"k":%d}`, k))
		a.scene.until(fmt.Sprintf("message %d", k), func() bool { got, _ := way[1].messages(); return len(got) >= k })
	}
	return time.Since(start)
}

// dialHostile enters the room of those who mean no good, and does not read.
func dialHostile(url string) (*websocket.Conn, error) {
	d := websocket.Dialer{Subprotocols: []string{"signal.v1"}}
	c, _, err := d.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	for _, frame := range []string{`{"type":"hello"}`, `{"id":1,"type":"join","room":"dark"}`} {
		if err := c.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// flood sends to the room of those who mean no good until it is closed, and
// returns with what code.
func flood(ctx context.Context, t *testing.T, url string) int {
	c, err := dialHostile(url)
	if err != nil {
		t.Errorf("flood: %v", err)
		<-ctx.Done()
		return websocket.CloseAbnormalClosure
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	var reading sync.WaitGroup
	defer reading.Wait()
	code := make(chan int, 1)
	reading.Go(func() { code <- lastWord(c) }) // ends with the connection
	text := strings.Repeat("x", 60_000)
	for id := 2; ; id++ {
		if c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":%d,"type":"message","room":"dark","data":%q}`, id, text)) != nil {
			return <-code
		}
	}
}

// lastWord reads until the connection ends and returns its close code.
func lastWord(c *websocket.Conn) int {
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				return closed.Code
			}
			return websocket.CloseAbnormalClosure
		}
	}
}
