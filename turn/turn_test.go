package turn

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pion "github.com/pion/turn/v4"
)

// patience is how long a test waits for what has to happen.
const patience = 10 * time.Second

// servers is how many serve runs.
var servers atomic.Int64

// serve runs a server on loopback, at free ports of UDP and TCP, until the test
// ends, and then checks that nothing of it is left.
func serve(t testing.TB, cfg Config) *Server {
	t.Helper()
	if cfg.Listen == nil && cfg.PacketConns == nil && cfg.Listeners == nil && cfg.TLSListeners == nil {
		cfg.Listen = []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	servers.Add(1)
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil && err != ErrClosed {
			t.Errorf("Serve: %v", err)
		}
		if servers.Add(-1) == 0 {
			wantNoGoroutines(t)
		}
	})
	return s
}

// wantNoGoroutines waits for the last goroutines of all servers to return: they
// may still be on their way out of pion when Serve returns.
func wantNoGoroutines(t testing.TB) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		left := ""
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			for _, ours := range []string{"turn/v4.(*Server)", "turn/v4/internal/allocation", "signal/turn.(*Server).acceptLoop"} {
				if strings.Contains(stack, ours) {
					left += stack + "\n\n"
				}
			}
		}
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines are left:\n%s", left)
		}
	}
}

// address is where s listens for UDP, TCP or TLS.
func (s *Server) address(t testing.TB, network string) string {
	t.Helper()
	for _, text := range s.turnURLs {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if u.Scheme == "turns" && network == "tls" || u.Scheme == "turn" && u.Query().Get("transport") == network {
			return u.Opaque
		}
	}
	t.Fatalf("no %s listener in %q", network, s.turnURLs)
	return ""
}

// dial opens a client's socket to s.
func dial(t testing.TB, s *Server, network string) net.PacketConn {
	t.Helper()
	var conn net.PacketConn
	if network == "udp" {
		host, _, _ := net.SplitHostPort(s.address(t, "udp"))
		udp, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		conn = udp
	} else {
		tcp, err := net.Dial("tcp", s.address(t, network))
		if err != nil {
			t.Fatal(err)
		}
		if network == "tls" {
			tcp = tls.Client(tcp, &tls.Config{InsecureSkipVerify: true})
		}
		conn = newStream(tcp) // pion's STUNConn holds back short ChannelData
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// to sends everything to one address.
type to struct {
	net.PacketConn
	addr net.Addr
}

func (c to) WriteTo(b []byte, _ net.Addr) (int, error) { return c.PacketConn.WriteTo(b, c.addr) }

// newClient makes a pion client with these credentials.
func newClient(t testing.TB, s *Server, network string, creds Credentials) *pion.Client {
	t.Helper()
	server, err := net.ResolveUDPAddr("udp", s.address(t, network))
	if err != nil {
		t.Fatal(err)
	}
	client, err := pion.NewClient(&pion.ClientConfig{
		TURNServerAddr: "192.0.2.1:3478", // pion takes none of IPv6
		Username:       creds.Username,
		Password:       creds.Password,
		Conn:           to{dial(t, s, network), server},
		LoggerFactory:  loggerFactory{slog.New(slog.DiscardHandler)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// allocate has a pion client of peer make an allocation.
func allocate(t testing.TB, s *Server, network, peer string) (*pion.Client, net.PacketConn) {
	t.Helper()
	client := newClient(t, s, network, s.Credentials(peer))
	relay, err := client.Allocate()
	if err != nil {
		t.Fatalf("allocate for %s over %s: %v", peer, network, err)
	}
	t.Cleanup(func() { relay.Close() })
	return client, relay
}

// send writes text from one relayed address to another.
func send(t testing.TB, from net.PacketConn, to net.Addr, text string) {
	t.Helper()
	if _, err := from.WriteTo([]byte(text), to); err != nil {
		t.Fatalf("send %q: %v", text, err)
	}
}

// want reads the next packet at a relayed address.
func want(t testing.TB, at net.PacketConn, from net.Addr, text string) {
	t.Helper()
	buf := make([]byte, 2048)
	if err := at.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, addr, err := at.ReadFrom(buf)
	if err != nil {
		t.Fatalf("waiting for %q: %v", text, err)
	}
	if string(buf[:n]) != text || addr.String() != from.String() {
		t.Fatalf("got %q from %v, want %q from %v", buf[:n], addr, text, from)
	}
}

// eventually waits until claim is true.
func eventually(t testing.TB, what string, claim func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !claim(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}

// A logBook keeps what is logged.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level}))
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var transports = []struct{ name, alice, bob string }{
	{"udp", "udp", "udp"},
	{"tcp", "tcp", "tcp"},
	{"udp to tcp", "udp", "tcp"},
}

func TestTwoClientsMeet(t *testing.T) {
	for _, relay := range []struct {
		name string
		kind Relay
	}{{"closed", RelayClosed}, {"open", RelayOpen}} {
		perPacket := uint64(1 + relay.kind) // an open relay sees it leave and come back
		for _, tt := range transports {
			t.Run(relay.name+" "+tt.name, func(t *testing.T) {
				s := serve(t, Config{Relay: relay.kind})
				alice, a := allocate(t, s, tt.alice, "alice")
				_, b := allocate(t, s, tt.bob, "bob")
				if err := alice.CreatePermission(b.LocalAddr()); err != nil {
					t.Fatal(err)
				}
				for _, text := range []string{"hi", "a longer packet, in a channel by now", "!"} {
					send(t, b, a.LocalAddr(), text)
					want(t, a, b.LocalAddr(), text)
					send(t, a, b.LocalAddr(), text)
					want(t, b, a.LocalAddr(), text)
				}
				eventually(t, "six packets counted", func() bool {
					got := s.Stats()
					return got.Allocations == 2 && got.Packets == 6*perPacket && got.Bytes == 2*perPacket*(2+36+1)
				})
			})
		}
	}
}
