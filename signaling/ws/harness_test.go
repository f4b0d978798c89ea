package ws

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/internal/memconn"
)

// A harness is a server over memconn, to be made inside a bubble. The bubble
// fails the test if a goroutine is left when it ends.
type harness struct {
	t        testing.TB
	srv      *signaling.Server
	listener *memconn.Listener
	http     *http.Server
	open     atomic.Int64 // requests that are served
}

func newHarness(t testing.TB, cfg signaling.Config, wsCfg Config) *harness {
	h := &harness{t: t, srv: signaling.New(cfg), listener: memconn.Listen(0)}
	handler := Handler(h.srv, wsCfg)
	h.http = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.open.Add(1)
		defer h.open.Add(-1)
		handler.ServeHTTP(w, r)
	})}
	go h.http.Serve(h.listener)
	return h
}

// stop ends everything; clients need not read for that.
func (h *harness) stop() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.srv.Shutdown(ctx); err != nil {
		h.t.Errorf("shutdown: %v", err)
	}
	h.http.Close()
}

// bubble runs test with a server in a bubble.
func bubble(t *testing.T, cfg signaling.Config, wsCfg Config, test func(h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, cfg, wsCfg)
		defer time.Sleep(closeTime) // which clients have to close, and some do not
		defer h.stop()
		test(h)
	})
}

// A client is a hand-written one: gorilla over memconn.
type client struct {
	*websocket.Conn
	h    *harness
	wire *memconn.Conn
	id   int // of the last frame
	peer string
}

// A frame is what tests read of one.
type frame struct {
	Type, Room, From, Code, Text, Reason string
	Seq                                  uint64
	Peer                                 json.RawMessage
	Data                                 json.RawMessage
}

func (h *harness) dial() *client {
	h.t.Helper()
	c := &client{h: h}
	d := websocket.Dialer{
		Subprotocols: []string{Subprotocol},
		NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var err error
			c.wire, err = h.listener.Dial(ctx)
			return c.wire, err
		},
	}
	var err error
	if c.Conn, _, err = d.DialContext(context.Background(), "ws://signal.test/ws", nil); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// join dials, says hello and joins a room.
func (h *harness) join(room string) *client {
	h.t.Helper()
	c := h.dial()
	c.say(`{"type":"hello"}`)
	if err := json.Unmarshal(c.want("welcome").Peer, &c.peer); err != nil {
		h.t.Fatal(err)
	}
	c.send(`"type":"join","room":"` + room + `"`)
	c.want("joined")
	return c
}

// say writes one text frame.
func (c *client) say(text string) {
	c.h.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.h.t.Fatal(err)
	}
}

// send says a frame with fields, and the id that is due.
func (c *client) send(fields string) {
	c.h.t.Helper()
	c.id++
	b, _ := json.Marshal(c.id)
	c.say(`{"id":` + string(b) + `,` + fields + `}`)
}

// next reads the next frame.
func (c *client) next() (frame, error) {
	for {
		_, b, err := c.ReadMessage()
		if err != nil {
			return frame{}, err
		}
		var f frame
		if err := json.Unmarshal(b, &f); err != nil {
			c.h.t.Fatalf("%v in %s", err, b)
		}
		if f.Type == "ping" {
			c.say(`{"type":"pong"}`)
		}
		if f.Type != "ping" && f.Type != "ack" {
			return f, nil
		}
	}
}

// want reads the next frame, which has to be a kind.
func (c *client) want(kind string) frame {
	c.h.t.Helper()
	f, err := c.next()
	if err != nil || f.Type != kind {
		c.h.t.Fatalf("got %+v, %v; want %s", f, err, kind)
	}
	return f
}

// wantClose reads to the end, which has to be a close frame.
func (c *client) wantClose(status int, reason string) {
	c.h.t.Helper()
	for {
		_, err := c.next()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != status || closed.Text != reason {
			c.h.t.Errorf("ended with %v, want close %d %q", err, status, reason)
		}
		c.Close()
		return
	}
}
