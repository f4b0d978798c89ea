package negotiation

// What can happen to a side, beside progress and tracks.

func (s *side) stuck() {
	if s.conn != nil {
		s.causes++
		s.handle(Event{Kind: Stuck, PC: s.pc})
	}
}

func (s *side) fireTimer(flows bool) {
	if s.timing {
		s.timing = false
		s.causes++
		s.handle(Event{Kind: Timer, Flows: flows})
	}
}

func (s *side) setAway(away bool) {
	if s.away == away {
		return
	}
	s.away = away
	if away {
		s.handle(Event{Kind: PeerAway})
		return
	}
	s.handle(Event{Kind: PeerBack})
}

func (s *side) setDown(down bool) {
	if s.down == down {
		return
	}
	s.down = down
	if down {
		s.handle(Event{Kind: LinkDown})
		return
	}
	s.handle(Event{Kind: LinkUp})
}

// fail makes the operation of s fail that is on its way.
func (w *world) fail(s *side) {
	if s.op != nil {
		w.injected++
		s.fail()
	}
}

// breakConn breaks the connection of s for good.
func (w *world) breakConn(s *side) {
	if s.conn == nil || s.broken {
		return
	}
	w.injected++
	s.causes++
	s.broken = true
	s.handle(Event{Kind: Broken, PC: s.pc})
}

// connected tells the offerer so. A connection that is broken does not.
func (w *world) connected() {
	if w.a.conn != nil && !w.a.broken {
		w.a.handle(Event{Kind: Connected, PC: w.a.pc})
	}
}

// rejoin lets s leave the room and come back at once. Of what was on its way
// to s, the first part reaches the server while s is away, and is lost; what
// was relayed after s was back arrives.
func (w *world) rejoin(s *side, arg int) {
	if s.down {
		return // it cannot leave
	}
	s.end()
	s.log = nil
	s.inbox = s.inbox[min(arg%4, len(s.inbox)):]
	s.peer.inbox = append(s.peer.inbox, Event{Kind: End})
	s.begin()
}

// replay sends the last n messages again, as a client without n does whose
// server has died: the peer had them, or not all. Candidates are left out: an
// ICE agent takes them twice, the model does not.
func (s *side) replay(n int) {
	s.peer.inbox = append(s.peer.inbox, s.log[max(0, len(s.log)-n):]...)
}

// retry is a user at the offering side who tries again.
func (w *world) retry() {
	if w.a.gaveUp {
		w.a.begin()
	}
}
