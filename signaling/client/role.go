package client

import (
	"cmp"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// RoleChanged says that the own role in the room is another. By is the host who
// gave it; empty: the room, which had no host any more.
type RoleChanged struct {
	Role wire.Role
	By   string
}

func (RoleChanged) event() {}

// Role is the own role in the room. That of another is Peer.Role, where "" is a
// participant. A viewer should send no media.
func (r *Room) Role() wire.Role {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	return r.role
}

// roleOf is a role as it was told: the usual one is left out.
func roleOf(told wire.Role) wire.Role { return cmp.Or(told, wire.RoleParticipant) }

// roleLocked takes in the own role.
func (r *Room) roleLocked(told wire.Role, by string) {
	role := roleOf(told)
	if role == r.role {
		return
	}
	r.role = role
	r.emitLocked(RoleChanged{Role: role, By: by}, 0)
	for _, id := range r.order {
		r.pairLocked(r.members[id])
	}
}

// pairLocked begins or ends the pair with a member, as both roles say: two
// viewers are none.
func (r *Room) pairLocked(m *member) {
	switch {
	case r.role == wire.RoleViewer && m.peer.Role == wire.RoleViewer:
		m.pair.end()
		m.pair = nil
	case m.pair == nil:
		r.startPairLocked(m)
	}
}
