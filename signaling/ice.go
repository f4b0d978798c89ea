package signaling

import (
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// doors are what few sessions need: of rooms that have rules, and of what is
// taken back. They are guarded by session.mu.
type doors struct {
	tries    bucket        // wrong passwords
	knockAt  time.Duration // when a wait in a lobby ends; 0: there is none
	revoking chan struct{} // closed when what was granted has been taken back; nil: nothing is
	voided   bool          // the client has no ICE servers that it could use
	ice      *wire.ICE     // goes with the answer to a join
}

func (s *session) doorsLocked() *doors {
	if s.doors == nil {
		s.doors = &doors{}
	}
	return s.doors
}

// A revocation takes back what was granted to a session, behind the one before.
type revocation struct {
	sess   *session
	before chan struct{}
	done   chan struct{}
}

// voidLocked makes the ICE servers that the client has worthless. It gets others
// at once if it is in a room still, else with the next one that it joins.
func (s *session) voidLocked(fx *effects) {
	if s.srv.cfg.Revoked == nil || s.state != living {
		return
	}
	d := s.doorsLocked()
	r := revocation{s, d.revoking, make(chan struct{})}
	d.revoking, d.voided, s.iceAt = r.done, true, 0
	fx.runs = append(fx.runs, r.run)
}

// run calls user code.
func (r revocation) run() {
	if r.before != nil {
		<-r.before
	}
	r.call()
	s := r.sess
	s.mu.Lock()
	d := s.doorsLocked()
	inside := d.revoking == r.done && s.countLocked(KindMember)+s.countLocked(KindKnocker) > 0
	if d.revoking == r.done {
		d.revoking = nil
	}
	s.mu.Unlock()
	if inside {
		s.pushICE()
	}
}

func (r revocation) call() {
	defer close(r.done)
	defer r.sess.srv.recovered("Revoked", nil)
	r.sess.srv.cfg.Revoked(r.sess.peer)
}

// grant asks for ICE servers, when what had to be taken back has been.
func (s *session) grant() wire.ICE {
	for {
		s.mu.Lock()
		wait := s.doorsLocked().revoking
		s.mu.Unlock()
		if wait == nil {
			return s.srv.iceServers(s.peer, s.who())
		}
		<-wait
		s.mu.Lock()
		if s.doors.revoking == wait {
			s.doors.revoking = nil
		}
		s.mu.Unlock()
	}
}

// takeICELocked returns the ICE servers that go with the answer to a join.
func (s *session) takeICELocked() (ice *wire.ICE) {
	if s.doors != nil {
		ice, s.doors.ice = s.doors.ice, nil
	}
	return ice
}

// grantedLocked notes that the client gets ice.
func (s *session) grantedLocked(ice wire.ICE) {
	if d := s.doorsLocked(); d.revoking == nil { // else these are worth nothing again
		d.voided = false
		s.setICELocked(ice.TTL)
	}
}

// pushICE gives the client new ICE servers before the old ones end.
func (s *session) pushICE() {
	ice := s.grant()
	b := &Body{Message: &wire.Message{Type: wire.TypeICEServers, ICE: &ice}}
	var fx effects
	s.mu.Lock()
	if s.link != nil {
		s.putLocked(b, sizeOf(b.Message), &fx)
		s.grantedLocked(ice)
	}
	s.mu.Unlock()
	fx.flush()
}

// setICELocked notes when ICE servers that hold for ttl ms have to be
// replaced: a quarter of that before their end, but at most a minute.
func (s *session) setICELocked(ttl int64) {
	s.iceAt = 0
	if ttl > 0 {
		d := time.Duration(ttl) * time.Millisecond
		s.iceAt = s.srv.now() + d - min(d/4, time.Minute)
		s.armLocked(s.iceAt)
	}
}

// iceServers calls Config.ICEServers. It must be called without locks, and not
// inside Receive.
func (s *Server) iceServers(peer string, id *Identity) (ice wire.ICE) {
	if s.cfg.ICEServers == nil {
		return wire.ICE{}
	}
	defer s.recovered("ICEServers", nil)
	return s.cfg.ICEServers(peer, *id)
}
