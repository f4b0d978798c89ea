package client

import "time"

const (
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 15 * time.Second
	// steadyAfter is how long a link must have held for the next attempt to be
	// made at once: a server that welcomes and drops is not to be hammered.
	steadyAfter = 5 * time.Second
)

// A backoff gives the delays between attempts: none, then doubling to a
// ceiling, with jitter so that a restarted server is not met by every client
// at once.
type backoff struct {
	attempt int
	random  func() float64 // in [0, 1)
}

func (b *backoff) next() time.Duration {
	b.attempt++
	if b.attempt == 1 {
		return 0
	}
	d := lastBackoff
	if shift := b.attempt - 2; shift < 5 {
		d = min(d, firstBackoff<<shift)
	}
	return time.Duration(float64(d) * (0.5 + b.random()/2))
}

func (b *backoff) reset() { b.attempt = 0 }
