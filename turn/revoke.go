package turn

import (
	"maps"
	"time"
)

// minSweep is how many revocations there are at least when those that are over are
// looked for.
const minSweep = 64

// nextGeneration numbers what is made, and what is taken back, in its order. The
// numbers are those of the wall clock in milliseconds, or higher ones, so that
// they go on rising when the process is started again.
func (s *Server) nextGeneration() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextGenerationLocked()
}

func (s *Server) nextGenerationLocked() int64 {
	s.generation = max(s.cfg.Now().UnixMilli(), s.generation+1)
	return s.generation
}

// Revoke ends all credentials that were made for peer before, and all its
// allocations, as CloseAllocations does, and returns how many there were. From
// then on every request with one of these credentials is refused with 401. Those
// that are made after it are good.
//
// It is remembered until the last of these credentials has expired, or until
// CloseAllocations is called for the peer when it is not alive. Of those that
// another process has made, all without a generation are meant, and they must not
// hold for longer than Config.TTL.
func (s *Server) Revoke(peer string) int {
	alive := s.cfg.Alive(peer) // what is not needs no remembering
	s.mu.Lock()
	if alive {
		s.sweepLocked()
		s.revoked[peer] = s.nextGenerationLocked()
	}
	live := s.liveLocked(peer)
	s.mu.Unlock()
	for _, a := range live {
		s.end(a)
	}
	return len(live)
}

// sweepLocked forgets revocations of what has expired meanwhile, as soon as there
// are twice as many as the last time left.
func (s *Server) sweepLocked() {
	if len(s.revoked) < s.sweepAt {
		return
	}
	now := s.cfg.Now()
	maps.DeleteFunc(s.revoked, func(_ string, generation int64) bool {
		return !now.Before(time.UnixMilli(generation).Add(s.cfg.TTL))
	})
	s.sweepAt = max(minSweep, 2*len(s.revoked))
}

// isRevoked says whether credentials of peer of that generation were taken back.
func (s *Server) isRevoked(peer string, generation int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.revoked[peer]
	return ok && generation <= last
}
