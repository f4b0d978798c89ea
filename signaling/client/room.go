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

	// Guarded by Client.mu.
	state    roomState
	join     *request
	metadata json.RawMessage
	members  map[string]*member
	order    []string // of members, longest here first
	ice      *wire.ICE
	err      error // why it is over
}

// A member is another peer in a room.
type member struct {
	peer    Peer
	missing *time.Timer // running while a new server does not know the peer
	pair    *Pair       // nil if the client does not negotiate
}

// Join enters a room and waits for its roster. Metadata is what others see in
// Peer.Data; nil: nothing. A refusal is a *wire.Error. If ctx ends first, the
// room is left again.
//
// Until Leave the client keeps the membership, over lost connections and lost
// servers. Its events have to be read: see Events.
func (c *Client) Join(ctx context.Context, room string, metadata json.RawMessage) (*Room, error) {
	r := newRoom(c, room, bytes.Clone(metadata))
	if err := c.joinRoom(r); err != nil {
		return nil, err
	}
	if _, err := r.join.wait(ctx); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.rooms[room] == r {
			c.endRoomLocked(r, err)
			c.enqueueLocked(&wire.Message{Type: wire.TypeLeave, Room: room})
		}
		return nil, err
	}
	return r, nil
}

func newRoom(c *Client, name string, metadata json.RawMessage) *Room {
	r := &Room{
		client: c, name: name, metadata: metadata,
		events:  newStream[Event](),
		members: make(map[string]*member),
		join:    &request{typ: wire.TypeJoin, answer: make(chan answer, 1)},
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

func (r *Room) joinMessage() *wire.Message {
	return &wire.Message{Type: wire.TypeJoin, Room: r.name, Data: r.metadata}
}

func (r *Room) sendJoinLocked() { r.client.enqueueLocked(r.joinMessage()).request = r.join }

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
// is not in the room, or Config.Connect is nil.
func (r *Room) Pair(peer string) *Pair {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	if m := r.members[peer]; m != nil {
		return m.pair
	}
	return nil
}

// ICE returns the ICE servers to use for the next connection in this room.
func (r *Room) ICE() wire.ICE {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	if r.ice != nil {
		return *r.ice
	}
	return r.client.ice
}

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
	c.spaceLocked()
}

func (c *Client) endRoomsLocked(err error) {
	for _, r := range c.rooms {
		c.endRoomLocked(r, err)
	}
}
