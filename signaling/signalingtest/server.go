package signalingtest

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
	"github.com/seed-3a7b6cbd/signal/turn"
	"github.com/seed-3a7b6cbd/signal/web"
)

// stopTime is what a server has to end with its test.
const stopTime = 5 * time.Second

// An Option changes what NewServer starts.
type Option func(*Server)

// WithConfig lets change set the configuration of the core. It is called once.
func WithConfig(change func(*signaling.Config)) Option {
	return func(s *Server) { change(&s.cfg) }
}

// WithWS sets the configuration of the WebSocket.
func WithWS(cfg ws.Config) Option {
	return func(s *Server) { s.wsCfg = cfg }
}

// WithTURN adds a TURN server on loopback, over UDP and TCP, which every peer
// is told of, until its session ends, and anew when it is out of a room. Listen, PacketConns and Listeners of cfg are not used.
func WithTURN(cfg turn.Config) Option {
	return func(s *Server) { s.turnCfg = &cfg }
}

// A Server is a signaling server on loopback. Its methods may be called from
// any goroutine, but Kill and Restart from one at a time.
type Server struct {
	URL     string // of the WebSocket: ws://127.0.0.1:PORT/ws
	PageURL string // of the call page: http://127.0.0.1:PORT/

	t       testing.TB       // static
	cfg     signaling.Config // static
	wsCfg   ws.Config        // static
	turnCfg *turn.Config     // static; nil: without
	addr    string           // static after the first start: it is kept
	turnUDP string           // likewise
	turnTCP string           // likewise

	mu  sync.Mutex // guards the following
	run *run       // nil after Kill
}

// NewServer starts a server, which ends with t. A failure ends the test.
func NewServer(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s := &Server{
		t:       t,
		cfg:     signaling.Config{ResumeKeys: [][]byte{[]byte(rand.Text() + rand.Text())}},
		addr:    "127.0.0.1:0",
		turnUDP: "127.0.0.1:0",
		turnTCP: "127.0.0.1:0",
	}
	for _, opt := range opts {
		opt(s)
	}
	s.start()
	s.URL = "ws://" + s.addr + "/ws"
	s.PageURL = "http://" + s.addr + "/"
	t.Cleanup(s.stop)
	return s
}

// Signaling returns the core that runs now; nil after Kill.
func (s *Server) Signaling() *signaling.Server {
	if r := s.running(); r != nil {
		return r.signaling
	}
	return nil
}

// TURN returns the TURN server that runs now; nil after Kill, or without WithTURN.
func (s *Server) TURN() *turn.Server {
	if r := s.running(); r != nil {
		return r.turn
	}
	return nil
}

// ICE returns what the server gives to a peer of that id.
func (s *Server) ICE(peer string) wire.ICE {
	if server := s.TURN(); server != nil {
		return iceOf(server, peer)
	}
	return wire.ICE{}
}

// Links returns how many TCP connections to the server there are.
func (s *Server) Links() int {
	if r := s.running(); r != nil {
		return r.listener.count()
	}
	return 0
}

// CutLinks resets every TCP connection to the server, without a WebSocket
// close, as when a network fails. The server runs on.
func (s *Server) CutLinks() {
	if r := s.running(); r != nil {
		r.listener.cut()
	}
}

// Kill ends the server as a process ends that was killed: nobody is told
// anything, and all it knew is gone. Until Restart connections are refused.
func (s *Server) Kill() {
	s.mu.Lock()
	r := s.run
	s.run = nil
	s.mu.Unlock()
	if r != nil {
		r.kill(s.t)
	}
}

// Restart starts the server anew, at the same addresses and with the same
// resume key, after it killed it if that was not done.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	s.start()
}

// Drain stops the server as SIGTERM does: clients are told to come back.
// Until Restart connections are refused.
func (s *Server) Drain() {
	if r := s.running(); r != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		if err := r.signaling.Shutdown(ctx); err != nil {
			s.t.Errorf("signalingtest: shutdown: %v", err)
		}
	}
	s.Kill()
}

func (s *Server) running() *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

// stop ends the server with its test.
func (s *Server) stop() { s.Drain() }

// start runs a server at the addresses that the first one had.
func (s *Server) start() {
	s.t.Helper()
	r := &run{}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatalf("signalingtest: %v", err)
	}
	s.addr = l.Addr().String()
	r.listener = &listener{Listener: l, conns: map[*conn]struct{}{}}
	cfg := s.cfg
	if s.turnCfg != nil {
		r.turn = s.newTURN(r)
		if cfg.ICEServers == nil {
			cfg.ICEServers = func(peer string, _ signaling.Identity) wire.ICE { return iceOf(r.turn, peer) }
		}
		if cfg.Ended == nil {
			cfg.Ended = func(peer string) { r.turn.CloseAllocations(peer) }
		}
		if cfg.Revoked == nil {
			cfg.Revoked = func(peer string) { r.turn.Revoke(peer) }
		}
	}
	r.signaling = signaling.New(cfg)
	r.http = &http.Server{Handler: r.track(s.routes(r))}
	r.serve()
	s.mu.Lock()
	s.run = r
	s.mu.Unlock()
}

func (s *Server) routes(r *run) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ws", ws.Handler(r.signaling, s.wsCfg))
	mux.Handle("/", web.Handler(web.Config{}))
	return mux
}

// newTURN binds the TURN server of r.
func (s *Server) newTURN(r *run) *turn.Server {
	s.t.Helper()
	udp, err := net.ListenPacket("udp", s.turnUDP)
	if err != nil {
		s.t.Fatalf("signalingtest: TURN: %v", err)
	}
	tcp, err := net.Listen("tcp", s.turnTCP)
	if err != nil {
		s.t.Fatalf("signalingtest: TURN: %v", err)
	}
	s.turnUDP, s.turnTCP = udp.LocalAddr().String(), tcp.Addr().String()
	cfg := *s.turnCfg
	cfg.Listen, cfg.PacketConns, cfg.Listeners = nil, []net.PacketConn{udp}, []net.Listener{tcp}
	if cfg.Alive == nil {
		cfg.Alive = func(peer string) bool { return r.signaling.Alive(peer) }
	}
	server, err := turn.New(cfg)
	if err != nil {
		s.t.Fatalf("signalingtest: TURN: %v", err)
	}
	return server
}

func iceOf(server *turn.Server, peer string) (ice wire.ICE) {
	for _, entry := range server.ICEServers(peer) {
		ice.List = append(ice.List, wire.ICEServer{URLs: entry.URLs, Username: entry.Username, Credential: entry.Credential})
		if !entry.Expires.IsZero() {
			ice.TTL = max(1, time.Until(entry.Expires).Milliseconds())
		}
	}
	return ice
}
