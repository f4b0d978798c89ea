package signaling

import (
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// presenceLocked is what the roster of a user says of the user. A device whose
// link is lost is not there, but a call of it may go on.
func (r *room) presenceLocked() (p wire.Presence) {
	if !isUser(r.name) {
		return p
	}
	for _, m := range r.members {
		if m.Kind == KindDevice {
			p.Busy = p.Busy || m.Busy
			if !m.Away {
				p.Peers++
			}
		}
	}
	p.Online = p.Peers > 0
	return p
}

// tellPresenceLocked tells the watchers on this node what has changed.
func (r *room) tellPresenceLocked(was wire.Presence, fx *effects) {
	p := r.presenceLocked()
	if p == was {
		return
	}
	b := r.presenceBody(p)
	for _, m := range r.members {
		if m.Kind == KindWatcher && m.sess != nil {
			m.deliver(b, sizeOf(b.Message), fx)
		}
	}
}

func (r *room) presenceBody(p wire.Presence) *Body {
	return &Body{Message: &wire.Message{Type: wire.TypePresence, User: r.name[1:], Presence: &p}}
}

// tellPresence tells one watcher how things are.
func (m *member) tellPresence(p wire.Presence, fx *effects) {
	b := m.room.presenceBody(p)
	m.deliver(b, sizeOf(b.Message), fx)
}

// watchedLocked returns the session's entry as a watcher of a user.
func (s *session) watchedLocked(user string) *member {
	for _, m := range s.rooms {
		if m.Kind == KindWatcher && m.room.name[1:] == user {
			return m
		}
	}
	return nil
}

func (s *session) watched(user string) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watchedLocked(user)
}

// watchCost is what a watched user costs beyond its frame, in bytes: a change of
// the cluster, and the answer.
const watchCost = 512

// handleWatch makes the session a watcher of users. Those that it watches already
// are told of anew; those whom it may reach only now move from nobody's
// roster to their own.
func (s *session) handleWatch(m *wire.Message, fx *effects) *wire.Error {
	slices.Sort(m.Users)
	s.mu.Lock()
	count := s.countLocked(KindWatcher)
	s.pace.chargeBytes(&s.srv.cfg, s.srv.now(), watchCost*len(m.Users))
	s.mu.Unlock()
	var again []*member
	var rosters []string
	for _, user := range slices.Compact(m.Users) {
		own, roster := s.watched(user), s.rosterOf(user)
		switch {
		case own != nil && own.room.name == roster:
			again = append(again, own)
			continue
		case own == nil:
			count++
		default:
			own.change(ChangeLeave, wire.ReasonLeft)
		}
		rosters = append(rosters, roster)
	}
	if limit := s.srv.cfg.MaxWatched; count > limit {
		s.srv.exceeded(LimitWatched)
		return wire.Refuse(wire.CodeTooManyWatched, "watch: that would be %d users, more than %d", count, limit)
	}
	if len(rosters) > 0 {
		if err := s.srv.growing(); err != nil {
			return err
		}
	}
	for _, own := range again {
		own.room.mu.Lock()
		own.tellPresence(own.room.presenceLocked(), fx)
		own.room.mu.Unlock()
	}
	changes := make([]Change, len(rosters))
	for i, roster := range rosters {
		changes[i] = Change{Kind: ChangeJoin, Room: roster, Member: Member{ID: s.peer + "w", Kind: KindWatcher, User: s.user}}
	}
	s.changeUsers(m.ID, changes, fx)
	return nil
}

func (s *session) handleUnwatch(m *wire.Message, fx *effects) *wire.Error {
	slices.Sort(m.Users)
	var changes []Change
	for _, user := range slices.Compact(m.Users) {
		if own := s.watched(user); own != nil {
			changes = append(changes, Change{
				Kind: ChangeLeave, Room: own.room.name, Member: Member{ID: own.ID, Since: own.Since},
			})
		}
	}
	s.changeUsers(m.ID, changes, fx)
	return nil
}

// changeUsers submits changes of users' rosters. The frame re is answered with ok
// when all are done.
func (s *session) changeUsers(re uint64, changes []Change, fx *effects) {
	if len(changes) == 0 {
		b := okBody(answer{re: re})
		s.put(b, sizeOf(b.Message), fx)
		return
	}
	req := s.request(answer{re: re, left: int32(len(changes))})
	for _, c := range changes {
		c.App, c.Req = s.app.name, req
		s.srv.node.Change(c)
	}
}

// handleStatus notes whether the session's device is busy.
func (s *session) handleStatus(m *wire.Message) *wire.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, own := range s.rooms {
		if own.Kind == KindDevice {
			busy := m.Presence != nil && m.Presence.Busy
			s.srv.node.Change(Change{
				Kind: ChangeUpdate, App: s.app.name, Room: own.room.name, Req: s.requestLocked(answer{re: m.ID}),
				Member: Member{ID: own.ID, Since: own.Since, Busy: busy},
			})
			return nil
		}
	}
	return wire.Refuse(wire.CodeForbidden, "status: your token names no user")
}
