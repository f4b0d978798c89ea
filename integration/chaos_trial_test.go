package integration

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// A trial is the testing.TB of one schedule: it can fail without the test.
type trial struct {
	testing.TB

	mu       sync.Mutex // guards the following
	failures []string
	cleanups []func()
}

// Helper implements testing.TB.
func (t *trial) Helper() {}

// Errorf implements testing.TB.
func (t *trial) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = append(t.failures, fmt.Sprintf(format, args...))
}

// Fatalf implements testing.TB.
func (t *trial) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

// Cleanup implements testing.TB.
func (t *trial) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

// Failed implements testing.TB.
func (t *trial) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.failures) > 0
}

func (t *trial) cleanUp() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}
