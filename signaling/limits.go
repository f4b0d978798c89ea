package signaling

import "time"

// pace is a token bucket for frames and one for bytes, kept as the times at
// which they will be full again. The caller of Receive owns it.
type pace struct {
	framesFull time.Duration
	bytesFull  time.Duration
	last       time.Duration
	held       time.Duration // what it has been held back, less the time in which it was not
}

const maxHeld = time.Second

// spend charges one frame at the time now, and returns how long to read no
// more; ok is false when that has added up to more than a second.
func (p *pace) spend(c *Config, now time.Duration, size int) (pause time.Duration, ok bool) {
	frame := time.Second / time.Duration(c.Rate)
	bytes := time.Duration(size) * time.Second / time.Duration(c.Bytes)
	p.framesFull = max(p.framesFull, now) + frame
	p.bytesFull = max(p.bytesFull, now) + bytes
	overFrames := p.framesFull - now - frame*time.Duration(c.Burst)
	overBytes := p.bytesFull - now - 4*time.Second
	elapsed := now - p.last
	p.last = now
	if overFrames <= 0 && overBytes <= 0 {
		p.held = max(0, p.held-elapsed)
		return 0, true
	}
	over := min(bytes, max(0, overBytes))
	if overFrames > 0 {
		over = max(over, frame)
	}
	p.held += over
	return min(max(overFrames, overBytes), maxHeld), p.held <= maxHeld
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
