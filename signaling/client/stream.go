package client

import (
	"context"
	"sync"
)

// A stream is an ordered queue from one goroutine to another that never
// blocks the writer, drops or reorders. The zero stream is not ready: see
// newStream.
type stream[T any] struct {
	ready chan struct{} // has a token while there is something for next

	mu    sync.Mutex // guards the following
	items []T
	size  int   // of items, as push was told
	sizes []int // of each of items
	err   error // set by end
}

func newStream[T any]() *stream[T] { return &stream[T]{ready: make(chan struct{}, 1)} }

// push appends item, and returns the size of all that wait.
func (s *stream[T]) push(item T, size int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0
	}
	s.items, s.sizes = append(s.items, item), append(s.sizes, size)
	s.size += size
	s.signal()
	return s.size
}

// end makes next return err once what was pushed has been taken. Only the
// first call counts.
func (s *stream[T]) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.signal()
}

// next waits for the next item, the end, or ctx. It may be called from any
// goroutine; each item goes to one of them.
func (s *stream[T]) next(ctx context.Context) (T, error) {
	for {
		if item, ok, err := s.take(); ok || err != nil {
			return item, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			var none T
			return none, context.Cause(ctx)
		}
	}
}

func (s *stream[T]) take() (item T, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.items) == 0 {
		if s.err != nil {
			s.signal() // for the next reader
		}
		return item, false, s.err
	}
	item = s.items[0]
	clear(s.items[:1])
	s.size -= s.sizes[0]
	s.items, s.sizes = s.items[1:], s.sizes[1:]
	if len(s.items) > 0 || s.err != nil {
		s.signal()
	}
	return item, true, nil
}

// empty reports whether nothing waits.
func (s *stream[T]) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.items) == 0
}

func (s *stream[T]) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}
