package signaling

import (
	"context"
	"sync"
)

// running is the code that works on frames, on this node: also for sessions that
// have moved to another one meanwhile.
type running struct {
	mu    sync.Mutex // guards the following; a leaf
	calls map[uint64]runningCall
}

type runningCall struct {
	peer   *Peer
	cancel context.CancelFunc
}

// begin returns the context of a call. done must be called at its end.
func (r *running) begin(p *Peer, req uint64) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(p.ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = make(map[uint64]runningCall)
	}
	r.calls[req] = runningCall{p, cancel}
	return ctx, func() {
		cancel()
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.calls, req)
	}
}

// stop ends the context of a call.
func (r *running) stop(req uint64) {
	r.mu.Lock()
	call, ok := r.calls[req]
	r.mu.Unlock()
	if ok {
		call.cancel()
	}
}

// stopAll ends the contexts of the calls for peers that f chooses.
func (r *running) stopAll(f func(*Peer) bool) {
	r.mu.Lock()
	calls := make([]runningCall, 0, len(r.calls))
	for _, call := range r.calls {
		calls = append(calls, call)
	}
	r.mu.Unlock()
	for _, call := range calls {
		if f(call.peer) {
			call.cancel()
		}
	}
}

// stopCallLocked ends the context of the code that works on the session's frame,
// on whatever node that is.
func (s *session) stopCallLocked() {
	step := s.pending.Load()
	if step&userCode == 0 || s.self == nil {
		return
	}
	node := s.srv.node
	node.Send(s.self.askedAt, &Event{Kind: EventStop, Node: node.Name(), Finish: &Finish{Req: step}})
}

// movedTo reports whether the peer's session has moved to a node.
func (p *Peer) movedTo(node string) bool {
	s := p.sess
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == moved && s.moving.node == node
}
