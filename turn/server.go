package turn

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrClosed is returned by Serve on a Server that was closed before.
var ErrClosed = errors.New("turn: server closed")

// Server is a TURN server. New makes one.
type Server struct {
	cfg      Config           // static, with defaults
	udp      []net.PacketConn // static
	tcp      []net.Listener   // static
	tls      []net.Listener   // static; of connections that have come out of TLS
	stunURLs []string         // static
	turnURLs []string         // static
	relays   relays           // static
	tester   string           // static; what the names of SelfTest's peers begin with
	stats    counters
	conns    connections

	closing chan struct{}  // closed by Close
	failed  chan error     // of capacity 1: a listener ended by itself
	running sync.WaitGroup // goroutines: ours, and of pion one for each edge and allocation

	mu         sync.Mutex // guards the following
	serving    bool
	closed     bool
	edges      map[*edge]struct{}
	fast       []relayer            // of the edges that have one
	peers      map[string]*holdings // no empty ones
	slots      int                  // of all peers
	generation int64                // the last one given
	revoked    map[string]int64     // the newest generation that is refused, by peer
	sweepAt    int                  // how many of these there may be before some are forgotten
}

// holdings are what one peer has.
type holdings struct {
	slots int // allocations and reservations
	live  map[*allocation]struct{}
}

// New checks cfg and binds its sockets. It starts nothing: clients wait until
// Serve. If it fails, the sockets given in cfg are still the caller's.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg:     cfg,
		closing: make(chan struct{}),
		failed:  make(chan error, 1),
		edges:   make(map[*edge]struct{}),
		peers:   make(map[string]*holdings),
		revoked: make(map[string]int64),
		sweepAt: minSweep,
		tester:  "self-test-" + rand.Text() + "-",
	}
	s.conns = connections{most: cfg.MaxConnections, mostPerIP: cfg.MaxConnectionsPerIP, uncounted: cfg.Proxies, byIP: make(map[netip.Addr]int)}
	s.cfg.Alive = func(peer string) bool { return s.isTester(peer) || cfg.Alive(peer) }
	if err := s.bindAll(); err != nil {
		s.closeSockets()
		return nil, err
	}
	s.udp = append(s.udp, cfg.PacketConns...)
	s.tcp = append(s.tcp, cfg.Listeners...)
	s.tls = append(s.tls, cfg.TLSListeners...)
	return s, nil
}

// bindAll opens what Config.Listen names, and works out what depends on the
// addresses of all sockets.
func (s *Server) bindAll() error {
	for _, text := range s.cfg.Listen {
		if err := s.bind(text); err != nil {
			return err
		}
	}
	if err := s.advertise(); err != nil {
		return err
	}
	if s.cfg.Relay == RelayClosed {
		s.relays = newClosedRelays(s.cfg.PublicIP, &s.stats)
		return nil
	}
	var err error
	s.relays, err = newOpenRelays(s.cfg, &s.stats)
	return err
}

// bind opens the socket of one entry of Config.Listen.
func (s *Server) bind(text string) error {
	network, addr, ok := strings.Cut(text, "://")
	if _, _, err := net.SplitHostPort(addr); err != nil || !ok {
		network = ""
	}
	var err error
	var l net.Listener
	switch network {
	case "udp":
		var conns []net.PacketConn
		conns, err = listenUDP(addr, s.cfg.Loops)
		s.udp = append(s.udp, conns...)
	case "tcp":
		if l, err = net.Listen("tcp", addr); err == nil {
			s.tcp = append(s.tcp, onlyTURN(l))
		}
	case "tls":
		if l, err = net.Listen("tcp", addr); err == nil {
			s.tls = append(s.tls, onlyTURN(tls.NewListener(l, s.cfg.TLS)))
		}
	default:
		return fmt.Errorf("turn: listen %q: write udp://host:port, tcp://host:port or tls://host:port", text)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("turn: listen %s %q: address in use: stop what listens there or choose another port: %w", network, addr, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("turn: listen %s %q: not permitted: choose a port above 1023 or grant CAP_NET_BIND_SERVICE: %w", network, addr, err)
	case err != nil:
		return fmt.Errorf("turn: listen %s %q: %w", network, addr, err)
	}
	return nil
}

// Serve runs the server until ctx ends or Close is called, and returns nil
// then, or until a listener fails for good. On return every socket is closed
// and no goroutine is left. It can be called once.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	closed, serving := s.closed, s.serving
	s.serving = true
	s.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case serving:
		return errors.New("turn: serve: the server is being served already")
	}
	var err error
	for _, conn := range s.udp {
		err = errors.Join(err, s.openEdge(conn, false))
	}
	for _, l := range slices.Concat(s.tcp, s.tls) {
		s.goAccept(l)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case <-s.closing:
		case err = <-s.failed:
		}
	}
	select {
	case <-s.closing: // what failed did so because of that
		err = nil
	default:
	}
	s.Close()
	return err
}

