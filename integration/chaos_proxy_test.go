package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// The directions of a link.
const (
	up   = 0 // from the client
	down = 1
)

var directions = [...]string{"up", "down"}

// A damage is what a fault does to its link.
type damage string

const (
	cuts    damage = "cut"       // both sides get an RST
	stalls  damage = "stall"     // nothing passes for a while, then all that came late
	strands damage = "half-open" // nothing passes any more, and nobody is told, not even of the other's end
)

// A fault happens once, on one link of one client.
type fault struct {
	link int   // which of the client's links, from 0
	side int   // up or down: whose frames are counted
	at   place // of what that side sends
	does damage
	to   [2]bool       // stall, half-open: which directions
	wait time.Duration // stall
}

func (f fault) String() string {
	s := fmt.Sprintf("link %d, %s, behind %d frames and %d bytes: %s", f.link, directions[f.side], f.at.frames, f.at.bytes, f.does)
	for d, on := range f.to {
		if on {
			s += " " + directions[d]
		}
	}
	if f.does == stalls {
		s += fmt.Sprintf(" for %v", f.wait)
	}
	return s
}

// A proxy is the network between one client and the servers. It counts the
// WebSocket frames that pass, and fails where it was told to.
type proxy struct {
	listener net.Listener
	route    func() string // host:port of a server; called for each connection
	faults   []fault

	mu      sync.Mutex // guards the following
	links   int        // so far
	conns   map[net.Conn]bool
	calm    bool // no more faults
	closed  bool
	log     []string
	began   time.Time
	over    chan struct{} // closed by close
	running sync.WaitGroup
}

// newProxy starts one. It ends with t.
func newProxy(t testing.TB, route func() string, faults []fault) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("proxy: %v", err)
	}
	p := &proxy{listener: l, route: route, faults: faults, conns: map[net.Conn]bool{}, began: time.Now(), over: make(chan struct{})}
	p.running.Go(p.acceptLoop) // ends with close
	t.Cleanup(p.close)
	return p
}

func (p *proxy) host() string { return p.listener.Addr().String() }

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	close(p.over)
	for c := range p.conns {
		reset(c)
	}
	p.mu.Unlock()
	p.running.Wait()
}

// quiet ends the faults that have not happened.
func (p *proxy) quiet() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calm = true
}

func (p *proxy) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, fmt.Sprintf("%6.3f ", time.Since(p.began).Seconds())+fmt.Sprintf(format, args...))
}

// history is what happened on its links.
func (p *proxy) history() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

func (p *proxy) acceptLoop() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.keep(client) {
			p.running.Go(func() { p.carry(client) }) // ends with the connection, or close
		}
	}
}

// keep has close reset c.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		reset(c)
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) drop(c net.Conn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	_ = c.Close()
}

// carry passes one connection on until both directions have ended.
func (p *proxy) carry(client net.Conn) {
	defer p.drop(client)
	head, err := readHead(client)
	if err != nil {
		return
	}
	address := p.route()
	server, err := net.Dial("tcp", address)
	if err != nil || !p.keep(server) {
		reset(client)
		return
	}
	defer p.drop(server)
	l := &passage{proxy: p, number: -1}
	l.ends[up], l.ends[down] = client, server
	if bytes.Contains(bytes.ToLower(head), []byte("upgrade: websocket")) {
		l.fault, l.number = p.nextFault()
		p.note("link %d to %s", l.number, address)
	}
	var both sync.WaitGroup
	both.Go(func() { l.pump(up, io.MultiReader(bytes.NewReader(head), client)) })
	both.Go(func() { l.pump(down, server) })
	both.Wait()
}

// readHead reads the head of a request. Nothing comes behind it before its answer.
func readHead(c net.Conn) (head []byte, err error) {
	for buf := make([]byte, 4096); !bytes.HasSuffix(head, []byte("\r\n\r\n")); {
		n, err := c.Read(buf)
		if err != nil {
			return nil, err
		}
		head = append(head, buf[:n]...)
	}
	return head, nil
}

// nextFault is that of the next link, if it has one.
func (p *proxy) nextFault() (*fault, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	number := p.links
	p.links++
	for i := range p.faults {
		if p.faults[i].link == number {
			return &p.faults[i], number
		}
	}
	return nil, number
}

// A passage is one connection through a proxy.
type passage struct {
	proxy  *proxy
	number int         // of the link; -1: a plain GET
	fault  *fault      // nil: none
	ends   [2]net.Conn // the client's and the server's

	mu     sync.Mutex // guards the following
	failed bool
	until  [2]time.Time // a direction stalls
	shut   [2]bool      // for good
}

// pump passes on what one side sends, until that ends or the passage is cut.
func (l *passage) pump(side int, from io.Reader) {
	to := l.ends[1-side]
	m := newMeter()
	for buf := make([]byte, 16<<10); ; {
		n, err := from.Read(buf)
		for data := buf[:n]; len(data) > 0; {
			pass := l.measure(side, m, data)
			if l.waits(side) {
				_, _ = to.Write(data[:pass]) // who has gone is told by its own end
			}
			data = data[pass:]
			l.fail(side, m)
		}
		if err == nil {
			continue
		}
		switch open := l.waits(side); {
		case !open: // the other end is not told
		case errors.Is(err, io.EOF):
			_ = to.(*net.TCPConn).CloseWrite()
		default:
			reset(to)
		}
		return
	}
}

// measure says how many bytes there are up to the fault.
func (l *passage) measure(side int, m *meter, data []byte) int {
	if l.fault == nil || l.fault.side != side || l.fault.at.reached(m.at) {
		return len(data)
	}
	for i, b := range data {
		m.pass(b)
		if l.fault.at.reached(m.at) {
			return i + 1
		}
	}
	return len(data)
}

// fail does what the fault says, if this is its place.
func (l *passage) fail(side int, m *meter) {
	f := l.fault
	if f == nil || f.side != side || !f.at.reached(m.at) {
		return
	}
	l.proxy.mu.Lock()
	calm := l.proxy.calm
	l.proxy.mu.Unlock()
	l.mu.Lock()
	again := l.failed
	l.failed = true
	for d, on := range f.to {
		if on && !again && !calm {
			l.until[d], l.shut[d] = time.Now().Add(f.wait), f.does == strands
		}
	}
	l.mu.Unlock()
	if again || calm {
		return
	}
	l.proxy.note("%v", *f)
	if f.does == cuts {
		reset(l.ends[up])
		reset(l.ends[down])
	}
}

// waits waits while the direction stalls, and reports whether it is open then.
func (l *passage) waits(side int) bool {
	l.mu.Lock()
	left, shut := time.Until(l.until[side]), l.shut[side]
	l.mu.Unlock()
	if shut {
		return false
	}
	if left > 0 {
		select {
		case <-time.After(left):
			l.proxy.note("link %d, %s: goes on", l.number, directions[side])
		case <-l.proxy.over:
			return false
		}
	}
	return true
}

// reset ends a connection with an RST: without linger nothing is said.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
