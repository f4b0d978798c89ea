package signaling

import (
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// moving is a session on its way to another node. It goes on taking what comes
// for it in a room until this node's inbox has the move of that room, which
// the other node has at the same place; then it is handed over. What nodes send
// here that did not know yet is passed on for a while.
type moving struct {
	node    string // where to
	req     uint64
	started bool
	lost    bool      // nothing to replay: the new node says resumed: false
	rooms   []*member // moved
	waiting int       // rooms whose move has not come
	late    []*Event  // go after it
}

// handleTake hands a session over to the node that asks, if the token is right.
func (s *Server) handleTake(e *Event, fx *effects) {
	ss := s.session(e.Take.Peer)
	if e.Node == s.node.Name() {
		ss.gather()
		return
	}
	if ss == nil {
		s.hand(e, &Hand{Gone: true})
		return
	}
	ss.recv.Lock()
	defer ss.recv.Unlock()
	ss.mu.Lock()
	defer ss.mu.Unlock()
	switch {
	case ss.moving != nil:
		s.hand(e, &Hand{Node: ss.moving.node})
		return
	case ss.arriving != nil:
		s.hand(e, &Hand{Code: wire.CodeUnavailable})
		return
	}
	if ss.state != living {
		s.hand(e, &Hand{Code: wire.CodeSessionGone})
		return
	}
	if !e.Take.Fresh && ss.identity.expired(s.cfg.Now()) {
		s.hand(e, &Hand{Code: wire.CodeUnauthenticated})
		return
	}
	again := ss.rebornUnheardLocked()
	if code := ss.judgeLocked(e.Take.Epoch, e.Take.Nonce, s.now()-e.Take.Age, fx); code != "" {
		s.hand(e, &Hand{Code: code})
		return
	}
	ss.moving = &moving{node: e.Node, req: e.Take.Req, lost: ss.lost || again}
	if ss.link != nil {
		ss.dropLinkLocked(ss.link, wire.CodeReplaced, fx)
	}
	ss.startMoveLocked(fx)
}

// gather lets the session have what goes to all from here on: its own node has
// asked for it, at the same place of all inboxes.
func (s *session) gather() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.arriving != nil {
		s.arriving.gathers = true
	}
}

func (s *Server) hand(e *Event, h *Hand) {
	h.Peer, h.Req = e.Take.Peer, e.Take.Req
	s.node.Send(e.Node, &Event{Kind: EventHand, Node: s.node.Name(), Hand: h})
}

// startMoveLocked begins a move that was asked for, when no join is under way,
// which moves along, and what came by an earlier move is in order.
func (s *session) startMoveLocked(fx *effects) {
	step := s.pending.Load() // code may take any time: it is not waited for
	if s.moving != nil && !s.moving.started && (step == 0 || step&userCode != 0) && s.holding == 0 && !s.entering && !s.forcing() {
		s.moveLocked(fx)
	}
}

// moveLocked moves the session's entries.
func (s *session) moveLocked(fx *effects) {
	mv := s.moving
	mv.started = true
	for _, m := range append(s.rooms, s.stale...) {
		s.srv.node.Change(Change{
			Kind: ChangeMove, App: s.app.name, Room: m.room.name, To: mv.node, Stale: m.stale,
			Member: Member{ID: m.ID, Node: m.Node, Since: m.Since}, Req: s.srv.requests.Add(1),
		})
		mv.waiting++
	}
	s.handOverLocked(fx)
}

// movedLocked notes that the move of one room is in this node's inbox, or had
// no effect.
func (s *session) movedLocked(m *member, fx *effects) {
	if s.moving == nil {
		return
	}
	if m != nil {
		s.moving.rooms = append(s.moving.rooms, m)
	}
	s.moving.waiting--
	s.handOverLocked(fx)
}

// handOverLocked hands the session over, when no room is missing.
func (s *session) handOverLocked(fx *effects) {
	mv := s.moving
	if mv.waiting > 0 {
		return
	}
	h := &Hand{
		Peer: s.peer, Req: mv.req, Epoch: s.epoch, Nonce: s.nonce, Done: s.done, Acked: s.out.acked,
		Away: s.away, Lost: mv.lost, Identity: s.identity, Frames: s.out.bodies(),
	}
	h.Pace, h.Joins = s.pace.debts(s.srv.now()), s.joins.debt(s.srv.now())
	if s.doors != nil {
		h.Tries = s.doors.tries.debt(s.srv.now())
	}
	if step := s.pending.Load(); step != 0 {
		h.Step, h.StepAt, h.Re = step, s.self.askedAt, s.answer.re
	}
	if s.self != nil {
		h.Askers = s.self.askers
	}
	s.srv.node.Send(mv.node, &Event{Kind: EventHand, Node: s.srv.node.Name(), Hand: h})
	for _, e := range mv.late {
		s.srv.node.Send(mv.node, e)
	}
	s.state = moved
	s.movedOn.Store(true)
	s.srv.uncount(s)
	s.out, s.rooms, s.stale = outbox{}, nil, nil
	s.weighLocked()
	s.stopTimerLocked()
	s.lostAt = s.srv.now()
	s.armLocked(s.lostAt + forwardFor)
	fx.log(s, "session handed over")
}

// handleHand passes an answer to the hello that waits for it.
func (s *Server) handleHand(h *Hand) {
	ss := s.session(h.Peer)
	if ss == nil {
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if a := ss.arriving; a != nil && a.req == h.Req {
		select {
		case a.hand <- h:
		default: // a node answered twice
		}
	}
}

// expireLocked forgets a session that has moved. Its rooms are the inbox's.
func (s *session) expireLocked() {
	for _, m := range s.moving.rooms {
		s.srv.node.Send(s.srv.node.Name(), &Event{
			Kind: EventExpire, App: s.app.name, Room: m.room.name, To: m.ID, Version: m.Since,
		})
	}
	s.srv.remove(s)
}

// handleExpire forgets that a member has moved.
func (s *Server) handleExpire(e *Event) {
	r := s.findRoom(e.App, e.Room)
	if r == nil {
		return
	}
	r.mu.Lock()
	r.moved = slices.DeleteFunc(r.moved, func(m *member) bool { return m.ID == e.To && m.Since == e.Version })
	r.mu.Unlock()
	r.app.drop(r)
}
