package signaling

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

// answerLocked ends the invitation of m for all that are here: its caller, and the
// devices on which it rang. It returns the session that has asked for it.
func (r *room) answerLocked(e *Event, m *member, st *Step, fx *effects) *session {
	if m.Call.Missed == 0 {
		r.removeLocked(m)
	}
	m.over(fx)
	by := r.tellAnsweredLocked(e, m, st.Reason, fx)
	s := m.sess
	if s == nil {
		return by
	}
	m.pushOverLocked(st.Reason, fx)
	switch {
	case st.Reason == wire.ReasonAccepted:
		s.putMessage(accepted(m.Call.ID, e.Change.By, r.name[1:], m.Call.Room), fx)
	case st.Reason == wire.ReasonCancelled:
		s.settle(e.Change.Req, okBody, fx)
		return s
	case st.Reason == wire.ReasonCrossed && e.Change.Crossed != "":
		s.acceptOther(e.Change.Crossed, m.Call.ID)
	default:
		s.putMessage(declined(m.Call.ID, st.Reason), fx)
	}
	return by
}

func accepted(invite, peer, user, room string) *wire.Message {
	return &wire.Message{Type: wire.TypeAccepted, From: peer, User: user, Room: room, Call: &wire.Call{Invite: invite}}
}

// over takes the entry out of its session, or lets it stay there as one that does
// not ring.
func (m *member) over(fx *effects) {
	if m.Call.Missed == 0 {
		m.forget(fx)
		return
	}
	if s := m.sess; s != nil {
		s.mu.Lock()
		m.stale = true // nothing is told of it any more
		if m.ring != nil {
			m.ring.end = 0
		}
		s.mu.Unlock()
	}
}

// tellAnsweredLocked tells the devices here that an invitation is over. The one
// that has answered gets that answer, and its session is returned.
func (r *room) tellAnsweredLocked(e *Event, m *member, reason wire.Reason, fx *effects) (by *session) {
	told := reason
	switch reason {
	case wire.ReasonAccepted:
		told = wire.ReasonElsewhere
	case wire.ReasonBusy:
		told = wire.ReasonDeclined
	}
	for _, d := range r.members {
		switch {
		case d.Kind != KindDevice || d.sess == nil || d.ID == peerOf(m.ID):
		case d.ID != e.Change.By:
			d.sess.putMessage(cancelled(m.Call.ID, told), fx)
		case e.Change.Crossed != "":
			d.sess.putMessage(cancelled(m.Call.ID, wire.ReasonCrossed), fx)
			d.sess.putMessage(accepted(e.Change.Crossed, peerOf(m.ID), m.User, m.Call.Room), fx)
		default:
			by = d.sess
			by.settle(e.Change.Req, okBody, fx)
		}
	}
	return by
}

// tellMissedLocked tells a device, if it is here, what was missed before it came.
func (r *room) tellMissedLocked(device string, m *Member, fx *effects) {
	if d := r.findLocked(device); d != nil && d.Kind == KindDevice && d.sess != nil {
		msg := r.invited(m)
		msg.Type = wire.TypeMissed
		msg.Call.TTL = max(1, r.app.srv.cfg.Now().UnixMilli()-m.Call.Missed)
		d.sess.putMessage(msg, fx)
	}
}

// callerLeftLocked ends an invitation whose caller is gone.
func (r *room) callerLeftLocked(m *member, fx *effects) {
	for _, d := range r.members {
		if d.Kind == KindDevice && d.sess != nil && d.ID != peerOf(m.ID) {
			d.sess.putMessage(cancelled(m.Call.ID, wire.ReasonGone), fx)
		}
	}
	if m.sess != nil {
		m.pushOverLocked(wire.ReasonGone, fx)
	}
}
