package signaling

import (
	"cmp"
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A user is a roster too, in the same cluster and with the same changes as a
// room's. Its entries are the sessions of the user and those that want something
// of it, and what each kind is told is another thing: the user's devices hear
// of calls, watchers of the user's presence, and nobody of anybody else. Who may
// not reach a user is put into another roster, of nobody, so that the
// refusal looks and lasts like the absence of the user.
const (
	userPrefix   = '@' // no room can be named so
	nobodyPrefix = '!'
)

// The kinds of entries in the roster of a user.
const (
	KindDevice  MemberKind = "device"  // a session of that user
	KindWatcher MemberKind = "watcher" // is told of the user's presence
	KindCaller  MemberKind = "caller"  // rings the user
)

// isUser reports whether a roster is a user's rather than a room's.
func isUser(roster string) bool {
	return roster != "" && (roster[0] == userPrefix || roster[0] == nobodyPrefix)
}

// peerOf returns the peer of an entry's id. In the roster of a user one peer may
// have several: their ids go on behind the peer's.
func peerOf(id string) string { return id[:min(len(id), peerLength)] }

// tellsAway reports whether others are told that the link of m is lost.
func (m *member) tellsAway() bool { return m.Kind != KindWatcher && m.Kind != KindCaller }

// mayReach reports whether s may watch, ring and write to a user: itself, by a
// grant, or because both are in a room.
func (s *session) mayReach(user string) bool {
	id := s.who()
	if s.srv.cfg.Authenticate == nil || user == s.user || id.reaches(user) {
		return true
	}
	s.mu.Lock()
	entries := slices.Clone(s.rooms)
	s.mu.Unlock()
	return slices.ContainsFunc(entries, func(m *member) bool { return m.Kind == KindMember && m.room.has(user) })
}

// has reports whether a user is in the room.
func (r *room) has(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.members, func(m *member) bool { return m.Kind == KindMember && m.User == user })
}

// rosterOf is the roster in which s finds a user, or nobody.
func (s *session) rosterOf(user string) string {
	if s.mayReach(user) {
		return string(userPrefix) + user
	}
	return string(nobodyPrefix) + user
}

