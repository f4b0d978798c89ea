package signaling

import (
	"slices"
	"sync"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A room is this node's copy of a roster. It exists while the node has a
// member in it. Only the node's inbox changes it.
type room struct {
	app  *App
	name string

	mu      sync.Mutex // guards the following
	live    bool       // the node has members, so the copy is kept up to date
	version uint64
	members []*member          // longest here first
	index   map[string]*member // by id; nil while members are few
	moved   []*member          // were here, and may still be sent something
	rules   *Rules
	weighed int // bytes that are counted for MaxMemory
}

// indexFrom is the number of members from which looking one up takes a map.
const indexFrom = 16

// A member is an entry of a room.
type member struct {
	room *room
	Member

	sess       *session        // nil: on another node
	waits      *waiting        // nil: for no flush
	stale      bool            // guarded by sess.mu: of before a resumed: false
	ring       *ringing        // callers that are here
	knockUntil time.Duration   // guarded by sess.mu: of a knocker here
	candidates candidateCounts // of what it sent; guarded by sess.recv
}

// deliver puts a frame into the outbox of a member that is on this node.
func (m *member) deliver(b *Body, size int, fx *effects) {
	s := m.sess
	s.mu.Lock()
	defer s.mu.Unlock()
	if !m.stale {
		s.putLocked(b, size, fx)
	}
}

// change submits a change of the entry as it is now: if another has taken its
// place, nothing happens.
func (m *member) change(kind ChangeKind, reason wire.Reason) {
	m.room.app.srv.node.Change(Change{
		Kind: kind, App: m.room.app.name, Room: m.room.name, Reason: reason,
		Member: Member{ID: m.ID, Node: m.Node, Since: m.Since},
	})
}

// offersTo reports whether m is the side that offers: the one of lower rank,
// which is the one that came earlier.
func (m *member) offersTo(rank uint64, id string) bool {
	return m.Rank < rank || m.Rank == rank && m.ID < id
}

// wire is m as the other member is told of it.
func (m *member) wire(to *member) wire.Peer {
	return wire.Peer{ID: m.ID, Offers: m.offersTo(to.Rank, to.ID), User: m.User, Role: told(m.Role), Away: m.Away, Data: m.Data}
}

// told is a role as it is told: the usual one is left out.
func told(r MemberRole) wire.Role {
	if r == roleParticipant {
		return ""
	}
	return r.wire()
}

// inside reports whether m is in the room, rather than in its lobby.
func (m *member) inside() bool { return m.Kind != KindKnocker }

func (r *room) findLocked(id string) *member {
	if r.index != nil {
		return r.index[id]
	}
	for _, m := range r.members {
		if m.ID == id {
			return m
		}
	}
	return nil
}

func (r *room) addLocked(m *member) {
	r.members = append(r.members, m)
	switch {
	case r.index != nil:
		r.index[m.ID] = m
	case len(r.members) >= indexFrom:
		r.index = make(map[string]*member, 2*indexFrom)
		for _, m := range r.members {
			r.index[m.ID] = m
		}
	}
}

func (r *room) replaceLocked(old, m *member) {
	r.members[slices.Index(r.members, old)] = m
	if r.index != nil {
		r.index[m.ID] = m
	}
}

func (r *room) removeLocked(m *member) {
	r.members = slices.DeleteFunc(r.members, func(o *member) bool { return o == m })
	delete(r.index, m.ID)
}

// toOthersLocked puts a frame into the outboxes of all members on this node
// but one.
func (r *room) toOthersLocked(except string, m *wire.Message, fx *effects) {
	b, size := &Body{Message: m}, sizeOf(m)
	for _, to := range r.members {
		if to.sess != nil && to.ID != except && to.inside() {
			to.deliver(b, size, fx)
		}
	}
}

// tellOfLocked tells all other members on this node of m's entry. It is
// encoded at most twice: roles differ.
func (r *room) tellOfLocked(t wire.Type, m *member, fx *effects) {
	var bodies [2]*Body
	for _, to := range r.members {
		if to.sess == nil || to == m || !to.inside() {
			continue
		}
		p := m.wire(to)
		i := 0
		if p.Offers {
			i = 1
		}
		if bodies[i] == nil {
			bodies[i] = &Body{Message: &wire.Message{Type: t, Room: r.name, Peer: &p}}
		}
		to.deliver(bodies[i], sizeOf(bodies[i].Message), fx)
	}
}

// snapshotLocked is the roster as m is told of it; who is in the lobby is told
// nothing of it.
func (r *room) snapshotLocked(m *member, re uint64, ice *wire.ICE) *Body {
	if !m.inside() {
		wait := m.room.app.srv.cfg.KnockTimeout.Milliseconds()
		return &Body{Message: &wire.Message{Type: wire.TypeWaiting, Room: r.name, Re: re, ICE: ice, After: wait}}
	}
	peers := make([]wire.Peer, 0, len(r.members))
	for _, o := range r.members {
		if o != m && o.inside() {
			peers = append(peers, o.wire(m))
		}
	}
	return &Body{Message: &wire.Message{
		Type: wire.TypeJoined, Room: r.name, Re: re, ICE: ice, Role: told(m.Role), Peers: peers, Rules: r.rules.told(),
	}}
}

// nodesLocked returns the nodes of members, but for one.
func (r *room) nodesLocked(except string) []string {
	var nodes []string
	for _, m := range r.members {
		if m.Node != except && !slices.Contains(nodes, m.Node) {
			nodes = append(nodes, m.Node)
		}
	}
	return nodes
}

// drop forgets the room if this node has nothing to do with it any more. Only
// the goroutine that handles the inbox calls it, as it alone makes rooms.
func (a *App) drop(r *room) {
	a.dropRoom(r)
	a.srv.forgetEmpty(a)
}

func (a *App) dropRoom(r *room) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.live && len(r.moved) == 0 && a.rooms[r.name] == r {
		delete(a.rooms, r.name)
	}
}

// room returns this node's copy, and makes it if asked to.
func (a *App) room(name string, create bool) *room {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.rooms[name]
	if r == nil && create {
		r = &room{app: a, name: name}
		a.rooms[name] = r
	}
	return r
}
