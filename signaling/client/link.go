package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

const (
	// maxFrame bounds what is read from the server: a snapshot with the
	// metadata of a very large room.
	maxFrame = 4 << 20
	// probeWait is how long a probe waits for a sign of life.
	probeWait = 500 * time.Millisecond
	// defaultDead is heartbeat.dead where the server does not tell it.
	defaultDead = 25_000
)

// A link is the session's life on one connection.
type link struct {
	ws      *websocket.Conn
	began   time.Time
	dead    time.Duration
	after   time.Duration // owned by the read loop: when the server said to come back
	wakeup  chan struct{} // something to write
	suspect chan struct{} // a probe was not answered
	over    chan struct{} // closed when both loops have ended
	cause   error         // set before over is closed

	// Guarded by Client.mu.
	pong     bool      // the server wants one
	probe    bool      // the next frame is a ping
	probedAt time.Time // when one went out that has no answer yet
}

func (l *link) wake() {
	select {
	case l.wakeup <- struct{}{}:
	default:
	}
}

// cut ends the link without a word.
func (l *link) cut() { _ = l.ws.Close() }

// connect opens a connection, says hello and takes welcome in. The client's
// link is then the new one, on which nothing runs as yet.
func (c *Client) connect(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.HandshakeTimeout)
	defer cancel()
	token := ""
	if c.config.Token != nil {
		var err error
		if token, err = c.config.Token(ctx); err != nil {
			return nil, fmt.Errorf("client: token: %w", err)
		}
	}
	ws, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = ws.Close() })
	welcome, err := c.hello(ws, token)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = ws.Close()
		return nil, fmt.Errorf("client: hello: %w", err)
	}
	l := &link{
		ws: ws, began: time.Now(), dead: time.Duration(cmp.Or(welcome.Welcome.Dead, defaultDead)) * time.Millisecond,
		wakeup: make(chan struct{}, 1), suspect: make(chan struct{}, 1), over: make(chan struct{}),
	}
	if err := c.adopt(l, welcome); err != nil {
		_ = ws.Close()
		return nil, err
	}
	return l, nil
}

func (c *Client) open(ctx context.Context) (*websocket.Conn, error) {
	dialer := websocket.Dialer{
		NetDialContext:  c.config.NetDial,
		TLSClientConfig: c.config.TLS,
		Subprotocols:    []string{"signal.v1"},
	}
	ws, resp, err := dialer.DialContext(ctx, c.address, c.config.Header)
	if errors.Is(err, websocket.ErrBadHandshake) {
		return nil, refused(resp)
	}
	if err != nil {
		return nil, fmt.Errorf("client: connect: %w", err)
	}
	ws.SetReadLimit(maxFrame)
	return ws, nil
}

// hello asks for the session, and returns the welcome.
func (c *Client) hello(ws *websocket.Conn, token string) (*wire.Message, error) {
	hello := &wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Versions: []string{"signal.v1"}, Token: token}}
	c.mu.Lock()
	if c.welcome.Token != "" {
		// From here on what the old link brings does not count: the server is
		// told what we have.
		if c.link != nil {
			c.dropLocked(c.link)
		}
		hello.Hello.Resume = &wire.Resume{Token: c.welcome.Token, Seq: c.seq, Nonce: c.nonce}
	} else if token != "" {
		hello.Hello.Nonce = c.nonce
	}
	c.mu.Unlock()
	if err := ws.WriteMessage(websocket.TextMessage, wire.AppendClient(nil, 0, 0, hello.AppendBody(nil))); err != nil {
		return nil, err
	}
	var said *refusal
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			if said != nil {
				return nil, said
			}
			return nil, closedBy(err, 0)
		}
		m, err := wire.Scan(data)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errProtocol, err)
		case m.Type == wire.TypeWelcome && m.Welcome != nil:
			return m, nil
		case m.Type == wire.TypeError:
			said = refusedBy(m) // the close follows
		default:
			return nil, fmt.Errorf("%w: %q before welcome", errProtocol, m.Type)
		}
	}
}

// adopt makes l the session's link. If it fails, nothing has changed.
func (c *Client) adopt(l *link, m *wire.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := *m.Welcome
	first := c.welcome.Peer == ""
	if !first && w.Peer != c.welcome.Peer {
		return fmt.Errorf("%w: resumed as another peer", errProtocol)
	}
	if w.Resumed {
		c.out.rewind()
		if _, err := c.out.ack(m.Ack); err != nil {
			return fmt.Errorf("%w: %w", errProtocol, err)
		}
	}
	c.welcome, c.nonce, c.ice = w, rand.Text(), w.ICE
	c.link = l
	c.expiresLocked(w.Expires)
	c.owed = owed{}
	c.stats.Links++
	c.pace = newPace(w.Limits.Rate, w.Limits.Burst, w.Limits.Bytes, time.Now()) // the server counts per link
	switch {
	case first:
	case w.Resumed:
		c.stats.Resumed++
		c.spaceLocked()
	default:
		c.stats.Lost++
		c.beginAgainLocked()
	}
	c.linkChangedLocked()
	c.log.Info("signaling linked", "peer", w.Peer, "resumed", w.Resumed)
	return nil
}

// carry reads and writes one link until it fails or is cut. No goroutine of
// the link outlives it.
func (c *Client) carry(l *link) {
	var writer sync.WaitGroup
	stop := make(chan struct{})
	var writing error
	writer.Go(func() {
		writing = c.writeLoop(l, stop)
		l.cut() // frees the read loop
	})
	reading := c.readLoop(l)
	close(stop)
	l.cut()
	writer.Wait()
	l.cause = reading
	if writing != nil && !errors.As(reading, new(*refusal)) {
		l.cause = writing
	}
	close(l.over)
}

func (c *Client) readLoop(l *link) error {
	for {
		_ = l.ws.SetReadDeadline(time.Now().Add(l.dead))
		_, data, err := l.ws.ReadMessage()
		if err != nil {
			return closedBy(err, l.after)
		}
		m, err := wire.Scan(data)
		if err := c.receive(l, m, err, len(data)); err != nil {
			return err
		}
	}
}

func (c *Client) writeLoop(l *link, stop <-chan struct{}) error {
	timer := time.NewTimer(forever)
	defer timer.Stop()
	var buf []byte
	for {
		var wait time.Duration
		buf, wait = c.next(l, buf[:0])
		if len(buf) > 0 {
			_ = l.ws.SetWriteDeadline(time.Now().Add(l.dead))
			if err := l.ws.WriteMessage(websocket.TextMessage, buf); err != nil {
				return err
			}
			continue
		}
		timer.Reset(max(wait, tick))
		select {
		case <-stop:
			return nil
		case <-l.wakeup:
		case <-timer.C:
		}
	}
}
