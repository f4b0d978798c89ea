package signaling

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

// roleLocked notes that a member has another role.
func (r *room) roleLocked(e *Event, st *Step, fx *effects) {
	m := r.findLocked(st.Member.ID)
	if m == nil {
		return
	}
	m.Role, m.Granted = st.Member.Role, st.Member.Granted
	if !m.inside() {
		r.knockLocked(m, fx)
		return
	}
	r.tellOfLocked(wire.TypePeerUpdated, m, fx)
	if m.sess == nil {
		return
	}
	b := &Body{Message: &wire.Message{Type: wire.TypeRole, Room: r.name, From: e.Change.Host, Role: m.Role.wire()}}
	m.deliver(b, sizeOf(b.Message), fx)
	r.knocksToLocked(m, fx)
}
