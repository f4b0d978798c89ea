package signaling

import (
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Tell is what code has for one peer, or for all that it describes.
type Tell struct {
	Body     *Body       // goes into outboxes; nil: nothing
	Volatile bool        // not to those who are behind
	End      *wire.Error // ends the session of one peer
	Join     string      // makes one peer join a room
	Leave    string      // makes one peer leave a room

	Rooms       []string // nil: all sessions of the app
	Except      []string // ids
	ExceptRooms []string
	Req         uint64 // Node waits for a Report; 0: it does not
}

// volatileLimit is the number of unread bytes from which on a peer is behind.
const volatileLimit = 16 << 10

// tell hands t to the peer's session, wherever it is. Through the inbox, also
// on this node: so what one goroutine sends to a peer, alone and with others,
// comes in its order.
func (p *Peer) tell(t *Tell) {
	node := p.app.srv.node
	e := &Event{Kind: EventTell, Node: node.Name(), App: p.app.name, To: p.id, Tell: t}
	if p.app.srv.session(p.id) != nil {
		node.Send(node.Name(), e)
		return
	}
	node.Tell(p.id, e)
}

// handleTell does what code, of whatever node, has for peers of this one.
func (s *Server) handleTell(e *Event, fx *effects) {
	if e.To == "" {
		s.tellMany(e, fx)
		return
	}
	ss := s.session(e.To)
	if ss == nil || ss.app.name != e.App {
		s.report(e, nil)
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.state == moved {
		s.node.Send(ss.moving.node, e)
		return
	}
	if (e.Tell.Join != "" || e.Tell.Leave != "" || e.Tell.End != nil) && ss.putOffLocked(e) {
		return
	}
	var got []string
	if ss.tellLocked(e.Tell, fx) {
		ss.askedLocked(e)
		got = []string{ss.peer}
	}
	s.report(e, got)
}

// putOffLocked keeps e for when the session's entries are where it is, if they
// are on their way; and a join or leave for when the client is welcome, whom
// others should not see before.
func (s *session) putOffLocked(e *Event) bool {
	switch {
	case s.arriving != nil:
		s.arriving.late = append(s.arriving.late, e)
	case s.moving != nil:
		s.moving.late = append(s.moving.late, e)
	case s.self != nil && s.self.connecting && e.Tell.End == nil:
		s.self.late = append(s.self.late, e)
	default:
		return false
	}
	return true
}

// tellLocked reports whether the session gets it.
func (s *session) tellLocked(t *Tell, fx *effects) bool {
	behind := s.link == nil || s.unread >= volatileLimit
	if s.state != living || t.Volatile && behind {
		return false
	}
	if t.Body != nil {
		s.putLocked(t.Body, sizeOf(t.Body.Message), fx)
	}
	if t.Join != "" {
		s.forceJoinLocked(t.Join)
	}
	if own := s.memberLocked(t.Leave); own != nil {
		own.change(ChangeLeave, wire.ReasonForbidden)
	}
	if t.End != nil {
		s.expelLocked(t.End, fx)
	}
	return true
}

// expelLocked ends the session, and tells its client why.
func (s *session) expelLocked(why *wire.Error, fx *effects) {
	s.peerLocked().expelled = why
	if l := s.link; l != nil {
		l.mu.Lock()
		l.control = append(l.control, errorBody(why, 0))
		l.wakeLocked(fx)
		l.mu.Unlock()
	}
	s.endSessionLocked(wire.ReasonLeft, closingCode(why.Code), fx)
}

// closingCode is the code with which a link ends for a refusal: one of an
// application cannot close it.
func closingCode(code wire.Code) wire.Code {
	if info := code.Info(); code != wire.CodeInternal && (info.Close == 0 || info == wire.CodeInternal.Info()) {
		return wire.CodeForbidden
	}
	return code
}

// tellMany hands a tell to all on this node that it describes, each once.
func (s *Server) tellMany(e *Event, fx *effects) {
	a := s.lookup(e.App)
	if a == nil {
		s.report(e, nil)
		return
	}
	var got []string
	size := sizeOf(e.Tell.Body.Message)
	for _, ss := range a.described(e.Tell) {
		ss.mu.Lock()
		if (e.Tell.Rooms != nil && ss.state == living || ss.gathers()) && !(e.Tell.Volatile && (ss.link == nil || ss.unread >= volatileLimit)) {
			ss.putLocked(e.Tell.Body, size, fx)
			ss.askedLocked(e)
			got = append(got, ss.peer)
		}
		ss.mu.Unlock()
	}
	s.report(e, got)
}

// gathers reports whether what goes to all sessions comes to this one here: that
// changes from one node to the other at one place in all inboxes, the Take.
func (s *session) gathers() bool {
	return s.state == living && s.moving == nil && (s.arriving == nil || s.arriving.gathers)
}

// described returns the sessions of this node that t is for.
func (a *App) described(t *Tell) []*session {
	except := make(map[*session]bool)
	for _, m := range a.localMembers(t.ExceptRooms) {
		except[m] = true
	}
	var from []*session
	if t.Rooms != nil {
		from = a.localMembers(t.Rooms)
	} else {
		from = a.localSessions()
	}
	return slices.DeleteFunc(from, func(s *session) bool {
		skip := except[s] || slices.Contains(t.Except, s.peer)
		except[s] = true // each once
		return skip
	})
}

// localMembers returns the sessions of this node that are in one of the rooms, or
// are devices where that is a user.
func (a *App) localMembers(rooms []string) (sessions []*session) {
	for _, name := range rooms {
		r := a.room(name, false)
		if r == nil {
			continue
		}
		r.mu.Lock()
		for _, m := range r.members {
			if m.sess != nil && (m.Kind == KindMember || m.Kind == KindDevice) {
				sessions = append(sessions, m.sess)
			}
		}
		r.mu.Unlock()
	}
	return sessions
}

func (a *App) localSessions() []*session {
	return slices.DeleteFunc(a.srv.allSessions(), func(s *session) bool { return s.app.name != a.name })
}
