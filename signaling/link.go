package signaling

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// ErrLeft is the cause to Detach with when the client closed the connection in
// a way that means goodbye: WebSocket close code 1001, or the like of it. The
// session then ends at once.
var ErrLeft = errors.New("signaling: the client left")

// A Link is one connection's life. Receive and Malformed are for one caller at
// a time; Take may run beside them, also for one caller at a time; Detach comes
// when neither will be called any more.
type Link struct {
	srv    *Server
	app    string         // static
	remote netip.AddrPort // static; zero: not known
	shown  *credential    // static; nil: the request had none

	conn  Conn          // static after Start
	began time.Duration // static after Start
	sess  atomic.Pointer[session]
	src   *source // nil: its address is not known

	// guarded by the session's lock
	generation uint32 // the session's when this link got it
	epoch      uint32 // of its welcome, but for the high bits
	cursor     uint64 // the highest seq taken

	ackOnTake bool // static: as LinkInfo has it

	woken   bool // guarded by mu, as what follows it
	flags   flags
	working bool       // a goroutine empties queue
	hasty   bool       // the client has said bye: what it sent before does not wait for code
	mu      sync.Mutex // taken behind the session's lock
	pace    *pace      // until there is a session
	control []*Body    // welcome, and errors without seq
	closed  wire.Code
	last    uint64  // closed: the highest seq that may still be taken
	held    int     // bytes of control and queue
	queue   []frame // what waits for a step that takes longer
	timer   *time.Timer
	cancel  context.CancelFunc // of the hello that is being judged
}

// credential is what of a request says who the client is. Few have one, and it
// has no place in each link.
type credential struct {
	token   string
	context any
}

// credential is what came with the request.
func (i *LinkInfo) credential() *credential {
	if i.Token == "" && i.Context == nil {
		return nil
	}
	return &credential{i.Token, i.Context}
}

// frame is what came from the client: m, or bad and what could be read.
type frame struct {
	m    *wire.Message
	size int
	bad  *wire.Error

	early bool // its effect is done, and only its id left
}

// flags are control frames without content.
type flags uint8

const (
	wantPong flags = 1 << iota
	wantPing
	wantAck
)

// maxControl bounds the errors without seq that wait for a client: one that
// collects them without reading is a slow consumer.
const maxControl = 64

// maxEnvelope is how much of a frame may be kept beside data. Data aliases its
// frame, and lies in rosters and outboxes: what else is in the frame, such as
// unknown fields, would be kept with it, and counted by nobody.
const maxEnvelope = 512

// Start begins the life of an admitted link: from now on hello has to come in
// time, and conn is used.
func (l *Link) Start(conn Conn) {
	l.mu.Lock()
	l.conn, l.began = conn, l.srv.now()
	l.timer = time.AfterFunc(l.srv.cfg.HelloTimeout, l.helloTimeout)
	l.mu.Unlock()
	if l.srv.isClosing() { // since Admit
		var fx effects
		l.end(wire.CodeGoingAway, &fx)
		fx.flush()
	}
}

func (l *Link) helloTimeout() {
	l.mu.Lock()
	waiting := l.timer != nil
	l.mu.Unlock()
	if waiting {
		l.srv.exceeded(LimitHello)
		var fx effects
		l.refuse(wire.Refuse(wire.CodeHelloTimeout, "no hello within %v", l.srv.cfg.HelloTimeout), &fx)
		fx.flush()
	}
}

// Receive takes in one message of size bytes from the client, and takes over
// m. It never blocks. The transport should not read for the time that pause
// says (at most 1 s). An error means that the link is over: Conn.Close was
// called, and the transport should read no more.
func (l *Link) Receive(m *wire.Message, size int) (pause time.Duration, err error) {
	if m.Type == wire.TypeHello && m.Hello == nil {
		m.Hello = &wire.Hello{} // all of it is optional
	}
	if size > len(m.Data)+maxEnvelope {
		m.Data = bytes.Clone(m.Data)
	}
	f := frame{m: m, size: size, bad: m.Check()}
	if size > l.srv.cfg.MaxMessage {
		f.bad = wire.Refuse(wire.CodeTooBig, "the frame has %d bytes, more than %d", size, l.srv.cfg.MaxMessage)
		l.srv.exceeded(LimitMessage)
	}
	return l.accept(f)
}

