package client

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// JoinOptions are what a client may bring to a room.
type JoinOptions struct {
	// Metadata is what others see in Peer.Data. Nil means nothing.
	Metadata json.RawMessage

	// Password is that of the room. Empty means none.
	Password string

	// Link is what Room.MakeLink made. Empty means none.
	Link string

	// Waiting is called when the client has to wait in the room's lobby, for as
	// long as it says at most; JoinWith calls it, and goes on when it has returned.
	// Nil means that nobody wants to know.
	Waiting func(atMost time.Duration)
}

// Join is JoinWith that brings nothing but metadata.
func (c *Client) Join(ctx context.Context, room string, metadata json.RawMessage) (*Room, error) {
	return c.JoinWith(ctx, room, JoinOptions{Metadata: metadata})
}

// JoinWith enters a room and waits for its roster, also in the room's lobby. A
// refusal is a *wire.Error, and that of a host who does not let the client in a
// *Denied. If ctx ends first, the room is left again.
//
// Until Leave the client keeps the membership, over lost connections and lost
// servers. Its events have to be read: see Events.
func (c *Client) JoinWith(ctx context.Context, room string, o JoinOptions) (*Room, error) {
	o.Metadata = bytes.Clone(o.Metadata)
	r := newRoom(c, room, o)
	if err := c.joinRoom(r); err != nil {
		return nil, err
	}
	if err := r.waitToEnter(ctx, o.Waiting); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.rooms[room] == r {
			c.endRoomLocked(r, err)
			_, _ = c.askLocked(&wire.Message{Type: wire.TypeLeave, Room: room}, r) // the client's end is one of the room, too
		}
		return nil, err
	}
	return r, nil
}

func newRoom(c *Client, name string, o JoinOptions) *Room {
	r := &Room{
		client: c, name: name, metadata: o.Metadata, role: wire.RoleParticipant,
		events:  newStream[Event](),
		waits:   make(chan time.Duration, 1),
		members: make(map[string]*member),
		join:    &request{typ: wire.TypeJoin, answer: make(chan answer, 1)},
	}
	if o.Password != "" || o.Link != "" {
		r.door = &wire.Door{Password: o.Password, Link: o.Link}
	}
	r.join.room = r
	return r
}

func (c *Client) joinRoom(r *Room) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.endedLocked(); err != nil {
		return err
	}
	if !wire.ValidRoom(r.name) {
		return wire.Refuse(wire.CodeBadRoom, "join: %q is not a room: use 1 to 128 of A-Z a-z 0-9 _ . ~ -", r.name)
	}
	if c.rooms[r.name] != nil {
		return ErrJoined
	}
	if err := c.checkLocked(r.joinMessage()); err != nil {
		return err
	}
	c.rooms[r.name] = r
	r.sendJoinLocked()
	return nil
}

func (r *Room) waitToEnter(ctx context.Context, waiting func(time.Duration)) error {
	for {
		select {
		case a := <-r.join.answer:
			return a.err
		case d := <-r.waits:
			if waiting != nil {
				waiting(d)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *Room) joinMessage() *wire.Message {
	return &wire.Message{Type: wire.TypeJoin, Room: r.name, Data: r.metadata, Door: r.door}
}

func (r *Room) sendJoinLocked() { r.client.enqueueLocked(r.joinMessage()).request = r.join }

// leavesLocked reports whether the server has yet to say that the client has
// left the room.
func (c *Client) leavesLocked(room string) bool {
	leaves := func(r *request) bool { return r != nil && r.typ == wire.TypeLeave && r.room.name == room }
	for _, r := range c.requests {
		if leaves(r) {
			return true
		}
	}
	for _, f := range c.out.queue {
		if leaves(f.request) {
			return true
		}
	}
	return false
}
