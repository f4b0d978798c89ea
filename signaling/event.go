package signaling

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// handleEvent gives an event of the client to its handler.
func (s *session) handleEvent(m *wire.Message) *wire.Error {
	c := s.app.get()
	h := c.handler(m.Name)
	if h == nil {
		return wire.Refuse(wire.CodeUnknownEvent, "event: nobody handles %.40q", m.Name)
	}
	s.consult(m, c.wrap(h))
	return nil
}

// consult lets code decide about a frame. It counts as done, and all that follows
// waits for the end of h, wherever the session is by then.
func (s *session) consult(m *wire.Message, h Handler) {
	s.mu.Lock()
	req := s.requestLocked(answer{re: m.ID}) | userCode
	s.pending.Store(req)
	p := s.peerLocked()
	p.askedAt = s.srv.node.Name()
	s.mu.Unlock()
	ctx, done := s.srv.running.begin(p, req)
	p.do(func() {
		defer done()
		call := &Call{Peer: p, Type: m.Type, Name: m.Name, Room: m.Room, To: m.To, User: m.User, Data: m.Inline(), ctx: ctx}
		data, refusal := p.serve(h, call)
		f := &Finish{Node: s.srv.node.Name(), Req: req, Data: data}
		switch {
		case refusal != nil:
			f.Code, f.Text = refusal.Code, refusal.Text
		case m.Type != wire.TypeEvent:
			f.Then = m
		}
		// Through the inbox, so that it comes behind what h has sent.
		s.srv.node.Send(s.srv.node.Name(), &Event{Kind: EventFinish, Node: f.Node, App: p.app.name, To: p.id, Finish: f})
	})
}

// Finish is what code has said about a frame of a peer.
type Finish struct {
	Node string // that has run it
	Req  uint64
	Code wire.Code // "": it may be done
	Text string
	Data json.RawMessage // the answer
	Then *wire.Message   // what is to be done now
}

// handleFinish goes on with a frame about which code has decided.
func (s *Server) handleFinish(e *Event, fx *effects) {
	ss := s.session(e.To)
	if ss == nil {
		return
	}
	ss.recv.Lock()
	ss.finish(e, fx)
	ss.recv.Unlock()
	ss.kick()
}

// finish needs recv.
func (s *session) finish(e *Event, fx *effects) {
	f := e.Finish
	if !s.finishes(e) {
		return
	}
	var err *wire.Error
	if f.Code != "" {
		err = &wire.Error{Code: f.Code, Text: f.Text}
	} else if f.Then != nil {
		err = s.proceed(f.Then, fx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.Load() != f.Req {
		return // a join goes on
	}
	re := s.answer.re
	switch {
	case err != nil:
		fx.refused(s.srv, s.peer, err.Code, re)
		b := errorBody(err, re)
		s.putLocked(b, sizeOf(b.Message), fx)
	case f.Then == nil:
		b := &Body{Message: &wire.Message{Type: wire.TypeOK, Re: re, Data: f.Data}}
		s.putLocked(b, sizeOf(b.Message), fx)
	}
	s.answer = answer{}
	s.pending.Store(0)
	s.startMoveLocked(fx)
}

// finishes reports whether e is about the step that the session waits for, here
// and now. It goes after a session that moves.
func (s *session) finishes(e *Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.arriving != nil:
		s.arriving.late = append(s.arriving.late, e)
	case s.state == moved:
		s.srv.node.Send(s.moving.node, e)
	case s.moving != nil && s.moving.started:
		s.moving.late = append(s.moving.late, e)
	default:
		return s.state == living && s.pending.Load() == e.Finish.Req && s.self != nil && s.self.askedAt == e.Finish.Node
	}
	return false
}

// proceed does what code has allowed.
func (s *session) proceed(m *wire.Message, fx *effects) *wire.Error {
	if m.Type == wire.TypeJoin {
		return s.enterRoom(m)
	}
	return s.relayText(m, fx)
}

// giveUpLocked answers for code that has run on a node which is gone.
func (s *session) giveUpLocked(node string, fx *effects) {
	step := s.pending.Load()
	if s.state != living || step&userCode == 0 || s.self == nil || s.self.askedAt != node {
		return
	}
	b := errorBody(wire.Refuse(wire.CodeOutcomeUnknown, "the server that worked on it is gone"), s.answer.re)
	s.putLocked(b, sizeOf(b.Message), fx)
	s.answer = answer{}
	s.pending.Store(0)
}

// giveUpOn answers for all code that has run on a node which is gone.
func (s *Server) giveUpOn(node string, fx *effects) {
	for _, ss := range s.allSessions() {
		ss.mu.Lock()
		ss.giveUpLocked(node, fx)
		ss.mu.Unlock()
		ss.kick()
	}
}

func (s *Server) allSessions() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.sessions))
}