// Malformed is Receive for a frame that wire.Scan refused with cause, or that
// the transport refused (too_big, not_text; these end the link). id is the
// frame's, as far as it could be read, else 0.
func (l *Link) Malformed(id uint64, size int, cause *wire.Error) (pause time.Duration, err error) {
	if cause.Code == wire.CodeTooBig {
		l.srv.exceeded(LimitMessage)
	}
	return l.accept(frame{m: &wire.Message{ID: id}, size: size, bad: cause})
}

func (l *Link) accept(f frame) (pause time.Duration, err error) {
	var fx effects
	fx.message(l, &f)
	l.srv.stats.received.Add(1)
	l.srv.stats.bytes.Add(uint64(f.size))
	pause, ok := l.spend(1, f.size)
	if !ok {
		l.tooFast(&fx)
	} else if l.dispatch(f, &fx) {
		pause = maxHeld
	}
	fx.flush()
	return l.rest(pause)
}

// Charge charges the client for frames, of size bytes in all, that the
// transport has dealt with itself, as the control frames of WebSocket. It is
// Receive otherwise.
func (l *Link) Charge(frames, size int) (pause time.Duration, err error) {
	var fx effects
	l.srv.stats.bytes.Add(uint64(size))
	pause, ok := l.spend(frames, size)
	if !ok {
		l.tooFast(&fx)
	}
	fx.flush()
	return l.rest(pause)
}

func (l *Link) tooFast(fx *effects) {
	c := &l.srv.cfg
	l.srv.stats.tooFast.Add(1)
	l.srv.exceeded(LimitRate)
	l.refuse(wire.Refuse(wire.CodeRateLimited, "more than %d frames or %d bytes per second", c.Rate, c.Bytes), fx)
}

// rest is what Receive returns: the pause, unless the link is over.
func (l *Link) rest(pause time.Duration) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed != "" {
		return 0, wire.Refuse(l.closed, "the link is over")
	}
	return pause, nil
}

// peer is the id of the link's session; "": it has none.
func (l *Link) peer() string {
	if s := l.sess.Load(); s != nil {
		return s.peer
	}
	return ""
}

func (l *Link) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed != ""
}

// end closes the link, and lets what it has so far be taken. It reports
// whether it was open.
func (l *Link) end(code wire.Code, fx *effects) bool {
	s, open := l.endEarly(code, fx)
	if s == nil {
		return open
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropLinkLocked(l, code, fx)
}

// endEarly ends a link that has no session, and from then on gets none; else
// it returns the session. A link gets its session under mu.
func (l *Link) endEarly(code wire.Code, fx *effects) (s *session, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s = l.sess.Load(); s == nil {
		open = l.endLocked(code, 0, fx)
	}
	return s, open
}

// endLocked needs l.mu.
func (l *Link) endLocked(code wire.Code, last uint64, fx *effects) bool {
	if l.closed != "" {
		return false
	}
	l.closed, l.last = code, last
	l.dropQueueLocked()
	l.stopTimerLocked()
	if l.cancel != nil {
		l.cancel()
	}
	fx.closes = append(fx.closes, closing{l, code})
	return true
}

func (l *Link) stopTimerLocked() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

// refuse tells the client why, without seq, and closes the link.
func (l *Link) refuse(err *wire.Error, fx *effects) {
	fx.refused(l.srv, l.peer(), err.Code, 0)
	l.tell(errorBody(err, 0), fx)
	l.end(closingCode(err.Code), fx)
}

// errorBody is the answer to the frame with id re; 0: to one without. When to try
// again is told for codes of the protocol only: what an application's own mean,
// its clients know.
func errorBody(err *wire.Error, re uint64) *Body {
	m := &wire.Message{Type: wire.TypeError, Re: re, Code: err.Code, Text: err.Text}
	if err.Code.Known() && err.Code.Info().Retry == wire.RetryAfter {
		m.After = comeBackAfter.Milliseconds()
	}
	return &Body{Message: m}
}

// tell hands the client a frame without seq.
func (l *Link) tell(b *Body, fx *effects) {
	l.mu.Lock()
	full := len(l.control) >= maxControl
	if l.closed == "" && !full {
		l.control = append(l.control, b)
		l.holdLocked(sizeOf(b.Message))
		l.wakeLocked(fx)
	}
	l.mu.Unlock()
	if full {
		l.srv.stats.slow.Add(1)
		l.srv.exceeded(LimitErrors)
		l.end(wire.CodeSlowConsumer, fx)
	}
}

func (l *Link) flag(f flags, fx *effects) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed == "" {
		l.flags |= f
		l.wakeLocked(fx)
	}
}

