package signaling

import (
	"context"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// connect asks middleware and OnConnect, in the turn of the peer's code, whether to
// let a new session in. What else is to be told of it waits behind them.
func (s *session) connect(ctx context.Context, fx *effects) error {
	c := s.app.get()
	judged := make(chan *wire.Error, 1)
	if started, err := s.startConnect(c, judged); !started {
		return err
	}
	select {
	case refusal := <-judged:
		if refusal == nil {
			return s.expelled()
		}
		s.endSession(wire.ReasonLeft, refusal.Code, fx)
		return refusal
	case <-ctx.Done():
		s.endSession(wire.ReasonLeft, wire.CodeBye, fx)
		return context.Cause(ctx)
	}
}

// startConnect puts the judgement in turn, ahead of what else is to be told of the
// peer. It does not if there is nobody to judge, or if another hello with the
// connect token has ended the session meanwhile.
func (s *session) startConnect(c *code, judged chan<- *wire.Error) (started bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != living {
		return false, s.expelledLocked()
	}
	s.unmet = false
	if !c.judgesHello() {
		return false, nil
	}
	p := s.peerLocked()
	p.connecting = true
	p.do(func() {
		_, refusal := p.serve(c.wrap(c.connectHooks), &Call{Peer: p, Type: wire.TypeHello, ctx: p.ctx})
		p.refused = refusal != nil
		judged <- refusal
	})
	return true, nil
}

// expelled is why a session is over before its welcome; nil: it is not.
func (s *session) expelled() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == living {
		return nil
	}
	return s.expelledLocked()
}

func (s *session) expelledLocked() error {
	if s.self != nil && s.self.expelled != nil {
		return s.self.expelled
	}
	return wire.Refuse(wire.CodeGoingAway, "the server stops")
}

// replace ends a session whose client says hello anew, since it never heard of it.
func (s *session) replace(fx *effects) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peerLocked().expelled = wire.Refuse(wire.CodeReplaced, "%s", whyNot[wire.CodeReplaced])
	s.endSessionLocked(wire.ReasonReplaced, wire.CodeReplaced, fx)
}

// connectedLocked lets the server make the peer join and leave, now that it is
// welcome.
func (p *Peer) connectedLocked() {
	node := p.app.srv.node
	for _, e := range p.late {
		node.Send(node.Name(), e)
	}
	p.connecting, p.late = false, nil
}

// tellHooks is do for hooks that do not hear of a peer that was not let in.
func (p *Peer) tellHooks(f func()) {
	p.do(func() {
		if !p.refused {
			f()
		}
	})
}

// notify calls a hook that returns nothing.
func (p *Peer) notify(what string, hook func()) {
	if err := p.try(what, func() error { hook(); return nil }); err != nil {
		p.failed(what, err)
	}
}

// goneLocked tells the hooks that the session has ended.
func (s *session) goneLocked(reason DisconnectReason) {
	c := s.app.get()
	if s.self == nil && len(c.disconnecting)+len(c.disconnect) == 0 {
		return
	}
	p := s.peerLocked()
	p.cancel()
	p.mu.Lock()
	p.left = s.roomNamesLocked()
	p.mu.Unlock()
	if s.unmet || len(c.disconnecting)+len(c.disconnect) == 0 {
		return
	}
	p.tellHooks(func() {
		for _, f := range c.disconnecting {
			p.notify("OnDisconnecting", func() { f(p, reason) })
		}
		for _, f := range c.disconnect {
			p.notify("OnDisconnect", func() { f(p, reason) })
		}
	})
}

// joinedLocked tells the hooks that m, which is on this node, is in the room.
func (r *room) joinedLocked(m *member) {
	c := r.app.get()
	if m.Kind != KindMember || len(c.joined)+len(c.created) == 0 {
		return
	}
	p, first := m.sess.asPeer(), r.countLocked() == 1
	p.tellHooks(func() {
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
	p.tellHooks(func() {
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
