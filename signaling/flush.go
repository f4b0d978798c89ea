package signaling

// A signal to a member that has just moved can come in two ways: from the node
// where it was, to which it was sent before the sender's node knew, and straight
// here. So that the second does not overtake the first, every node, when it
// learns of the move, sends a flush to the old node, which passes it on behind
// what it passed on before; what comes straight from a node waits for its
// flush.

// waiting is what came straight to a member that has moved here, by the node whose
// flush it waits for.
type waiting struct {
	from string // where the member was
	held map[string][]*Body
}

// waitLocked makes what comes straight to m wait, m having moved here.
func (m *member) waitLocked(from string) {
	if m.sess == nil || isUser(m.room.name) { // to users there are no signals
		return
	}
	m.waits = &waiting{from: from, held: make(map[string][]*Body)}
	for _, node := range m.room.nodesLocked(from) { // the old node sends straight from the move on
		m.waits.held[node] = nil
	}
	m.sess.mu.Lock()
	m.sess.holding++
	m.sess.mu.Unlock()
}

// signalLocked delivers what a node sent straight to m, in its turn.
func (m *member) signalLocked(node string, b *Body, size int, fx *effects) {
	if m.waits != nil {
		if held, wait := m.waits.held[node]; wait {
			m.waits.held[node] = append(held, b)
			return
		}
	}
	m.deliver(b, size, fx)
}

// handleFlush passes a flush on to where the member is now, or ends the wait
// for it.
func (s *Server) handleFlush(e *Event, fx *effects) {
	r := s.findRoom(e.App, e.Room)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Forwarded {
		if m := r.findLocked(e.To); m != nil {
			m.flushLocked(e.Node, fx)
		}
		return
	}
	for i := len(r.moved) - 1; i >= 0; i-- { // the newest move is meant
		if m := r.moved[i]; m.ID == e.To {
			onward := *e
			onward.Forwarded = true
			s.node.Send(m.Node, &onward)
			return
		}
	}
}

// flushLocked delivers what has waited for a node's flush.
func (m *member) flushLocked(node string, fx *effects) {
	if m.waits == nil {
		return
	}
	held, wait := m.waits.held[node]
	if !wait {
		return
	}
	delete(m.waits.held, node)
	for _, b := range held {
		if m.room.findLocked(b.Message.From) != nil { // else it has left meanwhile, which m was told
			m.deliver(b, sizeOf(b.Message), fx)
		}
	}
	if len(m.waits.held) > 0 {
		return
	}
	m.waits = nil
	s := m.sess
	s.mu.Lock()
	s.holding--
	s.startMoveLocked(fx)
	s.mu.Unlock()
}

// flushDownLocked ends the waiting for flushes that will not come: of a node
// that is gone, and of all nodes through it.
func (r *room) flushDownLocked(node string, fx *effects) {
	for _, m := range r.members {
		if m.waits == nil {
			continue
		}
		from := m.waits.from
		for waited := range m.waits.held {
			if waited == node || from == node {
				m.flushLocked(waited, fx)
			}
			if m.waits == nil {
				break
			}
		}
	}
}