// countLocked counts the session's entries of a kind.
func (s *session) countLocked(kind MemberKind) (n int) {
	for _, m := range s.rooms {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

// enterUserLocked makes the session a device of its user, if it is not yet.
// What the client sends meanwhile waits.
func (s *session) enterUserLocked() {
	if s.user == "" || s.entering || s.countLocked(KindDevice) > 0 {
		return
	}
	s.joinUserLocked(nil)
}

// joinUserLocked asks for the session's entry as a device. ticket is the connect
// token that it uses, if any.
func (s *session) joinUserLocked(ticket *Ticket) {
	s.entering = true
	req := uint64(0)
	if s.pending.Load() == 0 { // else frames wait already
		req = s.requestLocked(answer{})
	}
	s.srv.node.Change(Change{
		Kind: ChangeJoin, App: s.app.name, Room: string(userPrefix) + s.user, Req: req, Ticket: ticket,
		Member: Member{ID: s.peer, Kind: KindDevice, User: s.user, Rank: s.rank},
	})
}

// enterDevice makes m the session's device. It reports false if the session is
// over, or elsewhere.
func (s *session) enterDevice(m *member, fx *effects) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entering = false
	if s.state != living {
		return false
	}
	m.sess = s
	s.rooms = append(s.rooms, m)
	if s.away {
		m.change(ChangeAway, "")
	}
	s.startMoveLocked(fx)
	return true
}

// resetUserLocked is resetLocked for an entry in the roster of a user. A device
// joins anew, in its own place, and so is told again of what rings; what else was
// wanted of users has to be asked for again.
func (m *member) resetUserLocked() {
	m.stale = true
	if m.Kind != KindDevice {
		m.change(ChangeLeave, wire.ReasonGone)
	}
}

// tooLateLocked judges an entry that was moved here when its session had given up
// waiting for it. That session is a device by a change of its own.
func (m *member) tooLateLocked() {
	if m.Kind != KindDevice {
		m.stale = true
		m.change(ChangeLeave, wire.ReasonGone)
	}
}

// userStepLocked does one step of a change of a user's roster, and returns the
// session that waits for it, if that is here.
func (r *room) userStepLocked(e *Event, st *Step, fx *effects) *session {
	if st.Kind == ChangeTell {
		r.tellDevicesLocked(e.Change.Body, e.Change.Except, fx)
		return nil
	}
	m := r.findLocked(st.Member.ID)
	if st.Kind == ChangeJoin {
		return r.userJoinLocked(e, m, st, fx)
	}
	if in := st.Member.Call; st.Kind == ChangeLeave && in != nil && in.Missed != 0 {
		r.tellMissedLocked(e.Change.Member.ID, &st.Member, fx)
	}
	if m == nil {
		return nil
	}
	m.Away, m.Busy, m.Call = st.Member.Away, st.Member.Busy, st.Member.Call // the rest never changes
	switch {
	case st.Kind == ChangeAnswer:
		return r.answerLocked(e, m, st, fx)
	case st.Kind == ChangeLeave:
		if m.Kind == KindWatcher && m.sess != nil && st.Reason == wire.ReasonForbidden { // looks as if the user had gone
			m.tellPresence(wire.Presence{}, fx)
		}
		r.removeLocked(m)
		m.forget(fx)
		if m.Kind == KindCaller && m.Call.Missed == 0 {
			r.callerLeftLocked(m, fx)
		}
		if m.Kind == KindDevice && m.sess != nil && st.Reason == wire.ReasonReplaced { // its client never heard of it
			m.sess.replace(fx)
		}
	}
	if m.sess == nil || e.Change.Member.ID != m.ID { // somebody else has asked for it
		return nil
	}
	m.sess.settle(e.Change.Req, okBody, fx)
	return m.sess
}

func (r *room) userJoinLocked(e *Event, old *member, st *Step, fx *effects) *session {
	if old != nil {
		r.removeLocked(old)
		old.forget(fx)
	}
	m := &member{room: r, Member: st.Member}
	r.addLocked(m)
	var s *session
	if srv := r.app.srv; m.Node == srv.node.Name() {
		s = srv.session(peerOf(m.ID))
		if s == nil || m.Kind == KindDevice && !s.enterDevice(m, fx) || m.Kind != KindDevice && !s.enter(m, e, false) {
			s = nil
			m.change(ChangeLeave, wire.ReasonGone)
		}
	}
	switch {
	case m.Kind == KindCaller:
		r.ringLocked(e, m, fx)
	case s != nil && m.Kind == KindDevice:
		r.ringDeviceLocked(m, fx)
		s.settle(e.Change.Req, func(answer) *Body { return nil }, fx)
		r.app.srv.connected(s.peer, "")
	case s != nil:
		m.tellPresence(r.presenceLocked(), fx)
		s.settle(e.Change.Req, okBody, fx)
	}
	return s
}

// tellDevicesLocked gives the user's devices on this node a frame.
func (r *room) tellDevicesLocked(b *Body, except []string, fx *effects) {
	size := sizeOf(b.Message)
	for _, m := range r.members {
		if m.Kind == KindDevice && m.sess != nil && !slices.Contains(except, m.ID) {
			m.deliver(b, size, fx)
		}
	}
}

// refusedByUser answers a request that was not done in the roster of a user.
func (s *Server) refusedByUser(e *Event, fx *effects) {
	c := &e.Change
	ss := s.session(cmp.Or(c.By, peerOf(c.Member.ID)))
	if ss == nil {
		return
	}
	err := wire.Refuse(e.Code, "user %q is not there", e.Room[1:])
	switch {
	case c.Ticket != nil:
		s.connected(ss.peer, e.Code)
		return
	case c.Kind == ChangeTell:
		fx.refused(s, ss.peer, e.Code, c.Re)
		ss.putMessage(errorBody(err, c.Re).Message, fx)
		return
	case c.Kind == ChangeJoin && c.Member.Kind == KindCaller:
		ss.notRung(e, fx)
		ss.kick()
		return
	case c.Kind == ChangeAnswer && c.Crossed != "":
		ss.putMessage(declined(c.Crossed, wire.ReasonCrossed), fx)
		return
	case c.Kind == ChangeAnswer:
		err.Text = "the invitation is over"
	}
	ss.settle(c.Req, func(a answer) *Body {
		fx.refused(s, ss.peer, e.Code, a.re)
		return errorBody(err, a.re)
	}, fx)
	ss.kick()
}

func (s *session) putMessage(m *wire.Message, fx *effects) { s.put(&Body{Message: m}, sizeOf(m), fx) }

// handleUserMessage relays a message to all devices of a user.
func (s *session) handleUserMessage(m *wire.Message) *wire.Error {
	b := &Body{Message: &wire.Message{Type: wire.TypeMessage, From: s.peer, User: s.user, Data: m.Data}}
	s.srv.node.Change(Change{
		Kind: ChangeTell, App: s.app.name, Room: s.rosterOf(m.User), Body: b, Except: []string{s.peer},
		Member: Member{ID: s.peer}, Req: s.srv.requests.Add(1), Re: m.ID,
	})
	return nil
}
