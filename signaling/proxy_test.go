package signaling_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/internal/memconn"
)

// A network is what is between the clients and the servers, and does to their
// connections what a schedule says.
type network struct {
	sched   schedule
	began   time.Time
	servers []*server

	mu      sync.Mutex // guards the following
	routes  [2]route   // of each client
	tunnels []*tunnel
	calm    bool // nothing happens any more
	trace   []happening
	most    int            // memory that a server had when a frame came by
	running sync.WaitGroup // the tunnels' goroutines
}

// A route is all connections of one client.
type route struct {
	client *client.Client // once there is one
	dials  int
	frames [2]int // that came by, by direction
	hold   *fault // what holds the next connection up
	newest *tunnel
}

// A happening is a frame, or something else, in what a failure tells.
type happening struct {
	at    time.Duration
	text  string
	frame []byte
}

func (n *network) notef(format string, args ...any) {
	n.trace = append(n.trace, happening{at: time.Since(n.began), text: fmt.Sprintf(format, args...)})
}

// history is all that has happened, but for the heartbeat, and at most maxTrace
// lines of it.
func (n *network) history() string {
	var b strings.Builder
	lines := 0
	for _, h := range n.trace {
		text := h.text
		if h.frame != nil {
			shown := show(h.frame)
			if heartbeat(shown) {
				continue
			}
			text = fmt.Sprintf(text, shown)
		}
		if lines++; lines > maxTrace {
			break
		}
		fmt.Fprintf(&b, "%9v  %s\n", h.at.Round(time.Millisecond), text)
	}
	return b.String()
}

// dialer connects a client: which server it comes to is left to the seed.
func (n *network) dialer(who int) func(ctx context.Context, _, _ string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		n.mu.Lock()
		r := &n.routes[who]
		r.dials++
		srv := n.pickLocked(who, r.dials)
		tn := &tunnel{net: n, who: who, number: r.dials, server: srv, hold: r.hold, over: make(chan struct{})}
		r.hold = nil
		n.mu.Unlock()
		far, err := srv.listener.Dial(ctx)
		if err != nil {
			return nil, err
		}
		near, end := memconn.Pipe(0)
		tn.ends = [2]*memconn.Conn{near, far}
		n.mu.Lock()
		defer n.mu.Unlock()
		if srv.dead { // meanwhile
			near.Cut()
			far.Cut()
			return nil, syscall.ECONNRESET
		}
		n.tunnels, r.newest = append(n.tunnels, tn), tn
		n.notef("client %d connects to server %d", who, srv.number)
		for _, dir := range []direction{up, down} {
			n.running.Go(func() { tn.pump(dir) }) // ends with the connection, at the latest with close
		}
		return end, nil
	}
}

func (n *network) pickLocked(who, dial int) *server {
	r := rand.New(rand.NewPCG(n.sched.seed, uint64(2*dial+who)))
	for {
		if srv := n.servers[r.IntN(len(n.servers))]; !srv.dead {
			return srv
		}
	}
}

// settle lets nothing happen from now on.
func (n *network) settle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calm = true
	for i := range n.routes {
		n.routes[i].hold = nil
	}
}

// close ends all connections.
func (n *network) close() {
	n.mu.Lock()
	for _, tn := range n.tunnels {
		tn.resetLocked()
	}
	n.mu.Unlock()
	n.running.Wait()
}

// come counts a frame, and does what has to happen before it. It returns the
// fault if that is about the frame itself.
func (n *network) come(tn *tunnel, dir direction, frame []byte) (torn bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := &n.routes[tn.who]
	at := r.frames[dir]
	r.frames[dir]++
	for _, srv := range n.servers {
		n.most = max(n.most, srv.Weight())
	}
	n.notef("client %d, connection %d, %-4s %3d  %%s", tn.who, tn.number, dir, at)
	n.trace[len(n.trace)-1].frame = frame
	if f := tn.hold; f != nil {
		if d, i := f.held(); d == dir && i == tn.frames[dir] {
			n.notef("client %d, connection %d is held up for %v", tn.who, tn.number, f.hold)
			tn.holdLocked(f.hold)
		}
	}
	tn.frames[dir]++
	if n.calm {
		return false
	}
	for _, f := range n.sched.faults {
		if f.who == tn.who && f.dir == dir && f.at == at {
			n.notef("client %d, connection %d: %v", tn.who, tn.number, f)
			n.doLocked(tn, f)
			torn = torn || f.kind == tear
		}
	}
	return torn
}

