package turn

import (
	"container/list"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// splitTime is how long a connection may take for a TLS handshake, and then
	// for the first bytes that say what it is.
	splitTime = 5 * time.Second

	// maxYoung and maxYoungPerIP bound how many connections of a listener, and
	// of one address or one /64 of IPv6, may have said nothing yet. For another
	// one the oldest is cut: it had the most time. But it has youngTime at the
	// least: a thousand clients that come back at once are to wait, not to be cut
	// in turn.
	maxYoung      = 4096
	maxYoungPerIP = 256
	youngTime     = time.Second
)

// Split makes two listeners of one, so that HTTP and TURN share a port: what
// begins with a STUN message goes to turn, all else to http. Connections of
// TLS, as those of [tls.NewListener], are told apart by what they say after the
// handshake: HTTPS and WebSockets from TURN over TLS.
//
// Who says nothing for 5 seconds is cut, and so is the oldest of those who have
// said nothing for a second when there are too many, or too many open files. An Accept that waits hears of an error that
// passes, such as too many open files, and may be called again.
//
// Each listener ends with its own Close; connections for it are closed from then
// on. The second Close closes l, and waits until no goroutine of Split is left.
func Split(l net.Listener) (http, turn net.Listener) {
	s := &splitter{
		inner: l,
		slots: make(chan struct{}, maxYoung),
		ended: make(chan struct{}),
		stop:  make(chan struct{}),
		young: list.New(),
		count: make(map[netip.Addr]int),
	}
	s.http, s.turn = newHalf(s), newHalf(s)
	return s.http, s.turn
}

// onlyTURN is l without what is not TURN.
func onlyTURN(l net.Listener) net.Listener {
	http, turn := Split(l)
	_ = http.Close() // the first Close does nothing that can fail
	return turn
}

// A splitter tells the connections of a listener apart.
type splitter struct {
	inner      net.Listener   // static
	http, turn *half          // static
	slots      chan struct{}  // one element for each connection that is not accepted yet
	running    sync.WaitGroup // acceptLoop, and a goroutine for each of these
	stop       chan struct{}  // closed by the second Close
	ended      chan struct{}  // closed when acceptLoop has ended
	err        error          // why; set before ended is closed

	mu      sync.Mutex // guards the following
	started bool
	closed  int                // halves
	young   *list.List         // of *youth, the oldest first
	count   map[netip.Addr]int // of these, by address; no zeros
}

// A youth is a connection that has not said yet what it is.
type youth struct {
	conn  net.Conn
	since time.Time
	from  netip.Addr // invalid until a proxy in front has told it
}

func (y *youth) age() time.Duration { return time.Since(y.since) }

// start runs the accept loop, once.
func (s *splitter) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started && s.closed < 2 {
		s.started = true
		s.running.Go(s.acceptLoop)
	}
}

func (s *splitter) acceptLoop() {
	defer close(s.ended)
	var wait time.Duration
	for {
		conn, err := s.inner.Accept()
		switch {
		case err == nil:
			wait = 0
			if !s.takeSlot() {
				cut(conn)
				continue // to the error that says it is closed
			}
			e := s.enter(conn)
			s.running.Go(func() {
				s.serve(conn, e)
				<-s.slots
			})
		case errors.Is(err, net.ErrClosed):
			s.err = err
			return
		default:
			s.http.report(err)
			s.turn.report(err)
			s.cutOldest() // if files are what lacks, it has one
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(wait):
			case <-s.stop:
			}
		}
	}
}

// takeSlot waits for a slot, for which the oldest youth has to go when it has had
// its time. It returns false if the listener is closed meanwhile.
func (s *splitter) takeSlot() bool {
	for {
		select {
		case s.slots <- struct{}{}:
			return true
		default:
		}
		select {
		case s.slots <- struct{}{}:
			return true
		case <-time.After(s.cutOldest()):
		case <-s.stop:
			return false
		}
	}
}

// cutOldest cuts the oldest youth, if it is old enough, and returns after how long
// to look again.
func (s *splitter) cutOldest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.young.Front()
	if e == nil {
		return youngTime // all are waiting to be accepted
	}
	y := e.Value.(*youth)
	if age := y.age(); age < youngTime {
		return youngTime - age
	}
	s.removeLocked(e)
	cut(y.conn)
	return youngTime // its slot is free before
}

