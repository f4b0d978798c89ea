package ws

import (
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A conn is one upgraded connection: a signaling.Conn over gorilla, which
// reads. What is written is made here.
type conn struct {
	ws           *websocket.Conn // static; used by the reader
	socket       *socket         // static
	writeTimeout time.Duration   // static

	wake chan struct{} // there may be something to write
	gone chan struct{} // closed by cut
	once sync.Once     // of cut

	mu      sync.Mutex  // guards the following
	pong    []byte      // the answer to the newest ping; nil: none is due
	goodbye []byte      // the last frame to write; nil while the connection lives
	timer   *time.Timer // cuts what is not over in time after goodbye was set
	failed  error       // why a write failed
}

var _ signaling.Conn = (*conn)(nil)

func newConn(ws *websocket.Conn, socket *socket, writeTimeout time.Duration) *conn {
	c := &conn{
		ws:           ws,
		socket:       socket,
		writeTimeout: writeTimeout,
		wake:         make(chan struct{}, 1),
		gone:         make(chan struct{}),
	}
	socket.upgraded.Store(true)
	ws.SetPingHandler(c.handlePing)
	ws.SetCloseHandler(func(int, string) error { return nil }) // readLoop gets it as an error
	return c
}

// serve carries link until the client leaves, it fails or the core closes it.
// It blocks; no goroutine of this connection outlives it.
func (c *conn) serve(link *signaling.Link, maxMessage int) error {
	link.Start(c)
	c.socket.charge = func(frames, size int) error { return c.charge(link, frames, size) }
	var wg sync.WaitGroup
	wg.Go(func() { c.writeLoop(link) })
	cause := c.readLoop(link, maxMessage)
	wg.Wait() // writeLoop has ended the connection, or it was cut
	link.Detach(cause)
	// To close a TCP connection with unread input resets it, and the client
	// might never see the close frame. So it is for the client to close, in time.
	c.socket.charge = nil
	io.Copy(io.Discard, c.socket)
	c.cut()
	return cause
}

// Wake implements signaling.Conn.
func (c *conn) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Close implements signaling.Conn.
func (c *conn) Close(code wire.Code) {
	status := code.Info().Close
	if status == 0 {
		status = wire.CodeInternal.Info().Close
	}
	c.end(closeFrame(status, string(code)))
}

// end makes goodbye the last frame, and gives the connection closeTime. Only
// the first call counts.
func (c *conn) end(goodbye []byte) {
	c.mu.Lock()
	if c.goodbye == nil {
		c.goodbye = goodbye
		c.timer = time.AfterFunc(closeTime, c.cut)
	}
	c.mu.Unlock()
	c.Wake()
}

// cut ends the connection at once, and with it both loops.
func (c *conn) cut() {
	c.once.Do(func() {
		close(c.gone)
		c.socket.cut()
	})
	c.mu.Lock()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
}