// doLocked lets f happen.
func (n *network) doLocked(tn *tunnel, f fault) {
	switch f.kind {
	case cut:
		tn.resetLocked()
	case end:
		tn.endLocked()
	case late:
		tn.holdLocked(f.hold)
		if f.probe && f.stage%4 == 3 { // the second connection gets its welcome behind what comes late on the first
			n.routes[tn.who].hold = &f
		}
	case deadUp:
		tn.dead[up] = true
	case deadDown:
		tn.dead[down] = true
	case reorder:
		n.routes[tn.who].hold = &f
		tn.endLocked()
	case kill:
		n.killLocked(tn, f)
	}
	if c := n.routes[tn.who].client; f.probe && c != nil && (f.kind == late || f.kind == deadUp || f.kind == deadDown) {
		time.AfterFunc(20*time.Millisecond, c.Probe)
	}
}

func (n *network) killLocked(tn *tunnel, f fault) {
	if newest := n.routes[1-f.who].newest; f.other && newest != nil {
		tn = newest
	}
	victim := tn.server
	victim.die()
	n.notef("server %d is gone", victim.number)
	for _, tn := range n.tunnels {
		if tn.server == victim {
			tn.resetLocked()
		}
	}
}

// A tunnel is one connection. The network's lock guards it.
type tunnel struct {
	net    *network         // static, as are the following
	who    int              // whose it is
	number int              // of the client's connections
	server *server          // to which it leads
	ends   [2]*memconn.Conn // that of the client, that of the server

	frames [2]int    // that came by
	dead   [2]bool   // by direction: nothing arrives
	until  time.Time // when what is held goes on
	hold   *fault    // reorder: what holds it up
	reset  bool      // over is closed
	over   chan struct{}
}

// pump carries one direction until it ends.
func (tn *tunnel) pump(dir direction) {
	from, to := tn.ends[dir], tn.ends[1-dir]
	frames := newSplitter(from)
	for {
		frame, err := frames.next()
		if len(frame) > 0 {
			torn := tn.net.come(tn, dir, frame)
			if torn {
				frame = frame[:len(frame)/2]
			}
			if tn.pass() && !tn.isDead(dir) {
				_, _ = to.Write(frame) // who does not listen misses it
			}
			if torn {
				tn.net.mu.Lock()
				tn.endLocked()
				tn.net.mu.Unlock()
			}
		}
		if err != nil {
			if tn.pass() && !tn.isDead(dir) {
				_ = to.CloseWrite()
			}
			return
		}
	}
}

func (tn *tunnel) isDead(dir direction) bool {
	tn.net.mu.Lock()
	defer tn.net.mu.Unlock()
	return tn.dead[dir]
}

// pass waits while the connection is held. It reports false if it was reset.
func (tn *tunnel) pass() bool {
	for {
		tn.net.mu.Lock()
		left := time.Until(tn.until)
		tn.net.mu.Unlock()
		if left <= 0 {
			return true
		}
		select {
		case <-time.After(left):
		case <-tn.over:
			return false
		}
	}
}

func (tn *tunnel) holdLocked(d time.Duration) {
	if until := time.Now().Add(d); until.After(tn.until) {
		tn.until = until
	}
}

// endLocked closes the connection towards both sides.
func (tn *tunnel) endLocked() {
	_ = tn.ends[0].Close()
	_ = tn.ends[1].Close()
}

func (tn *tunnel) resetLocked() {
	tn.ends[0].Cut()
	tn.ends[1].Cut()
	if !tn.reset {
		tn.reset = true
		close(tn.over)
	}
}
