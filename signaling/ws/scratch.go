package ws

import (
	"sync"
	"time"
)

const (
	// smallScratch is the size of the buffer that a message is read into first. The
	// server's memory counts one with each connection.
	smallScratch = 4 << 10
	// fullPause is how long a message waits to be read on while memory is full.
	// If that lasts, the client is taken for dead: it has not said anything whole.
	fullPause = 100 * time.Millisecond
)

// pools have the buffers that messages are read into, lent while one comes in: a
// waiting connection has none. Each size is twice the one before, and has a pool
// of its own, so that a small message never holds a big one's.
var pools [24]sync.Pool // up to 32 GiB

// A scratch is a buffer that is lent.
type scratch struct {
	b    []byte
	lent *[]byte
	size int // the pool
}

// take lends a buffer of the size.
func (s *scratch) take() {
	lent, ok := pools[s.size].Get().(*[]byte)
	if !ok {
		b := make([]byte, smallScratch<<s.size)
		lent = &b
	}
	s.b, s.lent = *lent, lent
}

// grow makes the buffer twice as big.
func (s *scratch) grow() {
	b, lent := s.b, s.lent
	s.size++
	s.take()
	copy(s.b, b)
	pools[s.size-1].Put(lent)
}

// extra is what the buffer has beyond what is counted with the connection.
func (s *scratch) extra() int { return len(s.b) - smallScratch }

func (s *scratch) giveBack() { pools[s.size].Put(s.lent) }
