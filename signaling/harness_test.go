package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// harness is some servers on one memory cluster, in a bubble.
type harness struct {
	t       *testing.T
	cluster *MemoryCluster
	cfg     Config
	servers []*Server
	made    int // clients
	nonces  int
}

func newHarness(t *testing.T, servers int, cfg Config) *harness {
	t.Helper()
	h := &harness{t: t, cluster: NewMemoryCluster(), cfg: cfg}
	if h.cfg.ResumeKeys == nil {
		h.cfg.ResumeKeys = [][]byte{[]byte("the key of this test")}
	}
	h.cfg.Cluster = h.cluster
	for range servers {
		h.servers = append(h.servers, New(h.cfg))
	}
	return h
}

func (h *harness) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, s := range h.servers {
		if err := s.Shutdown(ctx); err != nil {
			h.t.Errorf("Shutdown: %v", err)
		}
	}
}

// inBubble runs f with so many servers in a bubble of its own.
func inBubble(t *testing.T, servers int, cfg Config, f func(t *testing.T, h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, servers, cfg)
		defer h.close()
		f(t, h)
	})
}

// eachTopology runs f with one server, and with three on one cluster.
func eachTopology(t *testing.T, cfg Config, f func(t *testing.T, h *harness)) {
	t.Helper()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("servers=%d", n), func(t *testing.T) { inBubble(t, n, cfg, f) })
	}
}

// client is one client: its state, over its connections.
type client struct {
	t    *testing.T
	h    *harness
	srv  *Server
	conn *fakeConn
	info LinkInfo // of its connections

	id    uint64 // the last one sent
	peer  string
	token string
	nonce string

	mu   sync.Mutex  // one caller of Receive at a time
	mute atomic.Bool // does not answer pings
}

// fakeConn is a connection whose other end reads at once, unless it is told
// not to.
type fakeConn struct {
	c    *client
	link *Link

	mu     sync.Mutex
	lazy   bool // does not read
	got    []Outgoing
	had    uint64 // the highest seq read
	ack    uint64 // the highest ack read
	closed wire.Code
	at     time.Time // of closed
	wakes  int
}

func (f *fakeConn) Wake() {
	f.mu.Lock()
	f.wakes++
	lazy := f.lazy
	f.mu.Unlock()
	if !lazy {
		f.read(100)
	}
}

// read takes all there is, or n frames.
func (f *fakeConn) read(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for more := true; more && n > 0; {
		var batch []Outgoing
		batch, more = f.link.Take(nil, min(n, 3)) // a small batch, so that many tests see more than one
		for _, o := range batch {
			f.had, f.ack = max(f.had, o.Seq), max(f.ack, o.Ack)
			if o.Body.Message.Type != wire.TypePing {
				f.got = append(f.got, o)
			} else if !f.c.mute.Load() {
				go f.c.sendTo(f, &wire.Message{Type: wire.TypePong})
			}
		}
		if len(batch) == 0 {
			return
		}
		n -= len(batch)
	}
}

func (f *fakeConn) Close(code wire.Code) {
	if !f.isLazy() {
		f.read(1000)
	}
	f.mu.Lock()
	f.closed, f.at = code, time.Now()
	f.mu.Unlock()
	go f.link.Detach(nil)
}

func (f *fakeConn) isLazy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lazy
}

func (f *fakeConn) setLazy(lazy bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lazy = lazy
}

func (f *fakeConn) code() wire.Code {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// next returns the next frame, if there is one.
func (f *fakeConn) next() (Outgoing, bool) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.got) == 0 {
		return Outgoing{}, false
	}
	o := f.got[0]
	f.got = f.got[1:]
	return o, true
}

// client makes a client of the next server, without a connection.
func (h *harness) client(t *testing.T) *client {
	h.made++
	time.Sleep(2 * time.Millisecond) // ranks of different servers follow the wall clock
	return &client{t: t, h: h, srv: h.servers[(h.made-1)%len(h.servers)], nonce: h.newNonce()}
}

func (h *harness) newNonce() string {
	h.nonces++
	return fmt.Sprintf("nonce-number-%06d", h.nonces)
}

// connect opens a connection, and leaves an older one as it is.
func (c *client) connect() {
	c.t.Helper()
	link, err := c.srv.Admit(c.info)
	if err != nil {
		c.t.Fatalf("Admit: %v", err)
	}
	c.conn = &fakeConn{c: c, link: link}
	link.Start(c.conn)
}

// hello makes a client that was welcomed.
func (h *harness) hello(t *testing.T) *client {
	t.Helper()
	c := h.client(t)
	c.connect()
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}})
	c.welcomed(false)
	return c
}

