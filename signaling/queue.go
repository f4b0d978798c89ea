package signaling

import (
	"context"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// maxQueue is the number of frames of one link that may wait before its
// transport is asked to read no more.
const maxQueue = 64

// maxWaiting is the number of frames at which a client is refused that goes
// on sending, at one frame per second, behind code that hangs.
const maxWaiting = 2 * maxQueue

// userCode marks a number in session.pending: code of the embedding program is
// asked, which may take any time.
const userCode = 1 << 63

// dispatch takes a frame in at once, or queues it behind a step that takes
// longer: a hello that is being judged, a change of a room, user code. It
// reports whether the queue is full.
func (l *Link) dispatch(f frame, fx *effects) (full bool) {
	s := l.sess.Load()
	if s != nil {
		s.hear(l, &f)
		if f.bad == nil && l.takeControl(f.m.Type, fx) {
			return false
		}
		l.overtake(s, &f, fx)
	} else if l.byeEarly(f, fx) {
		return false
	}
	slow := s == nil && f.bad == nil && f.m.Hello != nil && l.slowHello(f.m.Hello) // takes a session's lock: before l.mu
	l.mu.Lock()
	if l.closed != "" {
		l.mu.Unlock()
		return false
	}
	if slow || l.working || len(l.queue) > 0 || l.busy() {
		crowded := l.srv.full()
		if !crowded {
			full = l.enqueueLocked(f)
			l.workLocked()
		}
		tooMany := len(l.queue) >= maxWaiting
		l.mu.Unlock()
		if crowded { // what waits needs no reader to be slow
			l.refuse(l.srv.refuseFor(LimitMemory), fx)
		} else if tooMany {
			l.refuse(l.srv.refuseFor(LimitQueue), fx)
		}
		return full
	}
	l.mu.Unlock()
	l.process(context.Background(), f, false, fx)
	return false
}

// hear notes a sign of life, and the ack that came with it.
func (s *session) hear(l *Link, f *frame) {
	s.mu.Lock()
	if s.link == l {
		s.lastHeard, s.heard = s.srv.now(), l.epoch
	}
	s.mu.Unlock()
	if f.m.Ack != 0 && f.bad == nil && !s.acked(l, f.m.Ack) {
		f.bad = wire.Refuse(wire.CodeBadMessage, "ack is %d, and so many frames were not sent", f.m.Ack)
	}
}

// takeControl takes in what never waits, and reports whether that is all.
func (l *Link) takeControl(t wire.Type, fx *effects) bool {
	switch t {
	case wire.TypePing:
		l.flag(wantPong, fx)
	case wire.TypePong, wire.TypeAck:
	default:
		return false
	}
	return true
}

// byeEarly ends a link whose hello is still being judged, if the client does
// not want it any more.
func (l *Link) byeEarly(f frame, fx *effects) bool {
	l.mu.Lock()
	judging := l.working
	l.mu.Unlock()
	if !judging || f.m.Type != wire.TypeBye {
		return false
	}
	l.end(wire.CodeBye, fx)
	return true
}

// overtake does at once what a frame does that does not wait for code, if there is
// something to wait for. In its turn it then only counts as done.
func (l *Link) overtake(s *session, f *frame, fx *effects) {
	if f.bad != nil || f.m.ID == 0 {
		return
	}
	switch f.m.Type {
	case wire.TypeReply, wire.TypeGot, wire.TypeBye:
	default:
		return
	}
	l.mu.Lock()
	waits := l.working || len(l.queue) > 0 || l.busy()
	l.hasty = l.hasty || waits && f.m.Type == wire.TypeBye
	l.mu.Unlock()
	if !waits || f.m.Type == wire.TypeBye {
		return
	}
	s.recv.Lock()
	defer s.recv.Unlock()
	if !s.isLink(l) {
		return
	}
	early := *f.m // what is relayed is made of the message itself
	f.early = s.handleMessage(l, &early, fx) == nil
}

// busy reports whether everything has to wait for a step of the session. Once
// the client has said bye, nothing waits for code.
func (l *Link) busy() bool {
	s := l.sess.Load()
	if s == nil {
		return false
	}
	step := s.pending.Load()
	if l.hasty {
		return step != 0 && step&userCode == 0
	}
	return step != 0 || s.crowded.Load()
}

// workLocked starts the goroutine that empties the queue, if there is something
// that it can do now.
func (l *Link) workLocked() {
	if !l.working && len(l.queue) > 0 && !l.busy() {
		l.working = true
		go l.work()
	}
}

// work empties the queue. It ends when that is empty or has to wait, and with
// the link.
func (l *Link) work() {
	ctx, cancel := context.WithTimeout(context.Background(), l.srv.cfg.DeadAfter)
	defer cancel()
	l.mu.Lock()
	if l.sess.Load() == nil {
		l.cancel = cancel
		l.stopTimerLocked()
	}
	for l.closed == "" && len(l.queue) > 0 && !l.busy() {
		f := l.dequeueLocked()
		l.mu.Unlock()
		var fx effects
		l.process(ctx, f, true, &fx)
		fx.flush()
		l.mu.Lock()
		l.cancel = nil
	}
	l.working = false
	l.mu.Unlock()
}

// kick goes on with the queue of the session's link, when a step is done.
func (s *session) kick() {
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	if l != nil {
		l.mu.Lock()
		l.workLocked()
		l.mu.Unlock()
	}
}

// process takes in one frame, in its turn. Inside Receive it may not wait.
func (l *Link) process(ctx context.Context, f frame, mayWait bool, fx *effects) {
	s := l.sess.Load()
	if s == nil {
		if err := checkHello(f); err != nil {
			l.refuse(err, fx)
			return
		}
		l.hello(ctx, f.m.Hello, mayWait, fx)
		return
	}
	s.recv.Lock()
	defer s.recv.Unlock()
	if s.isLink(l) {
		s.handle(l, f, fx)
	}
}

func (s *session) isLink(l *Link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link == l
}

// request makes all that follows wait for a step, which settle ends.
func (s *session) request(a answer) (req uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requestLocked(a)
}

func (s *session) requestLocked(a answer) (req uint64) {
	req = s.srv.requests.Add(1)
	s.answer = a
	s.pending.Store(req)
	return req
}

// settle ends the pending step with its answer, if it is the one with this
// number. The caller calls kick, without locks.
func (s *session) settle(req uint64, body func(answer) *Body, fx *effects) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if req == 0 || s.pending.Load() != req {
		return
	}
	if s.answer.left > 1 {
		s.answer.left--
		return
	}
	if b := body(s.answer); b != nil {
		s.putLocked(b, sizeOf(b.Message), fx)
		if b.Message.Type == wire.TypeJoined { // short to ask for, and long
			s.pace.chargeBytes(&s.srv.cfg, s.srv.now(), textSize(b.Message))
		}
	}
	s.answer = answer{}
	s.pending.Store(0)
	s.startMoveLocked(fx)
}

func okBody(a answer) *Body { return &Body{Message: &wire.Message{Type: wire.TypeOK, Re: a.re}} }
