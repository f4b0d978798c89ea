package signaling

import (
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// knockLocked tells the hosts that are here of a knocker: that it is there, or of
// what has changed about it.
func (r *room) knockLocked(m *member, fx *effects) {
	for _, to := range r.members {
		if to.sess != nil && to.Role == roleHost && to.inside() {
			to.deliverKnock(m, fx)
		}
	}
}

func (m *member) deliverKnock(knocker *member, fx *effects) {
	p := knocker.wire(m)
	b := &Body{Message: &wire.Message{Type: wire.TypeKnock, Room: m.room.name, Peer: &p}}
	m.deliver(b, sizeOf(b.Message), fx)
}

// knocksToLocked tells m, if it is a host, who waits.
func (r *room) knocksToLocked(m *member, fx *effects) {
	if m.sess == nil || m.Role != roleHost || !m.inside() {
		return
	}
	for _, o := range r.members {
		if !o.inside() {
			m.deliverKnock(o, fx)
		}
	}
}

// toHostsLocked puts a frame into the outboxes of the hosts that are here.
func (r *room) toHostsLocked(m *wire.Message, fx *effects) {
	b, size := &Body{Message: m}, sizeOf(m)
	for _, to := range r.members {
		if to.sess != nil && to.Role == roleHost && to.inside() {
			to.deliver(b, size, fx)
		}
	}
}

// admitLocked makes a member of a knocker. It is the one that was here for the
// shortest time.
func (r *room) admitLocked(st *Step, fx *effects) {
	m := r.findLocked(st.Member.ID)
	if m == nil {
		return
	}
	r.removeLocked(m)
	now := &member{room: r, Member: st.Member, sess: m.sess, waits: m.waits} // a kind is never written to
	r.addLocked(now)
	r.tellOfLocked(wire.TypePeerJoined, now, fx)
	if now.sess == nil {
		return
	}
	now.takePlaceOf(m)
	b := r.snapshotLocked(now, 0, nil)
	now.deliver(b, sizeOf(b.Message), fx)
	r.joinedLocked(now)
}

// takePlaceOf makes m the session's entry instead of another.
func (m *member) takePlaceOf(old *member) {
	s := m.sess
	s.mu.Lock()
	defer s.mu.Unlock()
	m.stale = old.stale
	for _, list := range [][]*member{s.rooms, s.stale} {
		if i := slices.Index(list, old); i >= 0 {
			list[i] = m
		}
	}
}

// takenOut tells the client that it is out of a room, if it has not asked for
// that itself; and takes back what it was granted for calls, if it was put out or
// this was its last room.
func (m *member) takenOut(e *Event, reason wire.Reason, fx *effects) {
	s := m.sess
	s.mu.Lock()
	defer s.mu.Unlock()
	own := reason == wire.ReasonLeft || reason == wire.ReasonTimeout && m.inside()
	if !own {
		b := &Body{Message: &wire.Message{
			Type: wire.TypePeerLeft, Room: m.room.name, From: m.ID, Reason: reason, Text: e.Change.Text,
		}}
		if !m.inside() {
			b.Message.Type, b.Message.From = wire.TypeDenied, ""
		}
		s.putLocked(b, sizeOf(b.Message), fx)
	}
	if m.inside() && !own || s.countLocked(KindMember)+s.countLocked(KindKnocker) == 0 {
		s.voidLocked(fx)
	}
}
