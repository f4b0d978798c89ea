package client

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// receive takes one frame in. An error ends the link, not the session.
func (c *Client) receive(l *link, m *wire.Message, scan error, size int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l {
		return nil // a newer link has taken over
	}
	l.probedAt = time.Time{} // whatever it is, it is a sign of life
	if freed, err := c.out.ack(m.Ack); err != nil {
		return fmt.Errorf("%w: %w", errProtocol, err)
	} else if freed {
		c.spaceLocked()
	}
	if m.Seq != 0 {
		if m.Seq <= c.seq {
			return nil
		}
		if m.Seq != c.seq+1 {
			return fmt.Errorf("%w: seq %d behind %d", errProtocol, m.Seq, c.seq)
		}
		c.seq = m.Seq
		c.owed.add(size)
	}
	if scan != nil {
		c.log.Warn("signaling frame not understood", "peer", c.welcome.Peer, "cause", scan)
		return nil
	}
	return c.handleLocked(l, m)
}

func (o *owed) add(size int) {
	if o.frames == 0 {
		o.since = time.Now()
	}
	o.frames++
	o.bytes += size
}

func (c *Client) handleLocked(l *link, m *wire.Message) error {
	switch m.Type {
	case wire.TypePing:
		l.pong = true
		c.wakeLocked()
	case wire.TypeError:
		return c.handleErrorLocked(l, m)
	case wire.TypeGoingAway:
		// Not all at once: the others come back as well.
		l.after = time.Duration(rand.Float64() * float64(m.After) * float64(time.Millisecond))
	case wire.TypeICEServers:
		c.handleICELocked(m)
	case wire.TypeOK:
		c.answerLocked(m, nil)
	case wire.TypeJoined:
		c.handleJoinedLocked(m)
	case wire.TypeWaiting:
		c.handleWaitingLocked(m)
	case wire.TypeDenied:
		c.handleDeniedLocked(m)
	case wire.TypeEvent:
		c.handleEventLocked(m)
	default:
		if c.handleUsersLocked(m) {
			break
		}
		if m.Type.Relayed() {
			c.handleRelayedLocked(m)
		} else if r := c.rooms[m.Room]; r != nil && r.state == roomJoined {
			r.handleRosterLocked(m)
		}
	}
	if c.owed.frames == 1 || c.owed.wait(time.Now()) <= 0 {
		c.wakeLocked()
	}
	return nil
}

func (c *Client) handleErrorLocked(l *link, m *wire.Message) error {
	err := refusedBy(m)
	switch {
	case m.Re == 0 && m.Code == wire.CodeOutOfOrder:
		return fmt.Errorf("%w: %w", errProtocol, err) // a resume puts it right
	case m.Re == 0:
		l.after = err.after
		c.log.Warn("signaling error", "peer", c.welcome.Peer, "cause", err)
	case !c.answerLocked(m, err):
		c.log.Info("signaling frame refused", "peer", c.welcome.Peer, "cause", err)
		c.refusedLocked(m.Re, err)
	}
	return nil
}

// answerLocked hands an answer to who asked, if anybody did.
func (c *Client) answerLocked(m *wire.Message, err error) bool {
	r := c.requests[m.Re]
	if r == nil {
		return false
	}
	delete(c.requests, m.Re)
	switch {
	case r.typ == wire.TypeLeave:
		// Only now: what was sent before went out before.
		c.giveUpRoomLocked(r.room)
	case r.typ == wire.TypeJoin && err != nil:
		if r.room.joinsWithoutLinkLocked(err) {
			return true
		}
		c.endRoomLocked(r.room, err)
	}
	if r.call != nil && m.Call != nil {
		r.call.ID = m.Call.Invite
		c.calls[m.Call.Invite] = r.call
	}
	r.give(answer{m: m, err: err})
	return true
}

func (c *Client) handleICELocked(m *wire.Message) {
	if m.ICE != nil {
		c.ice = *m.ICE
	}
	c.answerLocked(m, nil)
}

func (c *Client) handleRelayedLocked(m *wire.Message) {
	for _, m := range c.receivedLocked(m) {
		r := c.rooms[m.Room]
		if r == nil || r.state != roomJoined {
			continue
		}
		member := r.members[m.From]
		switch {
		case m.Type == wire.TypeMessage:
			r.emitLocked(Message{From: m.From, Data: m.Data}, len(m.Data))
		case m.Type == wire.TypeMuteRequest:
			r.emitLocked(MuteRequest{From: m.From, Data: m.Data}, len(m.Data))
		case member != nil && member.pair != nil:
			member.pair.receive(m)
		}
	}
}

// beginAgainLocked starts a new history with the same peer id: the server has
// lost the old one. PROTOCOL.md section 5.
func (c *Client) beginAgainLocked() {
	c.seq = 0
	for id, r := range c.requests {
		delete(c.requests, id)
		r.lost()
	}
	queue := c.out.queue
	c.out.reset(func(*frame) bool { return false })
	for _, r := range c.rooms {
		r.rejoinLocked()
	}
	for _, f := range queue {
		switch {
		case f.parcel != nil || f.msg.Type == wire.TypeGot || f.msg.Type == wire.TypeJoin:
		case f.msg.Type == wire.TypeLeave || ofUsers(f.msg.Type): // all rooms are left
			if f.request != nil {
				f.request.lost()
			}
		default:
			c.out.add(f)
		}
	}
	c.usersLostLocked()
	for _, l := range c.lines {
		l.announced = 0
		for _, p := range l.out.parcels {
			p.id = 0
		}
		c.giveUpLocked(l, func(p *parcel) bool { return c.rooms[p.msg.Room] != p.room })
	}
	c.spaceLocked()
}

// lost answers a request whose answer went with the history.
func (r *request) lost() {
	switch {
	case r.typ == wire.TypeJoin: // is sent again
	case r.typ == wire.TypeLeave, r.typ == wire.TypeUpdate:
		r.give(answer{}) // all rooms are left; metadata goes along with the next join
	default:
		r.fail(wire.Refuse(CodeOutcomeUnknown, "the server lost the session's history"))
	}
}
