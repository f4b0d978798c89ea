package ws

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// readLoop hands the client's frames to link until the link is over, and
// returns why it is.
func (c *conn) readLoop(link *signaling.Link, maxMessage int) error {
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil {
			return c.readError(err)
		}
		frame, size, err := c.readFrame(link, r, maxMessage)
		if err != nil {
			return c.readError(err)
		}
		pause, err := receive(link, kind, frame, size, maxMessage)
		if err != nil {
			c.Close(codeOf(err)) // the core has done it already, as a rule
			return err
		}
		if pause > 0 {
			c.rest(pause)
		}
	}
}

// receive hands in one frame; frame is nil if it has more than maxMessage bytes.
func receive(link *signaling.Link, kind int, frame []byte, size, maxMessage int) (time.Duration, error) {
	var refusal *wire.Error
	switch {
	case frame == nil:
		refusal = wire.Refuse(wire.CodeTooBig, "the frame has more than %d bytes", maxMessage)
	case kind != websocket.TextMessage:
		refusal = wire.Refuse(wire.CodeNotText, "the frame is binary; send JSON in text frames")
	default:
		m, err := wire.Scan(frame)
		if err == nil {
			return link.Receive(m, size)
		}
		if !errors.As(err, &refusal) {
			return 0, fmt.Errorf("ws: scan a frame: %w", err)
		}
		return link.Malformed(m.ID, size, refusal)
	}
	link.Malformed(0, size, refusal)
	return 0, refusal
}

func codeOf(err error) wire.Code {
	var refusal *wire.Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return wire.CodeInternal
}

// readFrame reads one message, and returns it in memory of its own and its
// size. One that is bigger than limit is not read to its end: frame is nil. What is
// there of a message counts for the server's memory; while that is full, it is not read on.
func (c *conn) readFrame(link *signaling.Link, r io.Reader, limit int) (frame []byte, size int, err error) {
	var s scratch
	s.take()
	defer func() {
		link.Hold(-s.extra())
		s.giveBack()
	}()
	var more [1]byte // whether there is more than limit needs no bigger buffer
	for {
		into := s.b[size:min(len(s.b), limit)]
		switch {
		case size == limit:
			into = more[:]
		case len(into) > 0:
		case link.Hold(len(s.b)):
			s.grow()
			continue
		default:
			if c.rest(fullPause); c.isGone() {
				return nil, size, net.ErrClosed
			}
			continue
		}
		n, err := r.Read(into)
		size += n
		switch {
		case size > limit:
			return nil, size, nil
		case err == io.EOF:
			return append(make([]byte, 0, size), s.b[:size]...), size, nil
		case err != nil:
			return nil, size, err
		}
	}
}

// charge charges the client for frames that gorilla deals with.
func (c *conn) charge(link *signaling.Link, frames, size int) error {
	pause, err := link.Charge(frames, size)
	if err == nil && pause > 0 {
		c.rest(pause)
	}
	return err
}

// rest waits, so that a client that is too fast is read more slowly.
func (c *conn) rest(pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.gone:
	}
}

// isGone reports whether the connection was cut.
func (c *conn) isGone() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// readError ends the connection as err, of gorilla, calls for, and returns the
// cause for Detach: with the client's own status (RFC 6455 §5.5.1), with what
// gorilla has to say of a broken frame, or without a word if nobody is there
// to hear it.
func (c *conn) readError(err error) error {
	var closed *websocket.CloseError
	var refusal *wire.Error // of charge
	switch {
	case errors.As(err, &refusal):
		c.Close(refusal.Code) // the core has done it already, as a rule
	case errors.Is(err, websocket.ErrReadLimit): // a length that no int64 holds
		c.Close(wire.CodeTooBig)
		return wire.Refuse(wire.CodeTooBig, "the frame has more than 2^63 bytes")
	case len(c.socket.last) > 0:
		c.end(bytes.Clone(c.socket.last))
	case !errors.As(err, &closed) || closed.Code == websocket.CloseAbnormalClosure:
		c.cut()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.failed != nil {
			return c.failed
		}
	case closed.Code == websocket.CloseNoStatusReceived:
		c.end(closeFrame(0, ""))
	default:
		c.end(closeFrame(closed.Code, ""))
		if closed.Code == websocket.CloseGoingAway {
			return fmt.Errorf("%w: %w", signaling.ErrLeft, closed)
		}
	}
	return err
}
