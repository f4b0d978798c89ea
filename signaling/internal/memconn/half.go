package memconn

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// A half is one direction of a connection.
type half struct {
	mu   sync.Mutex // guards the following
	cond sync.Cond  // any of the following has changed

	buf   []byte // written and not read yet, from start on
	start int
	limit int

	finished bool // the writer will not write any more
	deaf     bool // the reader will not read any more
	cut      bool // the connection was reset
	stalled  bool // nothing arrives

	readBy, writeBy deadline
}

func newHalf(limit int) *half {
	h := &half{limit: limit}
	h.cond.L = &h.mu
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.deaf:
			return 0, io.ErrClosedPipe
		case h.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		case h.cut:
			return 0, syscall.ECONNRESET
		case len(p) == 0:
			return 0, nil
		case h.stalled:
		case h.buffered() > 0:
			return h.takeLocked(p), nil
		case h.finished:
			return 0, io.EOF
		}
		h.cond.Wait()
	}
}

func (h *half) takeLocked(p []byte) int {
	n := copy(p, h.buf[h.start:])
	h.start += n
	if h.buffered() == 0 {
		h.buf, h.start = h.buf[:0], 0
	}
	h.cond.Broadcast()
	return n
}

func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.finished:
			return n, io.ErrClosedPipe
		case h.writeBy.passed:
			return n, os.ErrDeadlineExceeded
		case h.cut:
			return n, syscall.ECONNRESET
		case h.deaf:
			return n, syscall.EPIPE
		}
		n += h.putLocked(p[n:])
		if n == len(p) {
			return n, nil
		}
		h.cond.Wait()
	}
}

func (h *half) putLocked(p []byte) int {
	n := min(len(p), h.limit-h.buffered())
	if n <= 0 {
		return 0
	}
	if h.start > 0 && len(h.buf)+n > cap(h.buf) {
		h.buf, h.start = append(h.buf[:0], h.buf[h.start:]...), 0
	}
	h.buf = append(h.buf, p[:n]...)
	h.cond.Broadcast()
	return n
}

func (h *half) buffered() int { return len(h.buf) - h.start }

// change runs f under the lock, and lets everybody look again.
func (h *half) change(f func()) {
	h.mu.Lock()
	f()
	h.mu.Unlock()
	h.cond.Broadcast()
}

// A deadline is a point in time for one side of a half, guarded by its lock.
type deadline struct {
	passed bool
	timer  *time.Timer
	epoch  int // tells a timer that fired too late that it was replaced
}

func (h *half) setDeadline(d *deadline, t time.Time) {
	h.change(func() {
		d.stopLocked()
		if t.IsZero() {
			return
		}
		left := time.Until(t)
		if left <= 0 {
			d.passed = true
			return
		}
		epoch := d.epoch
		d.timer = time.AfterFunc(left, func() {
			h.change(func() { d.passed = d.passed || d.epoch == epoch })
		})
	})
}

func (d *deadline) stopLocked() {
	d.epoch++
	d.passed = false
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
