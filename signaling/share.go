package signaling

import (
	"context"
	"net/netip"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// newRoomCost is what a join that opens a room counts, in joins: who guesses
// names opens one with each.
const newRoomCost = 4

// A userKey is whose sessions are counted together.
type userKey struct{ app, user string }

// linkLimitLocked says which limit a link more would exceed; "": none.
func (s *Server) linkLimitLocked(app *App, remote netip.Addr) Limit {
	c := &s.cfg
	switch {
	case s.nearlyFull():
		return LimitMemory
	case c.MaxLinks > 0 && len(s.links) >= c.MaxLinks:
		return LimitLinks
	case c.MaxAppLinks > 0 && app.links >= c.MaxAppLinks:
		return LimitAppLinks
	}
	return s.sources.judge(remote)
}

// refuseFor counts that a limit was exceeded, and says so.
func (s *Server) refuseFor(l Limit) *wire.Error {
	s.exceeded(l)
	c := &s.cfg
	switch l {
	case LimitLinks:
		return wire.Refuse(wire.CodeUnavailable, "the server has its %d connections", c.MaxLinks)
	case LimitAppLinks:
		return wire.Refuse(wire.CodeUnavailable, "the app has its %d connections", c.MaxAppLinks)
	case LimitIPLinks:
		return wire.Refuse(wire.CodeRateLimited, "your address has its %d connections", c.MaxIPLinks)
	case LimitIPRate:
		return wire.Refuse(wire.CodeRateLimited, "your address connects more than %d times per second", c.IPRate)
	case LimitSessions:
		return wire.Refuse(wire.CodeUnavailable, "the server has its %d sessions", c.MaxSessions)
	case LimitAppSessions:
		return wire.Refuse(wire.CodeUnavailable, "the app has its %d sessions", c.MaxAppSessions)
	case LimitIPSessions:
		return wire.Refuse(wire.CodeRateLimited, "your address has its %d sessions, with those that were lost a short time ago", c.MaxIPSessions)
	case LimitUserSessions:
		return wire.Refuse(wire.CodeRateLimited, "you are connected %d times, and may not be more often", c.MaxUserSessions)
	case LimitApps:
		return wire.Refuse(wire.CodeUnavailable, "the server has its %d apps that were made on demand", c.MaxApps)
	case LimitQueue:
		return wire.Refuse(wire.CodeRateLimited, "%d frames wait for the application, and more came all the same", maxWaiting)
	case LimitJoins:
		return wire.Refuse(wire.CodeRateLimited, "more than %d joins per second, where one that opens a room counts %d, and an invite or an update in a lobby 1", c.JoinRate, newRoomCost)
	case LimitPasswords:
		return wire.Refuse(wire.CodeRateLimited, "join: too many wrong passwords; try one every %d s", tryCost)
	case LimitIPRooms:
		return wire.Refuse(wire.CodeRateLimited, "join: your address opens more than %d rooms per second", c.IPRoomRate)
	}
	return wire.Refuse(wire.CodeUnavailable, "the memory for messages is full") // LimitMemory
}

// add makes a new session known, and counts it, if that is within the limits.
func (s *Server) add(ss *session, src *source) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := s.sessionLimitLocked(ss); limit != "" {
		return s.refuseFor(limit)
	}
	src, limit := s.sources.enter(src, false)
	if limit != "" {
		return s.refuseFor(limit)
	}
	ss.src = src
	s.countLocked(ss)
	s.sessions[ss.peer] = ss
	return nil
}

func (s *Server) sessionLimitLocked(ss *session) Limit {
	c := &s.cfg
	switch {
	case c.MaxSessions > 0 && s.counted >= c.MaxSessions:
		return LimitSessions
	case c.MaxAppSessions > 0 && ss.app.sessions >= c.MaxAppSessions:
		return LimitAppSessions
	case c.MaxUserSessions > 0 && ss.user != "" && s.users[ss.userKey()] >= c.MaxUserSessions:
		return LimitUserSessions
	}
	return ""
}

func (s *session) userKey() userKey { return userKey{s.app.name, s.user} }

func (s *Server) countLocked(ss *session) {
	ss.counted = true
	s.memory.Add(sessionCost)
	s.counted++
	ss.app.sessions++
	if ss.user != "" {
		s.users[ss.userKey()]++
	}
}

// recount counts a session for the address that its newest link comes from. One
// that is resumed is never refused: it was counted before, here or elsewhere.
func (s *Server) recount(ss *session, src *source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ss.counted {
		s.countLocked(ss)
	}
	if ss.src != src {
		now, _ := s.sources.enter(src, true)
		s.sources.leave(ss.src)
		ss.src = now
	}
}

// uncount takes a session out of all counts, once.
func (s *Server) uncount(ss *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uncountLocked(ss)
}

func (s *Server) uncountLocked(ss *session) {
	if !ss.counted {
		return
	}
	ss.counted = false
	s.memory.Add(-sessionCost)
	s.counted--
	ss.app.sessions--
	if ss.user != "" {
		if s.users[ss.userKey()]--; s.users[ss.userKey()] == 0 {
			delete(s.users, ss.userKey())
		}
	}
	s.sources.leave(ss.src)
	ss.src = nil
}

// slowDown waits, if err says that a token was wrong, before the client is told
// so. For that time one more place among the links of its address is taken, also
// if it does not wait, so that guessing is slow.
func (l *Link) slowDown(ctx context.Context, err error) {
	refused := refusalIn(err)
	if refused == nil || refused.Code != wire.CodeUnauthenticated && refused.Code != wire.CodeForbidden || l.src == nil {
		return
	}
	l.srv.exceeded(LimitAuth)
	d := l.srv.sources.failed(l.remote.Addr())
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// chargeJoin charges a join, or says which limit it exceeds.
func (s *session) chargeJoin(src *source) Limit {
	c := &s.srv.cfg
	if s.srv.sources.guesses(src) {
		return LimitIPRooms
	}
	if c.JoinRate < 0 {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.srv.now()
	if s.joins.over(now, 1, c.JoinRate, c.JoinBurst) {
		return LimitJoins
	}
	s.joins.charge(now, 1, c.JoinRate)
	return ""
}

// chargeNewRoom charges that a join has opened its room.
func (s *session) chargeNewRoom() {
	c := &s.srv.cfg
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.JoinRate > 0 {
		s.joins.charge(s.srv.now(), newRoomCost-1, c.JoinRate)
	}
	if s.link != nil {
		s.srv.sources.opened(s.link.src)
	}
}

// A wrong password counts for the time that a tryCost of seconds takes: some are
// free, and then there is one in so many seconds, for a session and for an
// address, behind which there may be many people.
const (
	tryCost   = 10
	freeTries = 5
	ipTries   = 20
)

// triesTooMuch reports whether too many passwords were wrong to try one more.
func (s *session) triesTooMuch(src *source) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doorsLocked().tries.over(s.srv.now(), tryCost, 1, freeTries*tryCost) || s.srv.sources.tried(src, false)
}

// chargeTry charges a wrong password.
func (s *session) chargeTry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doorsLocked().tries.charge(s.srv.now(), tryCost, 1)
	if s.link != nil {
		s.srv.sources.tried(s.link.src, true)
	}
}

// chargeSnapshot charges the bytes of a snapshot: it is short to ask for, and long.
func (s *session) chargeSnapshot(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pace.chargeBytes(&s.srv.cfg, s.srv.now(), size)
}
