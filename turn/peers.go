package turn

import (
	"maps"
	"slices"
)

// reserve holds a slot for an allocation of peer, unless it has all it may have.
// The slot goes to the allocation, or back with release.
func (s *Server) reserve(peer string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[peer]
	if p == nil {
		p = &holdings{live: make(map[*allocation]struct{})}
		s.peers[peer] = p
	}
	if p.slots >= s.cfg.MaxAllocationsPerPeer {
		s.stats.quotaRefused.Add(1)
		return false
	}
	p.slots++
	s.slots++
	return true
}

// full says whether the slot reserved last is one too many.
func (s *Server) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots <= s.cfg.MaxAllocations {
		return false
	}
	s.stats.quotaRefused.Add(1)
	return true
}

// release gives a slot of peer back. Nobody has the name "".
func (s *Server) release(peer string) {
	if peer == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releaseLocked(peer)
}

func (s *Server) releaseLocked(peer string) {
	p := s.peers[peer]
	p.slots--
	s.slots--
	if p.slots == 0 {
		delete(s.peers, peer)
	}
}

// add enters an allocation that pion has made, and is about to read.
func (s *Server) add(a *allocation) {
	s.stats.allocationsMade.Add(1)
	s.running.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers[a.peer].live[a] = struct{}{}
}

// remove takes an allocation out and gives its slot back, the first time.
func (s *Server) remove(a *allocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.peers[a.peer]; p != nil {
		if _, ok := p.live[a]; ok {
			delete(p.live, a)
			s.releaseLocked(a.peer)
		}
	}
}

// end cuts an allocation off at once, and leaves it to pion to tidy up.
func (s *Server) end(a *allocation) {
	a.cut()
	a.edge.forget(a)
	s.remove(a)
	a.edge.end(a)
}

// CloseAllocations ends all allocations of peer and returns how many there
// were. From then on nothing of them is relayed, and nothing they are bound to
// is refreshed. It does not wait for the network.
//
// The credentials of a peer that is dead to Config.Alive are good for nothing
// anyhow, so what Revoke remembers of it is forgotten. A peer that lives can use
// those it has for the next allocation.
func (s *Server) CloseAllocations(peer string) int {
	alive := s.cfg.Alive(peer)
	s.mu.Lock()
	if !alive {
		delete(s.revoked, peer)
	}
	live := s.liveLocked(peer)
	s.mu.Unlock()
	for _, a := range live {
		s.end(a)
	}
	return len(live)
}

// liveLocked are the allocations of peer.
func (s *Server) liveLocked(peer string) []*allocation {
	if p := s.peers[peer]; p != nil {
		return slices.Collect(maps.Keys(p.live))
	}
	return nil
}
