package signaling

import (
	"math"
	"slices"
)

// forceJoinLocked asks the cluster for a place that the client did not ask for.
// The session does not move before it has it.
func (s *session) forceJoinLocked(room string) {
	if s.state != living || s.memberLocked(room) != nil {
		return
	}
	req := s.srv.requests.Add(1)
	p := s.peerLocked()
	p.forced = append(p.forced, req)
	s.srv.node.Change(Change{
		Kind: ChangeJoin, App: s.app.name, Room: room, Limit: math.MaxInt, Req: req,
		Member: Member{ID: s.peer, User: s.user, Granted: s.identity.role(), Rank: s.rank},
	})
}

// takeForced reports whether req is a join that the client did not ask for,
// which is then no longer under way.
func (s *session) takeForced(req uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.self == nil {
		return false
	}
	i := slices.Index(s.self.forced, req)
	if i < 0 {
		return false
	}
	s.self.forced = slices.Delete(s.self.forced, i, i+1)
	return true
}

// forcing reports whether such a join is under way.
func (s *session) forcing() bool { return s.self != nil && len(s.self.forced) > 0 }

// tellForcedLocked shows the room to a client that was made to join it.
func (r *room) tellForcedLocked(m *member, fx *effects) {
	b := r.snapshotLocked(m, 0, nil)
	m.deliver(b, sizeOf(b.Message), fx)
	s := m.sess
	s.mu.Lock()
	s.startMoveLocked(fx)
	s.mu.Unlock()
}
