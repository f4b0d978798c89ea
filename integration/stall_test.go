package integration

import (
	"context"
	"sync"
	"testing"
	"time"
)

// A stallWatch finds out for how long this process got no processor: a call
// that goes through that stands still without anybody's fault, and players
// leave frames out after two seconds.
type stallWatch struct {
	mu      sync.Mutex // guards the following
	longest time.Duration
}

// watchStalls runs until the test ends, and records the longest one.
func watchStalls(t *testing.T) *stallWatch {
	const every = 10 * time.Millisecond
	w := &stallWatch{}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			now := time.Now()
			w.mu.Lock()
			w.longest = max(w.longest, now.Sub(last)-every)
			w.mu.Unlock()
			last = now
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		record(t, "longest-stall-of-the-process", w.get())
	})
	return w
}

func (w *stallWatch) get() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.longest
}
