package signaling

import (
	"cmp"
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// handleChange brings this node's copy of a roster up to date, and tells the
// members that are here. All that goes into outboxes does so under the room's
// lock: every member sees one order.
func (s *Server) handleChange(e *Event, fx *effects) {
	r := s.findRoom(e.App, e.Room)
	if r == nil && e.Roster != nil {
		r = s.reach(e.App).room(e.Room, true)
	}
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
	was := r.presenceLocked()
	settled := r.stepsLocked(e, fx)
	r.tellPresenceLocked(was, fx)
	r.tellRingingLocked(fx)
	r.live = slices.ContainsFunc(r.members, func(m *member) bool { return m.Node == s.node.Name() })
	if !r.live {
		r.members, r.index, r.rules = nil, nil, nil
	}
	r.weighLocked()
	empty := !r.live && len(r.moved) == 0
	r.mu.Unlock()
	if settled != nil {
		settled.kick()
	}
	s.settleGlare(e)
	if empty {
		r.app.drop(r)
	}
}

// stepsLocked does all steps of a change, and returns the session that waits for
// it, if that is here.
func (r *room) stepsLocked(e *Event, fx *effects) (settled *session) {
	for i := range e.Steps {
		if s := r.stepLocked(e, &e.Steps[i], fx); s != nil {
			settled = s
		}
	}
	if srv := r.app.srv; e.Change.Host != "" && e.Node == srv.node.Name() {
		if settled = srv.session(e.Change.Host); settled != nil {
			settled.settle(e.Change.Req, okBody, fx)
		}
	}
	return settled
}

// stepLocked does one step of a change, and returns the session that waits for
// it, if that is here.
func (r *room) stepLocked(e *Event, st *Step, fx *effects) *session {
	if isUser(r.name) && st.Kind != ChangeMove {
		return r.userStepLocked(e, st, fx)
	}
	switch st.Kind {
	case ChangeJoin:
		return r.joinLocked(e, st, fx)
	case ChangeLeave:
		return r.leaveLocked(e, st, fx)
	case ChangeUpdate:
		return r.updateLocked(e, st, fx)
	case ChangeAway, ChangeBack:
		r.awayLocked(st, fx)
	case ChangeMove:
		r.moveLocked(e, st, fx)
	case ChangeTell:
		r.tellLocked(e, fx)
	case ChangeAdmit:
		r.admitLocked(st, fx)
	case ChangeRole:
		r.roleLocked(e, st, fx)
	case ChangeRules:
		r.rulesLocked(e, st, fx)
	default:
		fx.unknownStep(r, st)
	}
	return nil
}

// rebuildLocked makes the copy of a room in which this node has its first
// member. Those that join come behind.
func (r *room) rebuildLocked(e *Event) {
	r.live, r.members, r.index, r.rules = true, nil, nil, e.Roster.Rules
	for _, m := range e.Roster.Members {
		joins := func(st Step) bool { return st.Kind == ChangeJoin && st.Member.ID == m.ID }
		if !slices.ContainsFunc(e.Steps, joins) {
			r.addLocked(&member{room: r, Member: m})
		}
	}
}

func (r *room) joinLocked(e *Event, st *Step, fx *effects) *session {
	srv := r.app.srv
	old := r.findLocked(st.Member.ID)
	if old != nil {
		r.removeLocked(old)
		old.forget(fx)
	}
	m := &member{room: r, Member: st.Member}
	r.addLocked(m)
	var s *session
	forced := false
	if m.Node == srv.node.Name() {
		s = srv.session(m.ID)
		forced = s != nil && s.takeForced(e.Change.Req)
		if s == nil || !s.enter(m, e, forced) {
			s = nil
			m.change(ChangeLeave, wire.ReasonLeft)
		}
	}
	if m.inside() {
		r.tellOfLocked(wire.TypePeerJoined, m, fx)
	} else {
		r.knockLocked(m, fx)
	}
	if s == nil {
		return nil
	}
	if forced {
		r.tellForcedLocked(m, fx)
	} else {
		s.settle(e.Change.Req, func(a answer) *Body { return r.snapshotLocked(m, a.re, s.takeICELocked()) }, fx)
		if len(r.members) == 1 {
			s.chargeNewRoom()
		}
	}
	r.knocksToLocked(m, fx)
	if old == nil || !old.inside() {
		r.joinedLocked(m)
	}
	return s
}

// enter makes m the session's membership. It reports false if the session is
// not the one that asked, unless nobody has to, or is over.
func (s *session) enter(m *member, e *Event, forced bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != living || !forced && s.pending.Load() != e.Change.Req {
		return false
	}
	m.sess = s
	s.rooms = append(s.rooms, m)
	if !m.inside() {
		s.knockLocked(m)
	}
	if s.away && m.tellsAway() {
		m.change(ChangeAway, "")
	}
	if !forced {
		m.judgeLocked(s.identity, s.identity) // it may have been replaced since the join
	}
	if m.Granted != s.identity.role() {
		m.grantLocked(s.identity)
	}
	return true
}

// forget takes m out of its session. It reports whether that took itself for a
// member.
func (m *member) forget(fx *effects) bool {
	s := m.sess
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was := !m.stale
	if m.waits != nil {
		m.waits = nil
		s.holding--
	}
	is := func(o *member) bool { return o == m }
	s.rooms = slices.DeleteFunc(s.rooms, is)
	s.stale = slices.DeleteFunc(s.stale, is)
	m.stale = true
	s.startMoveLocked(fx) // which may have waited for this one
	return was
}

func (r *room) leaveLocked(e *Event, st *Step, fx *effects) *session {
	m := r.findLocked(st.Member.ID)
	if m == nil {
		return nil
	}
	r.removeLocked(m)
	here := m.forget(fx)
	reason := cmp.Or(st.Reason, wire.ReasonLeft)
	switch {
	case !m.inside():
		r.toHostsLocked(&wire.Message{Type: wire.TypeKnockEnded, Room: r.name, From: m.ID, Reason: reason}, fx)
	case reason != wire.ReasonEnded: // then all leave
		r.toOthersLocked(m.ID, &wire.Message{Type: wire.TypePeerLeft, Room: r.name, From: m.ID, Reason: reason}, fx)
	}
	if m.sess == nil {
		return nil
	}
	if here {
		m.takenOut(e, reason, fx)
	}
	r.leftLocked(m, reason)
	if e.Change.Member.ID != m.ID || e.Change.Host != "" { // somebody else has asked for it
		return nil
	}
	m.sess.settle(e.Change.Req, okBody, fx)
	return m.sess
}

func (r *room) updateLocked(e *Event, st *Step, fx *effects) *session {
	m := r.findLocked(st.Member.ID)
	if m == nil {
		return nil
	}
	m.Data = st.Member.Data
	if m.inside() {
		r.tellOfLocked(wire.TypePeerUpdated, m, fx)
	} else {
		r.knockLocked(m, fx)
	}
	if m.sess != nil {
		m.sess.settle(e.Change.Req, func(a answer) *Body {
			if a.joined {
				return r.snapshotLocked(m, a.re, nil)
			}
			return okBody(a)
		}, fx)
	}
	return m.sess
}

func (r *room) awayLocked(st *Step, fx *effects) {
	m := r.findLocked(st.Member.ID)
	if m == nil {
		return
	}
	m.Away = st.Member.Away
	if !m.inside() {
		r.knockLocked(m, fx)
		return
	}
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
		if m.sess != nil && m.inside() && !slices.Contains(e.Change.Except, m.ID) {
			m.deliver(e.Change.Body, size, fx)
		}
	}
}

