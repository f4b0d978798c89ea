package signaling

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

func (s *session) handleJoin(l *Link, m *wire.Message, fx *effects) *wire.Error {
	c := &s.srv.cfg
	if len(m.Data) > c.MaxMetadata {
		s.srv.exceeded(LimitMetadata)
		return wire.Refuse(wire.CodeTooBig, "join: data has %d bytes, more than %d", len(m.Data), c.MaxMetadata)
	}
	if limit := s.chargeJoin(l.src); limit != "" {
		return s.srv.refuseFor(limit)
	}
	own := s.member(m.Room)
	if own == nil || m.Data != nil {
		if err := s.srv.growing(); err != nil {
			return err
		}
	}
	if own != nil && s.joinAgain(own, m, fx) {
		return nil
	}
	s.mu.Lock()
	rooms, allowed := s.countLocked(KindMember)+s.countLocked(KindKnocker), s.srv.allows(s.identity, s.app.name, m.Room)
	s.mu.Unlock()
	if !allowed {
		return wire.Refuse(wire.CodeForbidden, "join: your token does not allow room %q", m.Room)
	}
	if rooms >= c.MaxRooms {
		s.srv.exceeded(LimitRooms)
		return wire.Refuse(wire.CodeTooManyRooms, "join: you are in %d rooms, and may not be in more", rooms)
	}
	if d := m.Door; d != nil && d.Password != "" && s.triesTooMuch(l.src) {
		return s.srv.refuseFor(LimitPasswords)
	}
	if _, err := s.linkOf(m); err != nil {
		return err
	}
	if c := s.app.get(); len(c.middleware)+len(c.join) > 0 {
		s.consult(m, c.wrap(c.joinHooks))
		return nil
	}
	return s.enterRoom(m)
}

// linkOf is the link that m brings; nil: none.
func (s *session) linkOf(m *wire.Message) (*LinkPass, *wire.Error) {
	if m.Door == nil || m.Door.Link == "" {
		return nil, nil
	}
	link, err := parseRoomLink(m.Door.Link, s.srv.cfg.ResumeKeys)
	if err != nil || link.app != s.app.name || link.room != m.Room {
		return nil, wire.Refuse(wire.CodeBadLink, "join: the link is not one to room %q", m.Room)
	}
	return &link.LinkPass, nil
}

// enterRoom asks the cluster for a place in a room.
func (s *session) enterRoom(m *wire.Message) *wire.Error {
	c := &s.srv.cfg
	link, err := s.linkOf(m)
	if err != nil {
		return err
	}
	entry := &Entry{Link: link, Knockers: c.MaxKnockers, Duplicates: s.app.duplicatesNow()}
	if m.Door != nil {
		entry.Passwords = s.srv.passwordHashes(s.app.name, m.Room, m.Door.Password)
	}
	change := Change{
		Kind: ChangeJoin, App: s.app.name, Room: m.Room, Limit: c.MaxPeers, Entry: entry, Req: s.request(answer{re: m.ID}),
		Member: Member{ID: s.peer, User: s.user, Granted: s.who().role(), Rank: s.rank, Data: m.Data},
	}
	if link != nil {
		change.Source = s.address()
	}
	s.mu.Lock()
	voided := s.doors != nil && s.doors.voided
	s.mu.Unlock()
	if voided {
		go s.joinWithICE(change) // ends with the call for ICE servers
		return nil
	}
	s.srv.node.Change(change)
	return nil
}

// joinAgain answers one who is in the room already. It reports false if that was
// taken out this moment.
func (s *session) joinAgain(own *member, m *wire.Message, fx *effects) bool {
	if m.Data != nil {
		s.changeOwn(ChangeUpdate, own, m.Data, answer{re: m.ID, joined: true})
		return true
	}
	own.room.mu.Lock()
	defer own.room.mu.Unlock()
	if s.member(m.Room) != own {
		return false
	}
	b := own.room.snapshotLocked(own, m.ID, nil)
	own.deliver(b, sizeOf(b.Message), fx)
	s.chargeSnapshot(textSize(b.Message))
	return true
}

// joinWithICE joins for a client whose ICE servers are worthless: it gets others
// with the answer.
func (s *session) joinWithICE(change Change) {
	ice := s.grant()
	s.mu.Lock()
	if s.pending.Load() == change.Req {
		s.doorsLocked().ice = &ice
		s.grantedLocked(ice)
	}
	s.mu.Unlock()
	s.srv.node.Change(change)
}
