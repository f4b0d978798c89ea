package client

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Knock tells a host that a peer waits in the lobby: Admit or Deny it. It comes
// again when something about the peer has changed. PeerJoined says that the peer
// was let in, KnockEnded that it waits no more.
type Knock struct{ Peer Peer }

// KnockEnded tells a host that a peer waits no more, and has not come in.
type KnockEnded struct {
	Peer   string
	Reason wire.Reason
}

// Waiting says that a client that was in the room, and has lost its place with
// its server, waits in the lobby now. What ran goes on; RoleChanged, PeerBack and
// the like follow when it is let in, or Denied.
type Waiting struct{ AtMost time.Duration }

// Denied says that the client waits in the lobby no more, and is not in the
// room. It is the error of Join, or the last event of a room in whose lobby the
// client was for the second time: see Waiting.
type Denied struct {
	Room   string
	Reason wire.Reason // denied, timeout, banned, ended or forbidden
	Text   string      // of the host, for people; "": none
}

func (d *Denied) Error() string {
	return withText(fmt.Sprintf("client: not let into room %q: %s", d.Room, d.Reason), d.Text)
}

func (Knock) event()      {}
func (KnockEnded) event() {}
func (Waiting) event()    {}
func (*Denied) event()    {}

// Admit lets in a peer that waits in the lobby, also if the room is locked. Only
// a host may.
func (r *Room) Admit(ctx context.Context, peer string) error {
	return r.moderate(ctx, &wire.Message{Type: wire.TypeAdmit, To: peer})
}

// Deny sends a peer out of the lobby. Text is for people; "": none. Only a host
// may.
func (r *Room) Deny(ctx context.Context, peer, text string) error {
	return r.moderate(ctx, &wire.Message{Type: wire.TypeDeny, To: peer, Text: text})
}

// knockLocked takes in what a host is told of the lobby.
func (r *Room) knockLocked(m *wire.Message) {
	switch {
	case m.Type == wire.TypeKnockEnded:
		r.emitLocked(KnockEnded{Peer: m.From, Reason: m.Reason}, 0)
	case m.Peer != nil:
		r.emitLocked(Knock{Peer: *m.Peer}, len(m.Peer.Data))
	}
}

// handleWaitingLocked notes that a join has led to the lobby.
func (c *Client) handleWaitingLocked(m *wire.Message) {
	if m.ICE != nil {
		c.ice = *m.ICE
	}
	request := c.requests[m.Re]
	if request == nil || request.room == nil {
		return
	}
	delete(c.requests, m.Re) // its answer comes without re
	r := request.room
	if c.rooms[r.name] != r {
		return
	}
	r.state = roomWaiting
	atMost := time.Duration(m.After) * time.Millisecond
	if r.been {
		r.emitLocked(Waiting{AtMost: atMost}, 0)
		return
	}
	select {
	case r.waits <- atMost:
	default: // it is known
	}
}

// handleDeniedLocked ends the room into which the client was not let.
func (c *Client) handleDeniedLocked(m *wire.Message) {
	r := c.rooms[m.Room]
	if r == nil || r.state != roomWaiting {
		return
	}
	denied := &Denied{Room: r.name, Reason: m.Reason, Text: m.Text}
	r.emitLocked(denied, len(m.Text))
	c.endRoomLocked(r, denied)
	c.giveUpRoomLocked(r)
}
