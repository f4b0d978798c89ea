package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/internal/memconn"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

var testKey = []byte(strings.Repeat("k", 32))

// A harness is a server in memory that can be replaced, and its clients. It is
// made and used inside a bubble.
type harness struct {
	t   *testing.T
	cfg signaling.Config

	mu       sync.Mutex // guards the following
	listener *memconn.Listener
	server   *signaling.Server
	http     *http.Server
	conns    []*memconn.Conn // of the clients, the oldest first
	plan     *plan           // of the next connections
	blocked  bool            // no connection can be made
}

func newHarness(t *testing.T, cfg signaling.Config) *harness {
	t.Helper()
	cfg.ResumeKeys = [][]byte{testKey}
	h := &harness{t: t, cfg: cfg}
	h.start()
	t.Cleanup(h.kill)
	return h
}

func (h *harness) start() {
	l, server := memconn.Listen(0), signaling.New(h.cfg)
	s := &http.Server{Handler: ws.Handler(server, ws.Config{}), ErrorLog: log.New(io.Discard, "", 0)}
	h.mu.Lock()
	h.listener, h.server, h.http = l, server, s
	h.mu.Unlock()
	go func() { _ = s.Serve(l) }() // until kill
}

// kill ends the server without a word to anybody.
func (h *harness) kill() {
	h.mu.Lock()
	l, server, s := h.listener, h.server, h.http
	for _, c := range h.conns {
		c.Cut()
	}
	h.conns = nil
	h.mu.Unlock()
	_ = l.Close()
	_ = s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		h.t.Error(err)
	}
}

// replace is a server that died, and the one with the same key after it.
func (h *harness) replace() {
	h.kill()
	h.start()
}

// A plan cuts a connection after a number of reads and writes of the client.
// If every is set it ends each connection so, but lets what was written arrive:
// a reset would throw away all that the server has not read yet, which is
// everything where nothing slows the writer down.
type plan struct {
	left  atomic.Int64
	every int64
}

type plannedConn struct {
	*memconn.Conn
	plan *plan
}

func (c plannedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.step()
	return n, err
}

func (c plannedConn) Write(p []byte) (int, error) {
	c.step()
	return c.Conn.Write(p)
}

func (c plannedConn) step() {
	switch left := c.plan.left.Add(-1); {
	case left == 0 && c.plan.every > 0:
		_ = c.Close()
	case left == 0:
		c.Cut()
	}
}

func (h *harness) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	h.mu.Lock()
	l, p, blocked := h.listener, h.plan, h.blocked
	h.mu.Unlock()
	if blocked {
		return nil, errors.New("no network")
	}
	c, err := l.Dial(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.conns = append(h.conns, c)
	h.mu.Unlock()
	if p != nil {
		if p.every > 0 {
			p.left.Store(p.every)
		}
		return plannedConn{c, p}, nil
	}
	return c, nil
}

// cutBy has the connections made from now on cut as p says; nil: not at all.
func (h *harness) cutBy(p *plan) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.plan = p
}

// block makes connecting fail, or not.
func (h *harness) block(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.blocked = on
}

// cutAll cuts all connections.
func (h *harness) cutAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		c.Cut()
	}
}

// last is the newest connection of any client.
func (h *harness) last() *memconn.Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns[len(h.conns)-1]
}

// A player is a client in the room "r" with what it has been told.
type player struct {
	t      *testing.T
	client *Client
	room   *Room
	done   sync.WaitGroup

	mu     sync.Mutex // guards the following
	events []string
	got    map[string][]string // data of messages, by sender
}

func (h *harness) join(cfg Config) *player {
	h.t.Helper()
	cfg.NetDial = h.dial
	c, err := Dial(h.t.Context(), "ws://server/ws", cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := c.Join(h.t.Context(), "r", json.RawMessage(`{"name":"x"}`))
	if err != nil {
		h.t.Fatal(err)
	}
	p := &player{t: h.t, client: c, room: r, got: make(map[string][]string)}
	p.done.Go(p.read)
	return p
}

func (p *player) read() {
	for e := range p.room.Events(context.Background()) {
		p.mu.Lock()
		switch e := e.(type) {
		case Message:
			p.got[e.From] = append(p.got[e.From], string(e.Data))
		case PeerBack:
			p.events = append(p.events, fmt.Sprintf("PeerBack(%v)", e.Resumed))
		case PeerLeft:
			p.events = append(p.events, fmt.Sprintf("PeerLeft(%s)", e.Reason))
		case RoleChanged:
			p.events = append(p.events, fmt.Sprintf("RoleChanged(%s)", e.Role))
		case RulesChanged:
			p.events = append(p.events, fmt.Sprintf("RulesChanged(%+v)", e.Rules))
		case KnockEnded:
			p.events = append(p.events, fmt.Sprintf("KnockEnded(%s)", e.Reason))
		case MuteRequest:
			p.events = append(p.events, fmt.Sprintf("MuteRequest(%s)", e.Data))
		case *Removed:
			p.events = append(p.events, fmt.Sprintf("Removed(%s, %s)", e.Reason, e.Text))
		case *Denied:
			p.events = append(p.events, fmt.Sprintf("Denied(%s, %s)", e.Reason, e.Text))
		default:
			p.events = append(p.events, strings.TrimPrefix(fmt.Sprintf("%T", e), "client."))
		}
		p.mu.Unlock()
	}
}

func (p *player) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.events, " ")
}

func (p *player) had(from string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.got[from], " ")
}

func (p *player) send(to *player, from, n int) {
	p.t.Helper()
	for i := range n {
		if err := p.room.Send(p.t.Context(), to.client.ID(), fmt.Appendf(nil, "%d", from+i)); err != nil {
			p.t.Errorf("send %d: %v", from+i, err)
		}
	}
}

func numbers(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	return strings.Join(list, " ")
}

func (p *player) close() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.client.Close(ctx); err != nil {
		p.t.Errorf("close: %v", err)
	}
	p.done.Wait()
}

// after moves the clock and lets everything settle.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
