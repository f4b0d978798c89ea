package signaling

import (
	"context"
	"fmt"
	"sync"
)

// hands are the goroutines that run code for peers, and Config.Ended.
type hands struct {
	mu   sync.Mutex // guards the following; a leaf
	busy int
	idle chan struct{} // closed when busy is 0; nil: nobody waits
}

// run runs f on a goroutine, which ends with it.
func (h *hands) run(f func()) {
	h.mu.Lock()
	h.busy++
	h.mu.Unlock()
	go func() {
		defer h.ended()
		f()
	}()
}

func (h *hands) ended() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy--; h.busy == 0 && h.idle != nil {
		close(h.idle)
		h.idle = nil
	}
}

// wait waits until none is busy, or ctx ends, whose error it then wraps.
func (h *hands) wait(ctx context.Context) error {
	h.mu.Lock()
	if h.busy > 0 && h.idle == nil {
		h.idle = make(chan struct{})
	}
	idle := h.idle
	h.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		h.mu.Lock()
		defer h.mu.Unlock()
		return fmt.Errorf("signaling: code still runs, on %d goroutines: %w", h.busy, context.Cause(ctx))
	}
}

// do runs f when all that was given to do before has run. It never blocks, and
// may be called under locks.
func (p *Peer) do(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, f)
	if len(p.calls) >= maxQueue {
		p.sess.crowded.Store(true)
	}
	if !p.running {
		p.running = true
		p.app.srv.hands.run(p.run)
	}
}

// run runs what do was given, until there is nothing.
func (p *Peer) run() {
	for {
		p.mu.Lock()
		if len(p.calls) == 0 {
			p.calls, p.running = nil, false
			p.mu.Unlock()
			return
		}
		f := p.calls[0]
		p.calls[0] = nil
		p.calls = p.calls[1:]
		relieved := len(p.calls) < maxQueue && p.sess.crowded.CompareAndSwap(true, false)
		p.mu.Unlock()
		if relieved {
			p.sess.kick()
		}
		f()
	}
}
