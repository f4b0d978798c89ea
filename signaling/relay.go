package signaling

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

// relayed makes m what the receivers get: stamped, and only what is theirs.
func (s *session) relayed(m *wire.Message) *Body {
	*m = wire.Message{
		Type: m.Type, Room: m.Room, From: s.peer, PC: m.PC, Gen: m.Gen, N: m.N, Got: m.Got, Base: m.Base,
		Ufrag: m.Ufrag, End: m.End, Elements: m.Elements, Data: m.Data, Blobs: m.Blobs,
	}
	return &Body{Message: m}
}

// handleBroadcast relays a message to all other members of a room.
func (s *session) handleBroadcast(m *wire.Message, fx *effects) *wire.Error {
	own := s.member(m.Room)
	if own == nil {
		return notInRoom(m)
	}
	r := own.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if !own.inside() {
		return notInRoom(m)
	}
	b := s.relayed(m)
	size := sizeOf(m)
	for _, to := range r.members {
		if to.sess != nil && to != own && to.inside() {
			to.signalLocked(own.Node, b, size, fx)
		}
	}
	for _, node := range r.nodesLocked(own.Node) { // under the lock: before the flush of a move that follows
		s.srv.node.Send(node, &Event{
			Kind: EventSignal, Node: own.Node, App: s.app.name, Room: r.name, Version: r.version, From: s.peer, Body: b,
		})
	}
	return nil
}

// handleRelay relays a message to one other member of a room.
func (s *session) handleRelay(m *wire.Message, fx *effects) *wire.Error {
	own := s.member(m.Room)
	if own == nil {
		return notInRoom(m)
	}
	if err := s.strip(own, m); err != nil { // it may take a while: not under the lock
		return err
	}
	r := own.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if !own.inside() {
		return notInRoom(m)
	}
	to := r.findLocked(m.To)
	if to == nil || to == own || !to.inside() {
		return wire.Refuse(wire.CodeNoSuchPeer, "%s: no other peer in room %q has this id", m.Type, m.Room)
	}
	if err := s.judgeRelay(own, to, m); err != nil {
		return err
	}
	b := s.relayed(m)
	if to.sess != nil {
		to.signalLocked(own.Node, b, sizeOf(m), fx)
		return nil
	}
	s.srv.node.Send(to.Node, &Event{ // under the lock: before the flush of a move that follows
		Kind: EventSignal, Node: own.Node, App: s.app.name, Room: r.name, Version: r.version, From: s.peer, To: to.ID, Body: b,
	})
	return nil
}

// judgeRelay judges what depends on the type: whose turn it is, and how much.
func (s *session) judgeRelay(own, to *member, m *wire.Message) *wire.Error {
	c := &s.srv.cfg
	switch m.Type {
	case wire.TypeMessage, wire.TypeGot:
		return nil
	case wire.TypeMuteRequest:
		if own.Role != roleHost {
			return wire.Refuse(wire.CodeForbidden, "mute-request: only a host of the room may do that")
		}
		return nil
	}
	if own.Role == roleViewer && to.Role == roleViewer {
		return wire.Refuse(wire.CodeForbidden, "%s: you are both viewers, who are no pair", m.Type)
	}
	switch m.Type {
	case wire.TypeOffer, wire.TypeAnswer:
		if len(m.Data) > c.MaxSDP {
			s.srv.exceeded(LimitSDP)
			return wire.Refuse(wire.CodeTooBig, "%s: data has %d bytes, more than %d", m.Type, len(m.Data), c.MaxSDP)
		}
	case wire.TypeCandidates:
		if !own.candidates.add(to.ID, m.PC, m.Ufrag, m.Elements, c.MaxCandidates) {
			s.srv.exceeded(LimitCandidates)
			return wire.Refuse(wire.CodeTooManyCandidates, "candidates: more than %d for pc %d and this ufrag", c.MaxCandidates, m.PC)
		}
	}
	offers := own.offersTo(to.Rank, to.ID)
	switch m.Type {
	case wire.TypeOffer:
		if !offers {
			return wire.Refuse(wire.CodeNotYourTurn, "offer: that peer offers to you; ask with negotiate")
		}
	case wire.TypeAnswer, wire.TypeNegotiate, wire.TypeReject:
		if offers {
			return wire.Refuse(wire.CodeNotYourTurn, "%s: you offer to that peer", m.Type)
		}
	}
	return nil
}

// handleSignal delivers what came from another node.
func (s *Server) handleSignal(e *Event, fx *effects) {
	r := s.findRoom(e.App, e.Room)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live && r.findLocked(e.From) != nil {
		size := sizeOf(e.Body.Message)
		for _, m := range r.members {
			switch {
			case m.sess == nil || m.ID == e.From || !m.inside() || !m.gets(e):
			case e.Forwarded:
				m.deliver(e.Body, size, fx)
			default:
				m.signalLocked(e.Node, e.Body, size, fx)
			}
		}
	}
	for _, m := range r.moved {
		if m.passOn(e) {
			s.node.Send(m.Node, &Event{
				Kind: EventSignal, Node: e.Node, App: e.App, Room: e.Room, Version: m.Since, From: e.From, To: m.ID, Body: e.Body,
				Forwarded: true,
			})
		}
	}
}

// gets reports whether a signal is for m. One for all is for those only that the
// sender's node knew to be here: others get it from where they were.
func (m *member) gets(e *Event) bool {
	if e.To == "" {
		return m.Since <= e.Version
	}
	return m.ID == e.To
}

// passOn reports whether a signal was for m, sent by a node that did not know
// yet that it had moved.
func (m *member) passOn(e *Event) bool {
	return (e.To == "" || e.To == m.ID) && e.Version < m.Since && m.ID != e.From
}
