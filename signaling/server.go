package signaling

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// comeBackAfter is what going-away and refusals tell a client to wait: long
// enough to spread those of one server, short enough not to be felt in a call.
const comeBackAfter = 2 * time.Second

// A Server holds the sessions of one node. All methods may be called from any
// goroutine.
type Server struct {
	cfg        Config
	node       Node
	immediate  bool // Claim does not block
	start      time.Time
	stats      counters
	limited    map[Limit]*atomic.Uint64 // static
	sources    sources
	memory     atomic.Int64  // what counts for MaxMemory
	requests   atomic.Uint64 // numbers Changes and Takes
	questions  questions
	running    running
	hands      hands
	connecting sync.Map      // by peer: chan wire.Code, of a connect token that is being judged
	idle       chan struct{} // closed when closing and without links

	stripper wire.Stripper // static

	ping, pong, ack *Body

	mu       sync.Mutex // guards the following; taken behind all locks but Cluster's
	closing  bool
	lastRank uint64
	apps     map[string]*App
	patterns []appPattern
	onDemand int // apps made for patterns
	links    map[*Link]struct{}
	sessions map[string]*session    // by peer
	counted  int                    // sessions that count for limits
	users    map[userKey]int        // sessions of each
	downs    map[string]*time.Timer // of nodes that are gone, while their peers are awaited
}

// New makes a Server. It runs nothing until links come.
func New(cfg Config) *Server {
	s := &Server{
		cfg:      cfg.withDefaults(),
		start:    time.Now(),
		idle:     make(chan struct{}),
		ping:     &Body{Message: &wire.Message{Type: wire.TypePing}},
		pong:     &Body{Message: &wire.Message{Type: wire.TypePong}},
		ack:      &Body{Message: &wire.Message{Type: wire.TypeAck}},
		apps:     make(map[string]*App),
		links:    make(map[*Link]struct{}),
		sessions: make(map[string]*session),
		downs:    make(map[string]*time.Timer),
		users:    make(map[userKey]int),
		limited:  newLimitCounters(),
	}
	s.sources = sources{cfg: &s.cfg, now: s.now, all: make(map[netip.Addr]*source), quiet: make(map[netip.Addr]*source)}
	s.stripper = wire.Stripper{Relays: s.cfg.Relays, Salt: rand.Text()}
	for _, name := range append([]string{"default"}, s.cfg.Apps...) {
		s.App(name)
	}
	s.node = s.cfg.Cluster.Attach(s.cfg.ResumeWindow, s.handleEvent)
	_, s.immediate = s.node.(*memoryNode)
	return s
}

// now is the time since the start: the monotonic clock in eight bytes.
func (s *Server) now() time.Duration { return time.Since(s.start) }

// MaxMessage is the size in bytes above which a transport must refuse a frame
// with too_big.
func (s *Server) MaxMessage() int { return s.cfg.MaxMessage }

// Check runs the checks of Admit and creates nothing.
func (s *Server) Check(info LinkInfo) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checkLocked(&info)
}

// Ask is Check for somebody who only wants to know. It costs the address as much
// as a link does: who asks often is refused like one who connects often.
func (s *Server) Ask(info LinkInfo) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	remote := info.Remote.Addr()
	if limit := s.sources.judge(remote); limit != "" { // whatever the answer would be
		return s.refuseFor(limit)
	}
	err := s.checkLocked(&info)
	s.sources.asked(remote)
	return err
}

func (s *Server) checkLocked(info *LinkInfo) error {
	if info.App == "" {
		info.App = "default"
	}
	app := s.apps[info.App]
	switch {
	case s.closing:
		return wire.Refuse(wire.CodeGoingAway, "the server stops")
	case app == nil && s.codeForLocked(info.App) == nil:
		return wire.Refuse(wire.CodeUnknownApp, "there is no app %.128q here", info.App)
	case app == nil && s.onDemand >= s.cfg.MaxApps:
		return s.refuseFor(LimitApps)
	case app == nil:
		app = &App{} // it will be made
	}
	if limit := s.linkLimitLocked(app, info.Remote.Addr()); limit != "" {
		return s.refuseFor(limit)
	}
	return nil
}