// serve finds out what conn is and hands it over.
func (s *splitter) serve(conn net.Conn, e *list.Element) {
	to, told, err := s.tell(conn, e)
	s.leave(e)
	if err == nil {
		err = told.SetDeadline(time.Time{})
	}
	if err != nil {
		cut(conn)
		return
	}
	select {
	case to.ready <- told:
	case <-to.closed:
		cut(conn)
	}
}

// tell waits for the first bytes of conn.
func (s *splitter) tell(conn net.Conn, e *list.Element) (*half, net.Conn, error) {
	if err := conn.SetDeadline(time.Now().Add(splitTime)); err != nil {
		return nil, nil, err
	}
	s.note(e, addrPort(conn.RemoteAddr()).Addr())
	if err := handshake(conn); err != nil {
		return nil, nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(splitTime)); err != nil {
		return nil, nil, err
	}
	first, isTURN, err := readFirst(conn)
	to := s.http
	if isTURN {
		to = s.turn
	}
	return to, withFirst(conn, first), err
}

// enter takes note of a youth.
func (s *splitter) enter(conn net.Conn) *list.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.young.PushBack(&youth{conn: conn, since: time.Now()})
	if s.closed == 2 {
		cut(conn) // the second Close did not see it
	}
	return e
}

// note says where a youth comes from. If there are too many from there, the
// oldest of them is cut when it has had its time.
func (s *splitter) note(e *list.Element, from netip.Addr) {
	from = network(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Value.(*youth).from = from
	s.count[from]++
	if s.count[from] <= maxYoungPerIP {
		return
	}
	for old := s.young.Front(); old != nil; old = old.Next() {
		if y := old.Value.(*youth); y.age() < youngTime {
			return
		} else if y.from == from {
			s.removeLocked(old)
			cut(y.conn)
			return
		}
	}
}

func (s *splitter) leave(e *list.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLocked(e)
}

// removeLocked forgets a youth, if it was not forgotten before.
func (s *splitter) removeLocked(e *list.Element) {
	y := e.Value.(*youth)
	s.young.Remove(e)
	if s.count[y.from]--; s.count[y.from] <= 0 {
		delete(s.count, y.from)
	}
	y.from = netip.Addr{}
}

// A half is one of the listeners that Split makes.
type half struct {
	of     *splitter
	ready  chan net.Conn
	passed chan error    // errors that pass
	closed chan struct{} // closed by Close, under of.mu
}

func newHalf(s *splitter) *half {
	return &half{of: s, ready: make(chan net.Conn), passed: make(chan error), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (h *half) Accept() (net.Conn, error) {
	h.of.start()
	if h.isClosed() {
		return nil, h.error("accept")
	}
	select {
	case conn := <-h.ready:
		return conn, nil
	case err := <-h.passed:
		return nil, err
	case <-h.closed:
		return nil, h.error("accept")
	case <-h.of.ended:
		return nil, h.of.err
	}
}

// Close implements net.Listener.
func (h *half) Close() error {
	s := h.of
	s.mu.Lock()
	if h.isClosed() {
		s.mu.Unlock()
		return h.error("close")
	}
	close(h.closed)
	s.closed++
	last := s.closed == 2
	if last {
		close(s.stop)
		for e := s.young.Front(); e != nil; e = e.Next() {
			cut(e.Value.(*youth).conn)
		}
	}
	s.mu.Unlock()
	if !last {
		return nil
	}
	err := s.inner.Close()
	s.running.Wait()
	return err
}

// Addr implements net.Listener.
func (h *half) Addr() net.Addr { return h.of.inner.Addr() }

func (h *half) isClosed() bool {
	select {
	case <-h.closed:
		return true
	default:
		return false
	}
}

func (h *half) error(op string) error {
	return &net.OpError{Op: op, Net: h.Addr().Network(), Addr: h.Addr(), Err: net.ErrClosed}
}

// report tells an Accept that waits of an error that passes.
func (h *half) report(err error) {
	select {
	case h.passed <- err:
	default:
	}
}
