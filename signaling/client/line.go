package client

import (
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A line is the delivery to and from one peer, over all rooms. It is kept for
// the life of the client, since an id that left may join again and its
// counters go on.
type line struct {
	peer      string
	out       mailbox
	in        delivery
	confirmAt time.Time // when a confirmation has to go out, if one is owed
	announced uint64    // the base told last
}

func (c *Client) lineLocked(peer string) *line {
	l := c.lines[peer]
	if l == nil {
		l = &line{peer: peer}
		c.lines[peer] = l
	}
	return l
}

// stamp puts what the peer should know now on a frame to it.
func (l *line) stamp(m *wire.Message) {
	m.Got, m.Base = l.in.got, l.out.base()
	l.announced = m.Base
	l.in.confirmed()
}

// receivedLocked takes a relayed frame in, and returns those to hand up.
func (c *Client) receivedLocked(m *wire.Message) []*wire.Message {
	l := c.lineLocked(m.From)
	if l.out.confirm(m.Got) {
		c.spaceLocked()
		c.announceLocked(l)
	}
	up := l.in.receive(m)
	switch {
	case l.in.owed == 0:
	case l.in.owed >= confirmAfter:
		l.confirmAt = time.Now()
		c.due[l.peer] = l
		c.wakeLocked()
	case c.due[l.peer] == nil:
		l.confirmAt = time.Now().Add(confirmDelay)
		c.due[l.peer] = l
		c.wakeLocked()
	}
	return up
}

// confirmLocked puts the confirmations that are due into the outbox, and says
// when the next one is.
func (c *Client) confirmLocked(now time.Time) time.Duration {
	wait := forever
	for id, l := range c.due {
		if d := l.confirmAt.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		delete(c.due, id)
		if l.in.got > 0 { // else nothing came that is in order
			c.gotLocked(l) // or no room in common: should it come back, it sends again
		}
	}
	return wait
}

// gotLocked sends a got alone, if there is a room to send it in.
func (c *Client) gotLocked(l *line) bool {
	for _, r := range c.rooms {
		if r.reachableLocked(l.peer) {
			c.enqueueLocked(&wire.Message{Type: wire.TypeGot, Room: r.name, To: l.peer})
			return true
		}
	}
	return false
}

// announceLocked tells the peer at once of a gap that it would wait for, if no
// frame to it is about to go out.
func (c *Client) announceLocked(l *line) {
	base := l.out.base()
	if base == 0 || base == l.announced {
		return
	}
	for _, p := range l.out.parcels {
		if p.queued {
			return
		}
	}
	if c.gotLocked(l) {
		l.announced = base
	}
}

// giveUpLocked gives up the frames to a peer that match.
func (c *Client) giveUpLocked(l *line, match func(*parcel) bool) {
	if l.out.giveUp(match) {
		c.spaceLocked()
		c.announceLocked(l)
	}
}

// refusedLocked gives up the frame with that id, if it has an n.
func (c *Client) refusedLocked(id uint64, err error) {
	for _, l := range c.lines {
		for _, p := range l.out.parcels {
			if p.id != id || id == 0 {
				continue
			}
			if p.msg.Type == wire.TypeMessage {
				p.room.emitLocked(Undelivered{To: l.peer, Data: p.msg.Data, Err: err}, len(p.msg.Data))
			}
			c.giveUpLocked(l, func(other *parcel) bool { return other == p })
			return
		}
	}
}

// resendLocked sends again what the peer has not confirmed in this room.
func (c *Client) resendLocked(r *Room, peer string) {
	l := c.lines[peer]
	if l == nil {
		return
	}
	l.announced = 0
	for _, p := range l.out.parcels {
		if p.room == r && !p.queued {
			c.enqueueParcelLocked(p)
		}
	}
	c.announceLocked(l)
}

func (c *Client) enqueueParcelLocked(p *parcel) {
	f := &frame{msg: p.msg, size: sizeOf(p.msg), parcel: p}
	c.out.add(f)
	c.wakeLocked()
}
