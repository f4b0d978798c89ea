package client

import (
	"context"
	"encoding/json"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

const (
	// The server's ack comes within 1 s or 32 frames, and ours.
	ackDelay  = time.Second
	ackFrames = 32
	ackBytes  = 64 << 10
	// confirmDelay is how long a confirmation waits for a frame to ride on; it
	// has to be with the peer within 1 s.
	confirmDelay = 900 * time.Millisecond
	// forever is a wait that something else ends.
	forever = time.Hour
	// tick is no wait. A channel timer that is due when it is made, or reset,
	// crashes the race detector in a bubble (golang/go#78156).
	tick = time.Nanosecond
)

// A request is a frame that somebody waits for an answer to.
type request struct {
	typ    wire.Type
	room   *Room // nil: of no room
	answer chan answer
	call   *Call // of invite
}

type answer struct {
	m   *wire.Message
	err error
}

func (r *request) fail(err error) { r.give(answer{err: err}) }

func (r *request) give(a answer) {
	select {
	case r.answer <- a:
	default: // the first one counts
	}
}

// ask sends m and waits for its answer.
func (c *Client) ask(ctx context.Context, m *wire.Message, room *Room) (*wire.Message, error) {
	c.mu.Lock()
	r, err := c.askLocked(m, room)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return r.wait(ctx)
}

func (c *Client) askLocked(m *wire.Message, room *Room) (*request, error) {
	if err := c.endedLocked(); err != nil {
		return nil, err
	}
	if err := c.checkLocked(m); err != nil {
		return nil, err
	}
	r := &request{typ: m.Type, room: room, answer: make(chan answer, 1)}
	c.enqueueLocked(m).request = r
	return r, nil
}

func (r *request) wait(ctx context.Context) (*wire.Message, error) {
	select {
	case a := <-r.answer:
		return a.m, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// checkLocked refuses what the server would refuse, before it has an id.
func (c *Client) checkLocked(m *wire.Message) error {
	limits := c.welcome.Limits
	if m.Data != nil && !json.Valid(m.Data) {
		return wire.Refuse(wire.CodeBadMessage, "%s: data is not JSON", m.Type)
	}
	limit := 0
	switch m.Type {
	case wire.TypeOffer, wire.TypeAnswer:
		limit = limits.SDP
	case wire.TypeJoin, wire.TypeUpdate, wire.TypeInvite:
		limit = limits.Metadata
	}
	if limit > 0 && len(m.Data) > limit {
		return wire.Refuse(wire.CodeTooBig, "%s: data has %d bytes, more than %d", m.Type, len(m.Data), limit)
	}
	if size := sizeOf(m); limits.Message > 0 && size > limits.Message {
		return wire.Refuse(wire.CodeTooBig, "%s: the frame has %d bytes, more than %d", m.Type, size, limits.Message)
	}
	return nil
}

// sizeOf is the most that m takes as a frame, whatever id, ack, n, got and
// base it will have.
func sizeOf(m *wire.Message) int {
	bare := *m
	bare.N, bare.Got, bare.Base = wire.MaxNumber, wire.MaxNumber, wire.MaxNumber
	bare.Data = nil
	return len(wire.AppendClient(nil, wire.MaxNumber, wire.MaxNumber, bare.AppendBody(nil))) + len(`,"data":`) + len(m.Data)
}

// enqueueLocked puts m behind what waits for the server.
func (c *Client) enqueueLocked(m *wire.Message) *frame {
	f := &frame{msg: m, size: sizeOf(m)}
	c.out.add(f)
	c.wakeLocked()
	return f
}

// next encodes what to write on l now, or says how long there is nothing.
func (c *Client) next(l *link, buf []byte) ([]byte, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l {
		return nil, forever
	}
	now := time.Now()
	if m := l.control(now); m != nil {
		return c.encodeLocked(buf, 0, m), 0
	}
	wait := c.confirmLocked(now)
	if f := c.out.peek(); f != nil {
		d := c.pace.delay(f.size, now)
		if d == 0 {
			c.out.take()
			return c.encodeFrameLocked(buf, f), 0
		}
		wait = min(wait, d)
	}
	if d := c.owed.wait(now); d <= 0 {
		return c.encodeLocked(buf, 0, &wire.Message{Type: wire.TypeAck}), 0
	} else {
		wait = min(wait, d)
	}
	return nil, min(wait, l.probeLeft(now))
}

// control returns the ping or pong that goes before everything else.
func (l *link) control(now time.Time) *wire.Message {
	switch {
	case l.pong:
		l.pong = false
		return &wire.Message{Type: wire.TypePong}
	case l.probe:
		l.probe = false
		if l.probedAt.IsZero() {
			l.probedAt = now
		}
		return &wire.Message{Type: wire.TypePing}
	}
	return nil
}

// probeLeft says how long a probe may still take, and gives the link up when
// it has taken too long.
func (l *link) probeLeft(now time.Time) time.Duration {
	if l.probedAt.IsZero() {
		return forever
	}
	left := probeWait - now.Sub(l.probedAt)
	if left <= 0 {
		l.probedAt = time.Time{}
		select {
		case l.suspect <- struct{}{}:
		default: // a second link is on its way
		}
		return forever
	}
	return left
}

// wait says when an ack alone is due.
func (o *owed) wait(now time.Time) time.Duration {
	switch {
	case o.frames == 0:
		return forever
	case o.frames >= ackFrames || o.bytes >= ackBytes:
		return 0
	}
	return ackDelay - now.Sub(o.since)
}

func (c *Client) encodeFrameLocked(buf []byte, f *frame) []byte {
	if f.request != nil {
		c.requests[f.id] = f.request
	}
	if peer := c.lines[f.msg.To]; peer != nil && f.msg.Type.Relayed() {
		peer.stamp(f.msg)
		delete(c.due, f.msg.To)
	}
	return c.encodeLocked(buf, f.id, f.msg)
}

func (c *Client) encodeLocked(buf []byte, id uint64, m *wire.Message) []byte {
	ack := uint64(0)
	if c.owed.frames > 0 {
		ack = c.seq
	}
	c.owed = owed{}
	buf = wire.AppendClient(buf, id, ack, m.AppendBody(nil))
	c.pace.take(len(buf))
	return buf
}