// Close ends the server, cuts what it relays, and waits until no goroutine of
// it is left. It may be called more than once, but not by Config.Alive.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	edges := slices.Collect(maps.Keys(s.edges)) // no more will come
	s.mu.Unlock()
	s.closeSockets()
	for _, e := range edges {
		_ = e.conn.Close() // it may be closed already
	}
	s.running.Wait()
}

// closeSockets closes what is listened at. There is nothing to flush, so errors
// say only that one was closed before.
func (s *Server) closeSockets() {
	for _, conn := range s.udp {
		_ = conn.Close()
	}
	for _, l := range slices.Concat(s.tcp, s.tls) {
		_ = l.Close()
	}
}

// openEdge has pion serve conn. Its goroutine ends when reading conn fails.
func (s *Server) openEdge(conn net.PacketConn, stream bool) error {
	e := &edge{
		srv:    s,
		conn:   conn,
		local:  conn.LocalAddr(),
		stream: stream,
		owners: make(map[netip.AddrPort]*allocation),
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = conn.Close() // it may be closed already
		return nil
	}
	if !stream && !s.cfg.NoFastPath {
		path := newFastPath(s)
		e.fast = path
		s.fast = append(s.fast, path)
		if l := newLoop(conn, path, s.cfg.fast); l != nil {
			e.conn = l
		} else {
			e.plain = path
		}
	}
	s.edges[e] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	if err := e.start(); err != nil {
		s.closeEdge(e, nil)
		return fmt.Errorf("turn: serve %v: %w", e.local, err)
	}
	return nil
}

// closeEdge takes note that e is not read any more. The cause matters for a
// UDP socket only, and only if we have not closed it ourselves.
func (s *Server) closeEdge(e *edge, cause error) {
	_ = e.conn.Close() // it may be closed already
	s.mu.Lock()
	delete(s.edges, e)
	closed := s.closed
	s.mu.Unlock()
	if !e.stream && !closed && cause != nil {
		s.fail(fmt.Errorf("turn: read udp %v: %w", e.local, cause))
	}
	s.running.Done()
}

func (s *Server) fail(err error) {
	select {
	case s.failed <- err:
	default: // one is enough to end Serve
	}
}

// goAccept accepts the connections of l in a goroutine that ends when l is
// closed.
func (s *Server) goAccept(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.running.Go(func() { s.acceptLoop(l) })
	}
}

func (s *Server) acceptLoop(l net.Listener) {
	var wait time.Duration
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			wait = 0
			s.openStream(conn)
		case errors.Is(err, net.ErrClosed):
			select {
			case <-s.closing:
			default:
				s.fail(fmt.Errorf("turn: accept tcp %v: %w", l.Addr(), err))
			}
			return
		default:
			// Out of file descriptors, most likely, and that will pass.
			if wait == 0 {
				s.cfg.Logger.Warn("turn: connections are not accepted for now", "error", err)
			}
			wait = s.pause(wait)
		}
	}
}

// openStream serves a connection, or closes it if there are too many.
func (s *Server) openStream(conn net.Conn) {
	c := newStream(conn)
	if c.leave = s.conns.enter(conn.RemoteAddr()); c.leave == nil {
		s.stats.connectionsRefused.Add(1)
		cut(conn)
		return
	}
	if err := s.openEdge(c, true); err != nil {
		s.cfg.Logger.Warn("turn: a connection was turned away", "error", err)
	}
}

// pause waits after an error that may pass, longer each time up to a second,
// or until the server closes. It returns what to pass to it next time.
func (s *Server) pause(last time.Duration) time.Duration {
	next := min(max(2*last, 5*time.Millisecond), time.Second)
	select {
	case <-time.After(next):
	case <-s.closing:
	}
	return next
}