// moveLocked notes that a member is on another node now: it stops being here,
// or begins.
func (r *room) moveLocked(e *Event, st *Step, fx *effects) {
	m := r.findLocked(st.Member.ID)
	if m == nil {
		return
	}
	now := &member{room: r, Member: st.Member}
	r.replaceLocked(m, now)
	if was := m.sess; was != nil {
		gone := &member{room: r, Member: st.Member}
		r.moved = append(r.moved, gone)
		was.mu.Lock()
		was.movedLocked(gone, fx)
		was.mu.Unlock()
	}
	srv, from := r.app.srv, e.Change.Member.Node
	if now.Node == srv.node.Name() {
		now.welcomeMoved(srv, e.Change.Stale)
		now.waitLocked(from)
		now.goOnRingingLocked()
	}
	if from != srv.node.Name() {
		srv.node.Send(from, &Event{Kind: EventFlush, Node: srv.node.Name(), App: e.App, Room: e.Room, To: m.ID})
	}
}

// welcomeMoved ties a membership to the session that is arriving, or has.
func (m *member) welcomeMoved(srv *Server, stale bool) {
	s := srv.session(peerOf(m.ID))
	if s == nil {
		m.change(ChangeLeave, wire.ReasonLeft)
		return
	}
	m.sess = s
	s.mu.Lock()
	defer s.mu.Unlock()
	missed := m.Call != nil && m.Call.Missed != 0 // which the session does not take for its own any more
	if s.arriving != nil && (!stale || missed) {
		s.rooms = append(s.rooms, m)
		if !m.inside() {
			s.knockLocked(m)
		}
		return
	}
	if isUser(m.room.name) {
		m.tooLateLocked()
		return
	}
	// It was left with a history that was lost, or did not come in time: the
	// client was told that its rooms are left.
	m.stale = true
	m.change(ChangeAway, "")
	s.stale = append(s.stale, m)
	s.staleAt = s.srv.now() + s.srv.cfg.ResumeWindow
	s.armLocked(s.staleAt)
}
