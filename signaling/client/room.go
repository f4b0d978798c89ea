package client

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// maxUnread is how many bytes of one room's events may wait for the
// application.
const maxUnread = 16 << 20

// eventCost is what an event counts beside its data.
const eventCost = 128

type roomState uint8

const (
	roomJoining   roomState = iota // no snapshot as yet
	roomWaiting                    // in the lobby
	roomJoined                     // the roster is kept up to date
	roomRejoining                  // the server lost us; the roster is the last known
	roomOver
)

// A Room is the client's membership in one room, from Join to Leave. All
// methods may be called from any goroutine.
type Room struct {
	client *Client
	name   string
	events *stream[Event]

	waits chan time.Duration // one: Join waits in a lobby for so long

	// Guarded by Client.mu.
	state    roomState
	been     bool // there was a snapshot
	join     *request
	metadata json.RawMessage
	door     *wire.Door
	role     wire.Role // never ""
	rules    wire.Rules
	members  map[string]*member
	order    []string // of members, longest here first
	err      error    // why it is over
}

// A member is another peer in a room.
type member struct {
	peer    Peer
	missing *time.Timer // running while a new server does not know the peer
	pair    *Pair       // nil if the client does not negotiate, or both are viewers
}

// Name is the room's name.
func (r *Room) Name() string { return r.name }

// Client is whose membership this is.
func (r *Room) Client() *Client { return r.client }

// Leave leaves the room and waits until the server knows. Its pairs are
// closed, and Events ends, at once.
func (r *Room) Leave(ctx context.Context) error {
	c := r.client
	c.mu.Lock()
	if r.state == roomOver {
		defer c.mu.Unlock()
		return r.err
	}
	c.endRoomLocked(r, ErrLeft)
	answer, err := c.askLocked(&wire.Message{Type: wire.TypeLeave, Room: r.name}, r)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = answer.wait(ctx)
	return err
}

// Update replaces the own metadata and waits until the server has it.
func (r *Room) Update(ctx context.Context, metadata json.RawMessage) error {
	c := r.client
	c.mu.Lock()
	if r.state == roomOver {
		defer c.mu.Unlock()
		return r.err
	}
	metadata = bytes.Clone(metadata)
	answer, err := c.askLocked(&wire.Message{Type: wire.TypeUpdate, Room: r.name, Data: metadata}, r)
	if err == nil {
		r.metadata = metadata
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = answer.wait(ctx)
	return err
}

// Peer returns another member as it is now; false: it is not here.
func (r *Room) Peer(id string) (Peer, bool) {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	if m := r.members[id]; m != nil {
		return m.peer, true
	}
	return Peer{}, false
}

// Peers returns the other members, longest here first. It is the roster now,
// and may be ahead of what was read from Events.
func (r *Room) Peers() []Peer {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	peers := make([]Peer, 0, len(r.order))
	for _, id := range r.order {
		peers = append(peers, r.members[id].peer)
	}
	return peers
}

// Pair returns the negotiation with a peer, or nil if there is none: the peer
// is not in the room, both are viewers, or Config.Connect is nil.
func (r *Room) Pair(peer string) *Pair {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	if m := r.members[peer]; m != nil {
		return m.pair
	}
	return nil
}

// ICE returns the ICE servers to use for the next connection in this room.
func (r *Room) ICE() wire.ICE { return r.client.ICE() }

// Next waits for the next event. After Leave it returns ErrLeft, and when the
// client has ended why it has, once the events before that have been read.
func (r *Room) Next(ctx context.Context) (Event, error) { return r.events.next(ctx) }

// Events returns the room's events in their order, beginning with a PeerJoined
// for each peer that was there before; it ends with ctx or the room. Every
// event is delivered once; several readers share them. The client never waits
// for the reader, so that a reader may call anything. The price is that an
// application that reads no events at all has to say so by reading and
// dropping them: at 16 MiB unread the client ends with ErrUnread.
func (r *Room) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for {
			e, err := r.Next(ctx)
			if err != nil || !yield(e) {
				return
			}
		}
	}
}

// Send sends data, which must be JSON, to one peer in the room: once, and in
// the order of the calls, whatever happens to connections and servers while
// both peers live. It returns when the client has taken the message; before
// that it waits while 256 KiB to that peer are not confirmed. What the server
// refuses later comes as Undelivered; what is under way to a peer that leaves
// is dropped. Data is the caller's again when Send returns.
func (r *Room) Send(ctx context.Context, to string, data json.RawMessage) error {
	return r.send(ctx, &wire.Message{Type: wire.TypeMessage, To: to, Data: bytes.Clone(data)})
}

// Broadcast sends data, which must be JSON, to all other members. It returns
// when the client has taken it. It arrives over any loss of connections, but
// not when the server is lost with it.
func (r *Room) Broadcast(ctx context.Context, data json.RawMessage) error {
	return r.send(ctx, &wire.Message{Type: wire.TypeMessage, Data: bytes.Clone(data)})
}

// send takes m when there is room for it.
func (r *Room) send(ctx context.Context, m *wire.Message) error {
	m.Room = r.name
	for {
		wait, err := r.trySend(m)
		if wait == nil || err != nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// trySend takes m, or returns what to wait for.
func (r *Room) trySend(m *wire.Message) (<-chan struct{}, error) {
	c := r.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.endedLocked(); err != nil {
		return nil, err
	}
	if r.state == roomOver {
		return nil, r.err
	}
	if r.state == roomWaiting && m.To == "" {
		return nil, wire.Refuse(wire.CodeNotInRoom, "%s: you wait in the lobby of room %q", m.Type, r.name)
	}
	if err := c.checkLocked(m); err != nil {
		return nil, err
	}
	if c.out.bytes > outboxBound {
		return c.space, nil
	}
	if m.To == "" {
		c.enqueueLocked(m)
		return nil, nil
	}
	if r.members[m.To] == nil {
		return nil, wire.Refuse(wire.CodeNoSuchPeer, "%s: %q is not in room %q", m.Type, m.To, r.name)
	}
	l := c.lineLocked(m.To)
	if l.out.full(len(m.Data)) {
		return c.space, nil
	}
	if p := l.out.add(m, r); r.reachableLocked(m.To) {
		c.enqueueParcelLocked(p)
	}
	return nil, nil
}

// reachableLocked reports whether the server would take a frame to peer. While
// it would not, frames wait in the mailbox.
func (r *Room) reachableLocked(peer string) bool {
	m := r.members[peer]
	return r.state == roomJoined && m != nil && m.missing == nil
}

// emitLocked appends an event.
func (r *Room) emitLocked(e Event, size int) {
	if r.events.push(e, size+eventCost) > maxUnread {
		r.client.failLocked(ErrUnread)
	}
}

// endRoomLocked takes r from the client's rooms and ends it.
func (c *Client) endRoomLocked(r *Room, err error) {
	if c.rooms[r.name] == r {
		delete(c.rooms, r.name)
	}
	if r.state == roomOver {
		return
	}
	r.state, r.err = roomOver, err
	for _, id := range slices.Clone(r.order) {
		r.dropLocked(id)
	}
	r.events.end(err)
	r.join.fail(err) // of one that waits in a lobby
	c.spaceLocked()
}

func (c *Client) endRoomsLocked(err error) {
	for _, r := range c.rooms {
		c.endRoomLocked(r, err)
	}
}
