package client

import (
	"errors"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// outboxBound is how much may wait for the server before senders wait too: as
// much as the server keeps for a client.
const outboxBound = 1 << 20

var errAck = errors.New("client: the server acknowledged a frame that was never sent")

// A frame is one message on its way to the server.
type frame struct {
	msg     *wire.Message
	id      uint64   // 0 until it is first written
	size    int      // upper bound of its encoding
	parcel  *parcel  // if it has an n
	request *request // if somebody waits for its answer
}

// An outbox holds what the server has not acknowledged. Frames get their id
// when they are first taken, so that what is dropped before leaves no gap. It
// is pure: no clock, no lock.
type outbox struct {
	sent    []*frame // not acknowledged, id ascending without gap
	written int      // sent[:written] went out on this link
	queue   []*frame // without id
	lastID  uint64
	bytes   int // of all of them
}

func (o *outbox) add(f *frame) {
	if f.parcel != nil {
		f.parcel.queued = true
	}
	o.queue = append(o.queue, f)
	o.bytes += f.size
}

// peek returns the frame that take would, or nil.
func (o *outbox) peek() *frame {
	if o.written < len(o.sent) {
		return o.sent[o.written]
	}
	for len(o.queue) > 0 {
		f := o.queue[0]
		if f.parcel == nil || !f.parcel.over {
			return f
		}
		o.bytes -= f.size
		o.queue = o.queue[1:]
	}
	return nil
}

// take returns the next frame for this link, with its id.
func (o *outbox) take() *frame {
	f := o.peek()
	if f == nil {
		return nil
	}
	if f.id == 0 {
		o.lastID++
		f.id = o.lastID
		o.queue = o.queue[1:]
		o.sent = append(o.sent, f)
	}
	o.written++
	if f.parcel != nil {
		f.parcel.id, f.parcel.queued = f.id, false
	}
	return f
}

// ack drops what the server has, and reports whether that freed any room.
func (o *outbox) ack(id uint64) (bool, error) {
	if id > o.lastID {
		return false, errAck
	}
	done := 0
	for done < len(o.sent) && o.sent[done].id <= id {
		o.bytes -= o.sent[done].size
		done++
	}
	clear(o.sent[:done])
	o.sent = o.sent[done:]
	o.written = max(0, o.written-done)
	return done > 0, nil
}

// rewind prepares for a link on which nothing has been written.
func (o *outbox) rewind() { o.written = 0 }

// reset begins a new history: ids start again, and only what has no id yet and
// that keep wants is left.
func (o *outbox) reset(keep func(*frame) bool) {
	queue := o.queue
	*o = outbox{}
	for _, f := range queue {
		if f.parcel != nil {
			f.parcel.queued = false
		}
		if keep(f) {
			o.add(f)
		}
	}
}