// Admit decides on a connection before it is upgraded. A refusal is an *Error
// with a code that has an HTTP status. A Link that was admitted must be ended
// with Detach, also when Start was never called.
func (s *Server) Admit(info LinkInfo) (*Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkLocked(&info); err != nil {
		s.stats.refused.Add(1)
		return nil, err
	}
	l := &Link{
		srv: s, app: info.App, remote: info.Remote, ackOnTake: info.AckOnTake, shown: info.credential(),
		src: s.sources.admit(info.Remote.Addr()),
	}
	s.links[l] = struct{}{}
	s.memory.Add(linkCost)
	s.reachLocked(info.App).links++
	s.stats.links.Add(1)
	return l, nil
}

// Alive reports whether a session of this node has that peer id.
func (s *Server) Alive(peer string) bool {
	ss := s.session(peer)
	return ss != nil && ss.alive()
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) session(peer string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[peer]
}

// remove forgets ss, if it is still the one with its id.
func (s *Server) remove(ss *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uncountLocked(ss)
	if s.sessions[ss.peer] == ss {
		delete(s.sessions, ss.peer)
	}
}

// nextRank gives a rank above all that this node has given or seen.
func (s *Server) nextRank() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastRank = max(uint64(s.cfg.Now().UnixMilli()), s.lastRank+1)
	return s.lastRank
}

// seeRank notes a rank that another node, or this one before a restart, gave.
func (s *Server) seeRank(rank uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastRank = max(s.lastRank, rank)
}

const peerLength = 20

// newPeerID makes an id of 20 characters, of 119 random bits.
func newPeerID() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 0, peerLength)
	var random [32]byte
	for {
		rand.Read(random[:])
		for _, b := range random {
			if b >= 4*62 { // else the first letters would come more often
				continue
			}
			if id = append(id, letters[b%62]); len(id) == cap(id) {
				return string(id)
			}
		}
	}
}

// Shutdown tells every client to come back elsewhere, closes all links with
// CodeGoingAway, and waits until each was detached. From then on the Server
// refuses everything, and its place in the cluster is given up. Then it ends the
// contexts of the code that runs, and waits for that too: handlers, and what
// hooks and Config.Ended have still to be told. If ctx ends before, it waits no
// longer, and returns an error that wraps that of ctx. A second Shutdown waits as the first does.
//
// Code that it would wait for must call it on a goroutine of its own.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	links := make([]*Link, 0, len(s.links))
	for l := range s.links {
		links = append(links, l)
	}
	if first && len(links) == 0 {
		close(s.idle)
	}
	s.mu.Unlock()
	if first {
		goodbye := &Body{Message: &wire.Message{Type: wire.TypeGoingAway, After: comeBackAfter.Milliseconds()}}
		var fx effects
		for _, l := range links {
			l.goAway(goodbye, &fx)
		}
		fx.flush()
	}
	var err error
	select {
	case <-s.idle:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if first {
		s.stop()
	}
	return cmp.Or(err, s.hands.wait(ctx))
}

// stop stops all timers, and leaves the cluster.
func (s *Server) stop() {
	s.node.Close()
	s.sources.stop()
	s.mu.Lock()
	downs, sessions := slices.Collect(maps.Values(s.downs)), make([]*session, 0, len(s.sessions))
	for _, ss := range s.sessions {
		sessions = append(sessions, ss)
	}
	s.mu.Unlock()
	for _, t := range downs {
		t.Stop()
	}
	for _, ss := range sessions {
		ss.stop()
	}
	s.running.stopAll(func(*Peer) bool { return true }) // those of sessions that have moved, too
	s.cfg.Logger.Info("server stopped", "sessions", len(sessions))
}
