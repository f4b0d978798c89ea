package signaling

import (
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// An ack goes out alone after ackFrames or ackDelay (PROTOCOL.md section 5).
const (
	ackFrames = 32
	ackDelay  = time.Second
)

// handle takes in a frame of the session's link, under recv.
func (s *session) handle(l *Link, f frame, fx *effects) {
	if f.bad != nil && endsLink(f.bad.Code) {
		l.refuseFrame(s, f.bad, fx)
		return
	}
	if f.bad == nil && l.takeControl(f.m.Type, fx) {
		return // it was queued behind hello
	}
	if f.m.ID == 0 {
		err := f.bad
		if err == nil {
			err = wire.Refuse(wire.CodeDuplicateHello, "there was a hello before")
		}
		fx.refused(s.srv, s.peer, err.Code, 0)
		l.tell(errorBody(err, 0), fx)
		return
	}
	if !s.inOrder(l, f.m.ID, fx) {
		return
	}
	id, err := f.m.ID, f.bad
	if err == nil && !f.early {
		err = s.handleMessage(l, f.m, fx)
	}
	if err != nil {
		fx.refused(s.srv, s.peer, err.Code, id)
		b := errorBody(err, id)
		s.put(b, sizeOf(b.Message), fx)
	}
}

// endsLink reports whether a frame with that fault is the last of its link.
func endsLink(c wire.Code) bool {
	return c == wire.CodeTooBig || c == wire.CodeNotText || c == wire.CodeInvalidUTF8
}

// refuseFrame ends the link for a frame that is none; one that was too big
// would come again with every resume, so it ends the session.
func (l *Link) refuseFrame(s *session, err *wire.Error, fx *effects) {
	fx.refused(s.srv, s.peer, err.Code, 0)
	l.tell(errorBody(err, 0), fx)
	if err.Code == wire.CodeTooBig {
		s.mu.Lock()
		s.endSessionLocked(wire.ReasonLeft, err.Code, fx)
		s.mu.Unlock()
		return
	}
	l.end(err.Code, fx)
}

// inOrder reports whether the frame with this id is the next one, which then
// counts as done.
func (s *session) inOrder(l *Link, id uint64, fx *effects) bool {
	s.mu.Lock()
	done := s.done
	if id == done+1 {
		s.done = id
		if s.ackAt == 0 {
			s.ackAt = s.srv.now() + ackDelay
			s.armLocked(s.ackAt)
		}
	}
	alone := s.done-s.doneTold >= ackFrames
	s.mu.Unlock()
	if alone {
		l.flag(wantAck, fx)
	}
	if id > done+1 {
		fx.refused(s.srv, s.peer, wire.CodeOutOfOrder, id)
		l.tell(errorBody(wire.Refuse(wire.CodeOutOfOrder, "id is %d, and %d is the next", id, done+1), 0), fx)
	}
	return id == done+1
}

// handleMessage does what a frame asks for. An error is the answer to it.
func (s *session) handleMessage(l *Link, m *wire.Message, fx *effects) *wire.Error {
	switch m.Type {
	case wire.TypeJoin:
		return s.handleJoin(l, m, fx)
	case wire.TypeLeave:
		return s.handleLeave(m)
	case wire.TypeUpdate:
		return s.handleUpdate(l, m)
	case wire.TypeICE:
		return s.handleICE(m)
	case wire.TypeToken:
		return s.handleToken(l, m)
	case wire.TypeEvent:
		return s.handleEvent(m)
	case wire.TypeReply:
		s.handleReply(m)
		return nil
	case wire.TypeBye:
		s.leave(l, fx)
		return nil
	case wire.TypeWatch:
		return s.handleWatch(m, fx)
	case wire.TypeUnwatch:
		return s.handleUnwatch(m, fx)
	case wire.TypeStatus:
		return s.handleStatus(m)
	case wire.TypeInvite:
		return s.handleInvite(l, m)
	case wire.TypeAccept, wire.TypeDecline:
		return s.handleAnswer(m)
	case wire.TypeCancel:
		return s.handleCancel(m)
	case wire.TypeMessage:
		return s.handleText(m, fx)
	}
	if m.Type.Moderates() {
		return s.handleHost(m, fx)
	}
	if m.Type.Relayed() {
		return s.handleRelay(m, fx)
	}
	return unknownType(m)
}

func unknownType(m *wire.Message) *wire.Error {
	return wire.Refuse(wire.CodeUnknownType, "%s: this server does not know what to do with it", m.Type)
}

// handleText relays a message to one peer, to a room or to a user, when middleware
// lets it.
func (s *session) handleText(m *wire.Message, fx *effects) *wire.Error {
	c := s.app.get()
	if len(c.middleware) == 0 {
		return s.relayText(m, fx)
	}
	s.consult(m, c.wrap(func(*Call) (any, error) { return nil, nil }))
	return nil
}

func (s *session) relayText(m *wire.Message, fx *effects) *wire.Error {
	switch {
	case m.User != "":
		return s.handleUserMessage(m)
	case m.To == "":
		return s.handleBroadcast(m, fx)
	}
	return s.handleRelay(m, fx)
}

// member returns the session's membership in a room.
func (s *session) member(room string) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memberLocked(room)
}

func (s *session) memberLocked(room string) *member {
	for _, m := range s.rooms {
		if m.room.name == room {
			return m
		}
	}
	return nil
}

// changeOwn asks for a change of the session's own entry.
func (s *session) changeOwn(kind ChangeKind, own *member, data []byte, a answer) {
	s.srv.node.Change(Change{
		Kind: kind, App: s.app.name, Room: own.room.name, Req: s.request(a), Reason: wire.ReasonLeft,
		Member: Member{ID: s.peer, Since: own.Since, Data: data},
	})
}

func (s *session) handleLeave(m *wire.Message) *wire.Error {
	own := s.member(m.Room)
	if own == nil {
		return notInRoom(m)
	}
	s.changeOwn(ChangeLeave, own, nil, answer{re: m.ID})
	return nil
}

func notInRoom(m *wire.Message) *wire.Error {
	return wire.Refuse(wire.CodeNotInRoom, "%s: you are not in room %q", m.Type, m.Room)
}

func (s *session) handleUpdate(l *Link, m *wire.Message) *wire.Error {
	own := s.member(m.Room)
	switch limit := s.srv.cfg.MaxMetadata; {
	case own == nil:
		return notInRoom(m)
	case len(m.Data) > limit:
		s.srv.exceeded(LimitMetadata)
		return wire.Refuse(wire.CodeTooBig, "update: data has %d bytes, more than %d", len(m.Data), limit)
	}
	if !own.inside() { // hosts hear a knock, as they do of a join
		if limit := s.chargeJoin(l.src); limit != "" {
			return s.srv.refuseFor(limit)
		}
	}
	if err := s.srv.growing(); err != nil {
		return err
	}
	s.changeOwn(ChangeUpdate, own, m.Data, answer{re: m.ID})
	return nil
}

// handleICE answers with ICE servers. Where these come from is user code, so
// it runs on a goroutine, which ends with it, and what follows waits.
func (s *session) handleICE(m *wire.Message) *wire.Error {
	req := s.request(answer{re: m.ID})
	go func() {
		ice := s.grant()
		var fx effects
		s.settle(req, func(a answer) *Body {
			s.grantedLocked(ice)
			return &Body{Message: &wire.Message{Type: wire.TypeICEServers, Re: a.re, ICE: &ice}}
		}, &fx)
		fx.flush()
		s.kick()
	}()
	return nil
}
