package signaling

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

// Two users that ring each other at the same time shall be in one call. Of the
// two invitations the one of the caller with the lower rank holds; the node of
// the other caller takes that one's back and then, which only has effect if it was
// not answered before, accepts in its name what holds. So there is no moment at
// which both can be accepted. Both callers are told accepted, with one room.

// settleGlare looks whether what has just begun to ring crosses something, and
// whether what was accepted makes something pointless. The node's inbox is the only
// writer of rosters, so that what is read here is as it was within the change.
func (s *Server) settleGlare(e *Event) {
	if !isUser(e.Room) {
		return
	}
	for i := range e.Steps {
		st := &e.Steps[i]
		if st.Member.Kind != KindCaller || st.Member.User == "" {
			continue
		}
		other := s.findRoom(e.App, string(userPrefix)+st.Member.User)
		if other == nil {
			continue
		}
		switch {
		case st.Kind == ChangeJoin:
			s.cross(e, &st.Member, other)
		case st.Kind == ChangeAnswer && st.Reason == wire.ReasonAccepted:
			s.withdraw(e, other)
		}
	}
}

// cross lets one of two callers take its invitation back, if that is of a session
// of this node: m is the one that has come, and the others are in the roster of
// m's user.
func (s *Server) cross(e *Event, m *Member, other *room) {
	var crossing []Member
	other.mu.Lock()
	for _, o := range other.members {
		if o.Kind == KindCaller && o.Call.Missed == 0 && o.User == e.Room[1:] && peerOf(o.ID) != peerOf(m.ID) {
			crossing = append(crossing, o.Member)
		}
	}
	other.mu.Unlock()
	for i := range crossing {
		o := &crossing[i]
		loser, winner, roster := o, m, other.name
		if m.Rank > o.Rank || m.Rank == o.Rank && m.ID > o.ID {
			loser, winner, roster = m, o, e.Room
		}
		if loser.Node == s.node.Name() {
			s.takeBack(e.App, roster, loser.ID, winner.ID)
		}
	}
}

// withdraw takes back what sessions of this node still ring, after the user whom
// they ring was accepted by a device of theirs, or the other way round.
func (s *Server) withdraw(e *Event, other *room) {
	var pointless []string
	other.mu.Lock()
	for _, o := range other.members {
		if o.Kind == KindCaller && o.Call.Missed == 0 && o.User == e.Room[1:] && o.sess != nil {
			pointless = append(pointless, o.ID)
		}
	}
	other.mu.Unlock()
	for _, id := range pointless {
		s.takeBack(e.App, other.name, id, "")
	}
}

func (s *Server) takeBack(app, roster, id, crossed string) {
	s.node.Change(Change{
		Kind: ChangeAnswer, App: app, Room: roster, Reason: wire.ReasonCrossed, By: peerOf(id), Crossed: crossed, Member: Member{ID: id},
	})
}

// acceptOther accepts, in the name of a caller whose own invitation was taken back,
// the one that it crossed.
func (s *session) acceptOther(caller, own string) {
	s.srv.node.Change(Change{
		Kind: ChangeAnswer, App: s.app.name, Room: string(userPrefix) + s.user, Reason: wire.ReasonAccepted, By: s.peer, Crossed: own,
		Member: Member{ID: caller}, Req: s.srv.requests.Add(1),
	})
}
