package signaling

import (
	"context"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// connect asks middleware and OnConnect whether to let a new session in.
func (s *session) connect(ctx context.Context, fx *effects) error {
	c := s.app.get()
	if !c.judgesHello() {
		return nil
	}
	p := s.asPeer()
	defer context.AfterFunc(ctx, p.cancel)()
	_, refusal := p.serve(c.wrap(c.connectHooks), &Call{Peer: p, Type: wire.TypeHello, ctx: p.ctx})
	if refusal == nil {
		return nil
	}
	p.mu.Lock()
	p.refused = true
	p.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endSessionLocked(wire.ReasonLeft, refusal.Code, fx)
	return refusal
}

// joinedLocked tells the hooks that m, which is on this node, is in the room.
func (r *room) joinedLocked(m *member) {
	c := r.app.get()
	if m.Kind != KindMember || len(c.joined)+len(c.created) == 0 {
		return
	}
	p, first := m.sess.asPeer(), r.countLocked() == 1
	p.do(func() {
		if first {
			for _, f := range c.created {
				p.notify("OnRoomCreated", func() { f(r.name) })
			}
		}
		for _, f := range c.joined {
			p.notify("OnJoined", func() { f(p, r.name) })
		}
	})
}

// leftLocked tells the hooks that m, which was on this node, is not in the room
// any more.
func (r *room) leftLocked(m *member, reason wire.Reason) {
	c := r.app.get()
	if m.Kind != KindMember || len(c.left)+len(c.deleted) == 0 {
		return
	}
	p, last := m.sess.asPeer(), r.countLocked() == 0
	p.do(func() {
		for _, f := range c.left {
			p.notify("OnLeft", func() { f(p, r.name, reason) })
		}
		if last {
			for _, f := range c.deleted {
				p.notify("OnRoomDeleted", func() { f(r.name) })
			}
		}
	})
}

// countLocked is the number of those who are in the room.
func (r *room) countLocked() (n int) {
	for _, m := range r.members {
		if m.Kind == KindMember {
			n++
		}
	}
	return n
}
