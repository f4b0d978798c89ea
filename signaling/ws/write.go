package ws

import (
	"fmt"
	"sync"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

const (
	// maxBatch is how many frames are taken at once.
	maxBatch = 32
	// maxWrite is the size from which on a batch is written: a system call
	// costs little beside it.
	maxWrite = 64 << 10
)

// A pen is what writing needs, lent while there is something to write.
type pen struct {
	batch []signaling.Outgoing
	buf   []byte
}

var pens = sync.Pool{New: func() any { return &pen{} }}

// writeLoop writes what link has, whenever it was woken, until the last frame
// or a failure.
func (c *conn) writeLoop(link *signaling.Link) {
	for {
		select {
		case <-c.gone:
			return
		case <-c.wake:
		}
		done, err := c.writeAll(link)
		if err != nil {
			c.fail(err)
			return
		}
		if done {
			c.socket.closeWrite()
			return
		}
	}
}

// writeAll writes until link has nothing more, and reports whether a close
// frame was the last of it.
func (c *conn) writeAll(link *signaling.Link) (done bool, err error) {
	p := pens.Get().(*pen)
	defer p.putBack()
	for more := true; more; {
		// Asked first: what is put in before the core calls Close is taken.
		pong, goodbye := c.control()
		p.buf = append(p.buf, pong...)
		p.batch, more = link.Take(p.batch[:0], maxBatch)
		for _, out := range p.batch {
			p.buf = appendText(p.buf, out)
			if len(p.buf) >= maxWrite {
				if err := c.flush(p); err != nil {
					return false, err
				}
			}
		}
		if !more && goodbye != nil {
			p.buf = append(p.buf, goodbye...)
			done = true
		}
	}
	return done, c.flush(p)
}

// control returns the control frames that are due.
func (c *conn) control() (pong, goodbye []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pong, c.pong = c.pong, nil
	return pong, c.goodbye
}

func (c *conn) flush(p *pen) error {
	if len(p.buf) == 0 {
		return nil
	}
	c.socket.Conn.SetWriteDeadline(time.Now().Add(c.writeTimeout))
	_, err := c.socket.Conn.Write(p.buf)
	p.buf = p.buf[:0]
	if err != nil {
		return fmt.Errorf("ws: write: %w", err)
	}
	return nil
}

func (p *pen) putBack() {
	clear(p.batch[:cap(p.batch)]) // holds no message
	p.batch, p.buf = p.batch[:0], p.buf[:0]
	if cap(p.buf) <= 2*maxWrite {
		pens.Put(p)
	}
}

// handlePing notes that a WebSocket ping has to be answered. Only the newest
// counts (RFC 6455 §5.5.3), so that pings cannot fill anything.
func (c *conn) handlePing(payload string) error {
	c.mu.Lock()
	c.pong = appendControl(nil, finPong, payload)
	c.mu.Unlock()
	c.Wake()
	return nil
}

// fail cuts the connection; readLoop then finds err as the cause.
func (c *conn) fail(err error) {
	c.mu.Lock()
	c.failed = err
	c.mu.Unlock()
	c.cut()
}
