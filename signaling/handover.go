package signaling

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

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
}

// handleTake hands a session over to the node that asks, if the token is right.
func (s *Server) handleTake(e *Event, fx *effects) {
	ss := s.session(e.Take.Peer)
	if ss == nil {
		s.hand(e, &Hand{Code: wire.CodeSessionGone})
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
	repeated := e.Take.Epoch != ss.epoch
	if ss.state != living || !ss.judgeLocked(e.Take.Epoch, e.Take.Nonce, fx) {
		s.hand(e, &Hand{Code: wire.CodeSessionGone})
		return
	}
	ss.moving = &moving{node: e.Node, req: e.Take.Req, lost: ss.lost || repeated && ss.reborn}
	if ss.link != nil {
		ss.dropLinkLocked(ss.link, wire.CodeReplaced, fx)
	}
	if ss.pending.Load() == 0 { // else a join is under way, and moves behind it
		ss.moveLocked(fx)
	}
}

func (s *Server) hand(e *Event, h *Hand) {
	h.Peer, h.Req = e.Take.Peer, e.Take.Req
	s.node.Send(e.Node, &Event{Kind: EventHand, Node: s.node.Name(), Hand: h})
}

// moveLocked moves the session's entries.
func (s *session) moveLocked(fx *effects) {
	mv := s.moving
	mv.started = true
	for _, m := range append(s.rooms, s.stale...) {
		s.srv.node.Change(Change{
			Kind: ChangeMove, App: s.app.name, Room: m.room.name, To: mv.node,
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
		Away: s.away, Lost: mv.lost, Frames: s.out.bodies(),
	}
	s.srv.node.Send(mv.node, &Event{Kind: EventHand, Node: s.srv.node.Name(), Hand: h})
	s.state = moved
	s.movedOn.Store(true)
	s.out, s.rooms, s.stale = outbox{}, nil, nil
	s.stopTimerLocked()
	s.armLocked(s.srv.now() + forwardFor)
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

// handleExpire forgets a session that has moved.
func (s *Server) handleExpire(peer string) {
	ss := s.session(peer)
	if ss == nil || !ss.movedOn.Load() {
		return
	}
	ss.mu.Lock()
	rooms := ss.moving.rooms
	ss.mu.Unlock()
	for _, m := range rooms {
		m.room.dropMoved(m)
	}
	s.remove(ss)
}
