package signaling

import (
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// handleEvent handles one entry of the node's inbox.
func (s *Server) handleEvent(e *Event) {
	var fx effects
	switch e.Kind {
	case EventChange:
		s.handleChange(e, &fx)
	case EventRefused:
		s.handleRefused(e, &fx)
	case EventSignal:
		s.handleSignal(e, &fx)
	case EventTake:
		s.handleTake(e, &fx)
	case EventHand:
		s.handleHand(e.Hand)
	case EventDown:
		s.handleDown(e.Node, &fx)
	case EventExpire:
		s.handleExpire(e)
	case EventFlush:
		s.handleFlush(e, &fx)
	}
	fx.flush()
}

// handleChange brings this node's copy of a roster up to date, and tells the
// members that are here. All that goes into outboxes does so under the room's
// lock: every member sees one order.
func (s *Server) handleChange(e *Event, fx *effects) {
	r := s.App(e.App).room(e.Room, e.Roster != nil)
	if r == nil {
		return // the last member here left, and then this came
	}
	r.mu.Lock()
	if e.Roster != nil {
		r.rebuildLocked(e)
	}
	if !r.live {
		r.mu.Unlock()
		return
	}
	r.version = e.Version
	var settled *session
	switch e.Change.Kind {
	case ChangeJoin:
		settled = r.joinLocked(e, fx)
	case ChangeLeave:
		settled = r.leaveLocked(e, fx)
	case ChangeUpdate:
		settled = r.updateLocked(e, fx)
	case ChangeAway, ChangeBack:
		r.awayLocked(e, fx)
	case ChangeMove:
		r.moveLocked(e, fx)
	case ChangeTell:
		r.tellLocked(e, fx)
	}
	r.live = slices.ContainsFunc(r.members, func(m *member) bool { return m.Node == s.node.Name() })
	if !r.live {
		r.members, r.index = nil, nil
	}
	empty := !r.live && len(r.moved) == 0
	r.mu.Unlock()
	if settled != nil {
		settled.kick()
	}
	if empty {
		r.app.drop(r)
	}
}

// rebuildLocked makes the copy of a room in which this node has its first
// member. The one that changed comes behind.
func (r *room) rebuildLocked(e *Event) {
	r.live, r.members, r.index = true, nil, nil
	for _, m := range e.Roster {
		if m.ID != e.Member.ID {
			r.addLocked(&member{room: r, Member: m})
		}
	}
	if e.Change.Kind == ChangeMove {
		r.addLocked(&member{room: r, Member: e.Member})
	}
}

func (r *room) joinLocked(e *Event, fx *effects) *session {
	srv := r.app.srv
	if old := r.findLocked(e.Member.ID); old != nil {
		r.removeLocked(old)
		old.forget()
	}
	m := &member{room: r, Member: e.Member}
	r.addLocked(m)
	var s *session
	if m.Node == srv.node.Name() {
		s = srv.session(m.ID)
		if s == nil || !s.enter(m, e) {
			s = nil
			m.change(ChangeLeave, wire.ReasonLeft)
		}
	}
	r.tellOfLocked(wire.TypePeerJoined, m, fx)
	if s == nil {
		return nil
	}
	s.settle(e.Change.Req, func(a answer) *Body { return r.snapshotLocked(m, a.re) }, fx)
	return s
}

// enter makes m the session's membership. It reports false if the session is
// not the one that asked, or is over.
func (s *session) enter(m *member, e *Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != living || s.pending.Load() != e.Change.Req {
		return false
	}
	m.sess = s
	s.rooms = append(s.rooms, m)
	if s.away {
		m.change(ChangeAway, "")
	}
	return true
}

// forget takes m out of its session.
func (m *member) forget() {
	s := m.sess
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.waits != nil {
		m.waits = nil
		s.holding--
	}
	is := func(o *member) bool { return o == m }
	s.rooms = slices.DeleteFunc(s.rooms, is)
	s.stale = slices.DeleteFunc(s.stale, is)
	m.stale = true
}

func (r *room) leaveLocked(e *Event, fx *effects) *session {
	m := r.findLocked(e.Member.ID)
	if m == nil {
		return nil
	}
	r.removeLocked(m)
	m.forget()
	reason := e.Change.Reason
	if reason == "" {
		reason = wire.ReasonLeft
	}
	r.toOthersLocked(m.ID, &wire.Message{Type: wire.TypePeerLeft, Room: r.name, From: m.ID, Reason: reason}, fx)
	if m.sess != nil {
		m.sess.settle(e.Change.Req, okBody, fx)
	}
	return m.sess
}

func (r *room) updateLocked(e *Event, fx *effects) *session {
	m := r.findLocked(e.Member.ID)
	if m == nil {
		return nil
	}
	m.Data = e.Member.Data
	r.tellOfLocked(wire.TypePeerUpdated, m, fx)
	if m.sess != nil {
		m.sess.settle(e.Change.Req, func(a answer) *Body {
			if a.joined {
				return r.snapshotLocked(m, a.re)
			}
			return okBody(a)
		}, fx)
	}
	return m.sess
}

func (r *room) awayLocked(e *Event, fx *effects) {
	m := r.findLocked(e.Member.ID)
	if m == nil {
		return
	}
	m.Away = e.Member.Away
	msg := &wire.Message{Type: wire.TypePeerAway, Room: r.name, From: m.ID}
	if !m.Away {
		msg.Type, msg.Resumed = wire.TypePeerBack, true
	}
	r.toOthersLocked(m.ID, msg, fx)
}

// tellLocked gives all members on this node but some a frame.
func (r *room) tellLocked(e *Event, fx *effects) {
	size := sizeOf(e.Change.Body.Message)
	for _, m := range r.members {
		if m.sess != nil && !slices.Contains(e.Change.Except, m.ID) {
			m.deliver(e.Change.Body, size, fx)
		}
	}
}

// moveLocked notes that a member is on another node now: it stops being here,
// or begins.
func (r *room) moveLocked(e *Event, fx *effects) {
	m := r.findLocked(e.Member.ID)
	if m == nil {
		return
	}
	now := &member{room: r, Member: e.Member}
	r.replaceLocked(m, now)
	if was := m.sess; was != nil {
		gone := &member{room: r, Member: e.Member}
		r.moved = append(r.moved, gone)
		was.mu.Lock()
		was.movedLocked(gone, fx)
		was.mu.Unlock()
	}
	srv, from := r.app.srv, e.Change.Member.Node
	if now.Node == srv.node.Name() {
		now.welcomeMoved(srv)
		now.waitLocked(from)
	}
	if from != srv.node.Name() {
		srv.node.Send(from, &Event{Kind: EventFlush, Node: srv.node.Name(), App: e.App, Room: e.Room, To: m.ID})
	}
}

// welcomeMoved ties a membership to the session that is arriving, or has.
func (m *member) welcomeMoved(srv *Server) {
	s := srv.session(m.ID)
	if s == nil {
		m.change(ChangeLeave, wire.ReasonLeft)
		return
	}
	m.sess = s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.arriving != nil {
		s.rooms = append(s.rooms, m)
		return
	}
	// It did not come in time: the client was told that its rooms are left.
	m.stale = true
	m.change(ChangeAway, "")
	s.stale = append(s.stale, m)
	s.staleAt = s.srv.now() + s.srv.cfg.ResumeWindow
	s.armLocked(s.staleAt)
}

// handleRefused answers a request that the cluster did not do.
func (s *Server) handleRefused(e *Event, fx *effects) {
	ss := s.session(e.Change.Member.ID)
	if ss == nil {
		return
	}
	if e.Change.Kind == ChangeMove {
		ss.mu.Lock()
		ss.movedLocked(nil, fx)
		ss.mu.Unlock()
		return
	}
	err := wire.Refuse(e.Code, "you are not in room %q", e.Room)
	if e.Code == wire.CodeRoomFull {
		err.Text = "the room is full"
	}
	ss.settle(e.Change.Req, func(a answer) *Body {
		fx.refused(s, ss.peer, e.Code, a.re)
		return errorBody(err, a.re)
	}, fx)
	ss.kick()
}

// handleDown lets the members that were on a node which is gone wait for the
// resume window, as if they had lost their links.
func (s *Server) handleDown(node string, fx *effects) {
	s.cfg.Logger.Warn("node down", "node", node)
	s.eachRoom(func(r *room) { r.flushDownLocked(node, fx) })
	s.changeAllOf(node, ChangeAway, "")
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.downs = append(s.downs, time.AfterFunc(s.cfg.ResumeWindow, func() {
			s.changeAllOf(node, ChangeLeave, wire.ReasonTimeout)
		}))
	}
}

// changeAllOf changes every entry that is on a node, as this node knows it. Other
// nodes do the same; the first is in time, and the rest has no effect.
func (s *Server) changeAllOf(node string, kind ChangeKind, reason wire.Reason) {
	s.eachRoom(func(r *room) {
		for _, m := range r.members {
			if m.Node == node {
				m.change(kind, reason)
			}
		}
	})
}

// eachRoom calls f for every room, under its lock.
func (s *Server) eachRoom(f func(*room)) {
	s.mu.Lock()
	apps := make([]*App, 0, len(s.apps))
	for _, a := range s.apps {
		apps = append(apps, a)
	}
	s.mu.Unlock()
	for _, a := range apps {
		a.mu.Lock()
		rooms := make([]*room, 0, len(a.rooms))
		for _, r := range a.rooms {
			rooms = append(rooms, r)
		}
		a.mu.Unlock()
		for _, r := range rooms {
			r.mu.Lock()
			f(r)
			r.mu.Unlock()
		}
	}
}
