package signaling

import "time"

// pace is a token bucket for frames and one for bytes, kept as the times at
// which they will be full again. It is the session's, so that a new link is not
// a new burst; before there is one, the link's.
type pace struct {
	framesFull time.Duration
	bytesFull  time.Duration
	last       time.Duration
	held       time.Duration // what it has been held back, less the time in which it was not
}

const maxHeld = time.Second

// spend charges frames of size bytes in all at the time now, and returns how
// long to read no more; ok is false when that has added up to more than a second.
func (p *pace) spend(c *Config, now time.Duration, frames, size int) (pause time.Duration, ok bool) {
	one := time.Second / time.Duration(c.Rate)
	frame := time.Duration(frames) * one
	bytes := time.Duration(size) * time.Second / time.Duration(c.Bytes)
	p.framesFull = max(p.framesFull, now) + frame
	p.bytesFull = max(p.bytesFull, now) + bytes
	overFrames := p.framesFull - now - one*time.Duration(c.Burst)
	overBytes := p.bytesFull - now - 4*time.Second
	elapsed := now - p.last
	p.last = now
	if overFrames <= 0 && overBytes <= 0 {
		p.held = max(0, p.held-elapsed)
		return 0, true
	}
	over := min(bytes, max(0, overBytes))
	if overFrames > 0 {
		over = max(over, min(frame, overFrames))
	}
	p.held += over
	return min(max(overFrames, overBytes), maxHeld), p.held <= maxHeld
}

// chargeBytes charges what an answer costs. It holds nobody back by itself.
func (p *pace) chargeBytes(c *Config, now time.Duration, size int) {
	p.bytesFull = max(p.bytesFull, now) + time.Duration(size)*time.Second/time.Duration(c.Bytes)
}

// add adds what a link was charged before it got its session, or the session on
// another node.
func (p *pace) add(d Debts, now time.Duration) {
	p.framesFull = max(p.framesFull, now) + d.Frames
	p.bytesFull = max(p.bytesFull, now) + d.Bytes
	p.held = min(p.held+d.Held, maxHeld) // both were within it
	p.last = now
}

// debts is p without a clock, for another node.
func (p *pace) debts(now time.Duration) Debts {
	return Debts{Frames: max(0, p.framesFull-now), Bytes: max(0, p.bytesFull-now), Held: p.held}
}

// spend charges frames that came by l to its session, else to l.
func (l *Link) spend(frames, size int) (pause time.Duration, ok bool) {
	c, now := &l.srv.cfg, l.srv.now()
	if s := l.sess.Load(); s != nil {
		return s.spend(c, now, frames, size)
	}
	l.mu.Lock()
	if s := l.sess.Load(); s != nil { // meanwhile
		l.mu.Unlock()
		return s.spend(c, now, frames, size)
	}
	defer l.mu.Unlock()
	if l.pace == nil {
		l.pace = new(pace)
	}
	return l.pace.spend(c, now, frames, size)
}

func (s *session) spend(c *Config, now time.Duration, frames, size int) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pace.spend(c, now, frames, size)
}

// candidateCounts counts one member's candidates per receiver, pc and ufrag.
// The state is bounded: what was used longest ago is forgotten, and the frame
// rate bounds what that is worth to a flooder.
type candidateCounts []candidateCount

type candidateCount struct {
	to    string
	pc    uint64
	ufrag uint64 // FNV-1a: who finds a collision shortens only its own count
	n     int
}

const maxCandidateCounts = 64

// add counts n more and reports whether that is within limit. What is not is
// not counted.
func (cs *candidateCounts) add(to string, pc uint64, ufrag string, n, limit int) bool {
	key := uint64(14695981039346656037)
	for i := range len(ufrag) {
		key = (key ^ uint64(ufrag[i])) * 1099511628211
	}
	for i := range *cs {
		if c := &(*cs)[i]; c.pc == pc && c.ufrag == key && c.to == to {
			if c.n+n > limit {
				return false
			}
			c.n += n
			return true
		}
	}
	if n > limit {
		return false
	}
	if len(*cs) >= maxCandidateCounts {
		*cs = append((*cs)[:0], (*cs)[1:]...)
	}
	*cs = append(*cs, candidateCount{to, pc, key, n})
	return true
}
