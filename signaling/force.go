package signaling

import (
	"fmt"
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// forceJoinLocked asks the cluster for a place that the client did not ask for.
// The session does not move before it has it.
func (s *session) forceJoinLocked(room string) {
	if own := s.memberLocked(room); s.state != living || own != nil && own.inside() {
		return
	}
	req := s.srv.requests.Add(1)
	p := s.peerLocked()
	p.forced = append(p.forced, req)
	s.srv.node.Change(Change{
		Kind: ChangeJoin, App: s.app.name, Room: room, Limit: s.srv.cfg.MaxPeers, Req: req,
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

// notForced goes on without a join that the cluster has refused.
func (s *session) notForced(e *Event, fx *effects) {
	s.mu.Lock()
	p := s.peerLocked()
	s.startMoveLocked(fx)
	s.mu.Unlock()
	err := fmt.Errorf("signaling: the server's join of peer %s to room %q: %w", p.id, e.Room, wire.Refuse(e.Code, whyRefused(e.Code), e.Room))
	p.do(func() { p.failed("Peer.Join", err) })
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
