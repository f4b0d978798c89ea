package signaling

import (
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// forwardFor is how long a session that moved to another node is remembered,
// for what other nodes sent before they knew.
const forwardFor = 10 * time.Second

// armLocked makes tick run at the time at, or before. The timer is moved only
// forward in time by tick itself, so that a busy session does not touch it.
func (s *session) armLocked(at time.Duration) {
	if at == 0 || s.timerAt != 0 && s.timerAt <= at {
		return
	}
	s.timerAt = at
	d := max(0, at-s.srv.now())
	if s.timer == nil {
		s.timer = time.AfterFunc(d, s.tick)
		return
	}
	s.timer.Reset(d)
}

func (s *session) stopTimerLocked() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timerAt = 0
}

// tick does what is due, and arms the timer for what is due next.
func (s *session) tick() {
	var fx effects
	s.mu.Lock()
	s.timerAt = 0
	now := s.srv.now()
	ice := false
	switch {
	case s.state == ended:
	case s.state == moved:
		if at := s.lostAt + forwardFor; now < at {
			s.armLocked(at) // this tick was on its way when the session moved
		} else {
			s.expireLocked()
		}
	case s.moving != nil || s.arriving != nil:
	case s.link != nil:
		ice = s.tickLinkedLocked(s.link, now, &fx)
	default:
		s.tickLostLocked(now, &fx)
	}
	s.mu.Unlock()
	fx.flush()
	if ice {
		s.pushICE()
	}
}

func (s *session) tickLinkedLocked(l *Link, now time.Duration, fx *effects) (ice bool) {
	c := &s.srv.cfg
	if now >= s.lastHeard+c.DeadAfter {
		s.dropLinkLocked(l, wire.CodeIdle, fx)
		return false
	}
	if s.expiresAt != 0 && now >= s.expiresAt {
		s.expireLinkLocked(l, fx)
		return false
	}
	var flag flags
	if now >= s.lastSent+c.PingAfter {
		s.lastSent = now // also if it cannot be written: one ping is enough
		flag |= wantPing
	}
	if s.ackAt != 0 && now >= s.ackAt {
		s.ackAt = 0
		flag |= wantAck
	}
	if flag != 0 {
		l.flag(flag, fx)
	}
	if s.iceAt != 0 && now >= s.iceAt {
		s.iceAt, ice = 0, true
	}
	s.tickStaleLocked(now)
	s.tickRingingLocked(now)
	s.tickKnocksLocked(now)
	s.armLocked(s.lastHeard + c.DeadAfter)
	s.armLocked(s.lastSent + c.PingAfter)
	s.armLocked(s.ackAt)
	s.armLocked(s.iceAt)
	s.armLocked(s.expiresAt)
	s.armLocked(s.staleAt)
	return ice
}

func (s *session) tickLostLocked(now time.Duration, fx *effects) {
	c := &s.srv.cfg
	if now >= s.lostAt+c.ResumeWindow {
		s.endSessionLocked(wire.ReasonTimeout, wire.CodeSessionGone, fx)
		return
	}
	if !s.away && now >= s.lostAt+c.AwayAfter {
		s.away = true
		for _, m := range s.rooms {
			if m.tellsAway() {
				m.change(ChangeAway, "")
			}
		}
	}
	s.tickStaleLocked(now)
	s.tickRingingLocked(now)
	s.tickKnocksLocked(now)
	if !s.away {
		s.armLocked(s.lostAt + c.AwayAfter)
	}
	s.armLocked(s.lostAt + c.ResumeWindow)
	s.armLocked(s.staleAt)
}

// tickStaleLocked leaves the rooms of before a resumed:false to which the
// client did not come back.
func (s *session) tickStaleLocked(now time.Duration) {
	if s.staleAt == 0 || now < s.staleAt {
		return
	}
	for _, m := range s.stale {
		m.change(ChangeLeave, wire.ReasonTimeout)
	}
	s.stale, s.staleAt = nil, 0
}

// tickKnocksLocked ends the waits in lobbies that have taken too long.
func (s *session) tickKnocksLocked(now time.Duration) {
	d := s.doors
	if d == nil || d.knockAt == 0 {
		return
	}
	if now < d.knockAt {
		s.armLocked(d.knockAt)
		return
	}
	d.knockAt = 0
	for _, m := range s.rooms {
		switch {
		case m.knockUntil == 0:
		case now >= m.knockUntil:
			m.knockUntil = 0
			m.change(ChangeDeny, wire.ReasonTimeout)
		case d.knockAt == 0 || m.knockUntil < d.knockAt:
			d.knockAt = m.knockUntil
		}
	}
	s.armLocked(d.knockAt)
}

// knockLocked notes that m, a knocker, waits from now on, also if it has done so
// on another node.
func (s *session) knockLocked(m *member) {
	m.knockUntil = s.srv.now() + s.srv.cfg.KnockTimeout
	if d := s.doorsLocked(); d.knockAt == 0 {
		d.knockAt = m.knockUntil
	}
	s.armLocked(m.knockUntil)
}