func (l *Link) wakeLocked(fx *effects) {
	if !l.woken && l.conn != nil {
		l.woken = true
		fx.wake(l)
	}
}

// Take appends to batch what to write now, in order, at most max frames, and
// reports whether more is left. What was taken counts as sent: if writing it
// fails, the link is dead. Take works on after Close, for what is left.
func (l *Link) Take(batch []Outgoing, max int) ([]Outgoing, bool) {
	if s := l.sess.Load(); s != nil {
		return s.take(l, batch, max)
	}
	l.mu.Lock()
	if s := l.sess.Load(); s != nil { // meanwhile: welcome needs its ack
		l.mu.Unlock()
		return s.take(l, batch, max)
	}
	defer l.mu.Unlock()
	before := len(batch)
	batch = l.takeControlLocked(batch, max)
	l.srv.stats.taken.Add(uint64(len(batch) - before))
	l.woken = len(l.control) > 0
	return batch, l.woken
}

func (l *Link) takeControlLocked(batch []Outgoing, max int) []Outgoing {
	n := min(len(l.control), max)
	for i, b := range l.control[:n] {
		batch = append(batch, Outgoing{Body: b})
		l.control[i] = nil
		l.holdLocked(-sizeOf(b.Message))
	}
	if l.control = l.control[n:]; len(l.control) == 0 {
		l.control = nil
	}
	return batch
}

// Detach ends the link; the transport calls it exactly once, for every link
// that was admitted. cause says why the connection ended: one that wraps
// ErrLeft, or an *Error with too_big, ends the session; after anything else,
// nil too, the session waits to be resumed.
func (l *Link) Detach(cause error) {
	var fx effects
	if s, _ := l.endEarly(wire.CodeBye, &fx); s != nil {
		var refusal *wire.Error
		if errors.Is(cause, ErrLeft) || errors.As(cause, &refusal) && refusal.Code == wire.CodeTooBig {
			s.leave(l, &fx)
		}
	}
	l.end(wire.CodeBye, &fx)
	fx.closes = slices.DeleteFunc(fx.closes, func(c closing) bool { return c.link == l }) // it is closed
	fx.flush()
	if l.srv.detached(l) {
		l.release()
		if a := l.srv.lookup(l.app); a != nil {
			l.srv.forgetEmpty(a)
		}
	}
}

// detached takes the link out of all counts, once.
func (s *Server) detached(l *Link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.links[l]; !ok {
		return false
	}
	s.apps[l.app].links--
	if l.src != nil {
		s.sources.detached(l.src)
	}
	if delete(s.links, l); s.closing && len(s.links) == 0 {
		close(s.idle)
	}
	return true
}

// goAway tells the client to come back elsewhere, and closes the link.
func (l *Link) goAway(goodbye *Body, fx *effects) {
	l.mu.Lock()
	started := l.conn != nil
	l.mu.Unlock()
	if !started { // Start will see that the server stops
		return
	}
	if s := l.sess.Load(); s != nil {
		s.put(goodbye, sizeOf(goodbye.Message), fx)
	}
	l.end(wire.CodeGoingAway, fx)
}
