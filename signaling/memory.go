package signaling

import (
	"math"
	"runtime/debug"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// What is counted for Config.MaxMemory, in bytes that live; the garbage collector
// lets a process grow to twice that.
const (
	// linkCost is a link with its connection over WebSocket: two goroutines, what
	// net/http and gorilla keep, and a buffer for small messages (see Link.Hold); bench's "idle" shows 32 KB per
	// connection of a process, garbage and all.
	linkCost = 16 << 10
	// sessionCost is a session with some memberships (TestSessionCostsLittle).
	sessionCost = 2 << 10
	// frameCost is a message that is kept: wire.Message is 312 bytes, a Body 48, its
	// places in slices that have grown 32, allocations are rounded up, and the
	// encoding repeats what stands in the fields. TestSizesAreHonest measures it.
	frameCost = 640
	// entryCost is an entry of a roster, beside its data: a member of 192 bytes, 120 in the
	// cluster's roster, and what points to them.
	entryCost = 384
)

// fullAt is the part of MaxMemory from which on nobody new is let in, in
// quarters: the rest is for those who are here.
const fullAt = 3

// defaultMemory is a third of what the process may have, if somebody has said
// (GOMEMLIMIT): live memory takes twice its size, and others are in the process.
func defaultMemory() int {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return int(limit / 3)
	}
	return 1 << 30
}

// Ready says whether new clients should be sent here; else the *Error is what
// they would get.
func (s *Server) Ready() error {
	switch {
	case s.isClosing():
		return wire.Refuse(wire.CodeGoingAway, "the server stops")
	case s.nearlyFull():
		return wire.Refuse(wire.CodeUnavailable, "the memory for messages is full")
	}
	return nil
}

func (s *Server) nearlyFull() bool {
	return s.cfg.MaxMemory > 0 && s.memory.Load() >= int64(s.cfg.MaxMemory)/4*fullAt
}

func (s *Server) full() bool {
	return s.cfg.MaxMemory > 0 && s.memory.Load() >= int64(s.cfg.MaxMemory)
}

// outboxLimit is Config.Outbox, but as long as memory is full no more than half of
// an equal share: so those lose their history first who take the most, and all
// together never take more than twice MaxMemory.
func (s *Server) outboxLimit() int {
	if !s.full() {
		return s.cfg.Outbox
	}
	s.mu.Lock()
	n := s.counted
	s.mu.Unlock()
	return min(s.cfg.Outbox, s.cfg.MaxMemory/2/max(n, 1))
}

// weighLocked counts what the outbox has come to take.
func (s *session) weighLocked() {
	now := int32(s.out.bytes)
	if s.state != living {
		now = 0 // what is left goes with its link, at once
	}
	if now != s.weighed {
		s.srv.memory.Add(int64(now - s.weighed))
		s.weighed = now
	}
}

// weighLocked counts what the copy of the roster has come to take.
func (r *room) weighLocked() {
	now := r.rules.cost()
	for _, m := range r.members {
		now += entryCost + len(m.Data)
	}
	r.app.srv.memory.Add(int64(now - r.weighed))
	r.weighed = now
}

// growing refuses what would be kept in a roster, as long as memory is full.
func (s *Server) growing() *wire.Error {
	if !s.full() {
		return nil
	}
	return s.refuseFor(LimitMemory)
}

// holdLocked counts n bytes more that wait in the link.
func (l *Link) holdLocked(n int) {
	l.held += n
	l.srv.memory.Add(int64(n))
}

// Hold counts n bytes more that the transport keeps of a message that has not
// come whole, beyond 4 KiB, which every link has; or, where n is negative, less. It
// reports false, and counts nothing, while memory is full: the transport should
// read no more of that message until it is not.
func (l *Link) Hold(n int) bool {
	if n > 0 && l.srv.full() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holdLocked(n)
	return true
}

// release takes the link out of the count, with all that it holds.
func (l *Link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holdLocked(-l.held)
	l.srv.memory.Add(-linkCost)
}

func (f *frame) cost() int { return frameCost + f.size }

// enqueueLocked lets a frame wait. It reports whether too much waits to read on.
func (l *Link) enqueueLocked(f frame) (full bool) {
	l.queue = append(l.queue, f)
	l.holdLocked(f.cost())
	return len(l.queue) >= maxQueue
}

// dequeueLocked returns the frame that has waited longest.
func (l *Link) dequeueLocked() frame {
	f := l.queue[0]
	l.queue[0] = frame{}
	if l.queue = l.queue[1:]; len(l.queue) == 0 {
		l.queue = nil
	}
	l.holdLocked(-f.cost())
	return f
}

// dropQueueLocked forgets what waits.
func (l *Link) dropQueueLocked() {
	for len(l.queue) > 0 {
		l.dequeueLocked()
	}
}