func (c *client) welcomed(resumed bool) *wire.Welcome {
	c.t.Helper()
	w := c.want(wire.TypeWelcome).Welcome
	if w.Resumed != resumed {
		c.t.Fatalf("welcome: resumed is %v, want %v", w.Resumed, resumed)
	}
	if c.peer != "" && c.peer != w.Peer {
		c.t.Fatalf("welcome: peer is %s, was %s", w.Peer, c.peer)
	}
	c.peer, c.token = w.Peer, w.Token
	c.nonce = c.h.newNonce()
	return w
}

// send sends one frame, with the next id where the type has one.
func (c *client) send(m *wire.Message) error {
	_, err := c.sendTo(c.conn, m)
	return err
}

func (c *client) sendTo(conn *fakeConn, m *wire.Message) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Type.Numbered() && m.ID == 0 {
		c.id++
		m.ID = c.id
	}
	return conn.link.Receive(m, 100+len(m.Data))
}

// want returns the next frame, which must have that type.
func (c *client) want(typ wire.Type) *wire.Message {
	c.t.Helper()
	o, ok := c.conn.next()
	if !ok {
		c.t.Fatalf("%s got nothing, want %s (closed: %q)", c.peer, typ, c.conn.code())
	}
	m := o.Body.Message
	if m.Type != typ {
		c.t.Fatalf("%s got %s %s %q, want %s", c.peer, m.Type, m.Code, m.Text, typ)
	}
	return m
}

// wantLimit looks at how often a limit was exceeded, on all servers.
func (h *harness) wantLimit(l Limit, want uint64) {
	h.t.Helper()
	got := uint64(0)
	for _, s := range h.servers {
		got += s.Stats().Limits[l]
	}
	if got != want {
		h.t.Errorf("limit %s: exceeded %d times, want %d", l, got, want)
	}
}

func (c *client) wantError(code wire.Code, re uint64) {
	c.t.Helper()
	if m := c.want(wire.TypeError); m.Code != code || m.Re != re {
		c.t.Fatalf("%s got error{%s, re %d, %q}, want %s, re %d", c.peer, m.Code, m.Re, m.Text, code, re)
	}
}

func (c *client) wantNothing() {
	c.t.Helper()
	if o, ok := c.conn.next(); ok {
		c.t.Fatalf("%s got %s %s, want nothing", c.peer, o.Body.Message.Type, o.Body.Message.Text)
	}
}

func (c *client) wantClosed(code wire.Code) {
	c.t.Helper()
	if got := c.conn.code(); got != code {
		c.t.Fatalf("%s: closed with %q, want %q", c.peer, got, code)
	}
}

// join joins a room and returns the snapshot.
func (c *client) join(room string) []wire.Peer {
	c.t.Helper()
	c.send(&wire.Message{Type: wire.TypeJoin, Room: room})
	m := c.want(wire.TypeJoined)
	if m.Room != room || m.Re != c.id {
		c.t.Fatalf("joined{%q, re %d}, want %q, %d", m.Room, m.Re, room, c.id)
	}
	return m.Peers
}

// tell sends a message to one peer, or to all.
func (c *client) tell(to *client, room, data string) error {
	m := &wire.Message{Type: wire.TypeMessage, Room: room, Data: json.RawMessage(data)}
	if to != nil {
		m.To = to.peer
	}
	return c.send(m)
}

func (c *client) wantMessage(from *client, data string) {
	c.t.Helper()
	if m := c.want(wire.TypeMessage); m.From != from.peer || string(m.Data) != data {
		c.t.Fatalf("%s got %s from %s, want %s from %s", c.peer, m.Data, m.From, data, from.peer)
	}
}

// ack acknowledges all that was read.
func (c *client) ack() { c.send(&wire.Message{Type: wire.TypeAck, Ack: c.conn.had}) }

// cut loses the connection, without the server's closing it.
func (c *client) cut() {
	synctest.Wait()
	c.conn.link.Detach(nil)
}

// resume says hello on a new connection, behind seq.
func (c *client) resume(seq uint64) {
	c.t.Helper()
	c.connect()
	c.conn.had = seq
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{
		Resume: &wire.Resume{Token: c.token, Seq: seq, Nonce: c.nonce},
	}})
}

// elsewhere lets the client's next connection go to another server.
func (c *client) elsewhere() {
	for i, s := range c.h.servers {
		if s == c.srv {
			c.srv = c.h.servers[(i+1)%len(c.h.servers)]
			return
		}
	}
}

// pair is two clients in a room: the first offers.
func (h *harness) pair(t *testing.T) (alice, bob *client) {
	t.Helper()
	alice, bob = h.hello(t), h.hello(t)
	alice.join("room")
	bob.join("room")
	alice.want(wire.TypePeerJoined)
	return alice, bob
}
