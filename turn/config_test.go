package turn

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestConfigIsRefused(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"short secret", Config{Secrets: []string{oldSecret, "short"}}, "secret 2 has 5 bytes"},
		{"negative TTL", Config{TTL: -time.Second}, "TTL -1s"},
		{"unknown relay", Config{Relay: 7}, "relay 7"},
		{"ports", Config{MinPort: 2000, MaxPort: 1000}, "relay ports 2000-1000"},
		{"quota", Config{MaxAllocations: -1}, "limits have to be positive"},
		{"public address", Config{PublicIP: netip.IPv4Unspecified()}, "public address 0.0.0.0"},
		{"peers", Config{AllowPeers: []netip.Prefix{{}}}, "write it like 10.0.0.0/8"},
		{"scheme", Config{Listen: []string{"http://:80"}}, `listen "http://:80"`},
		{"no certificate", Config{Listen: []string{"tls://:0"}}, "there is no certificate"},
		{"no scheme", Config{Listen: []string{":3478"}}, "write udp://host:port"},
		{"no port", Config{Listen: []string{"udp://127.0.0.1"}}, "write udp://host:port"},
		{"host", Config{Listen: []string{"udp://192.0.2.99:0"}}, `listen udp "192.0.2.99:0"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := New(tt.cfg)
			if err == nil {
				s.Close()
				t.Fatal("was accepted")
			}
			if !strings.HasPrefix(err.Error(), "turn: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
		})
	}
}

func TestAddressInUse(t *testing.T) {
	s := serve(t, Config{})
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first := free.LocalAddr().String()
	free.Close()
	taken := s.address(t, "tcp")
	_, err = New(Config{Listen: []string{"udp://" + first, "tcp://" + taken}})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), `listen tcp "`+taken+`": address in use: `) {
		t.Errorf("got %v", err)
	}
	again, err := net.ListenPacket("udp4", first)
	if err != nil {
		t.Fatalf("what was bound before the error is still bound: %v", err)
	}
	again.Close()
}

func TestDefaults(t *testing.T) {
	cfg := Config{}.withDefaults()
	if strings.Join(cfg.Listen, " ") != "udp://:3478 tcp://:3478" || cfg.TTL != 10*time.Minute || cfg.Realm != "signal" ||
		cfg.MaxAllocationsPerPeer != 32 || cfg.Relay != RelayClosed || cfg.MinPort != 49152 || cfg.MaxPort != 65535 {
		t.Errorf("got %+v", cfg)
	}
	if err := cfg.validate(); err != nil {
		t.Error(err)
	}
	if other := (Config{}).withDefaults(); other.Secrets[0] == cfg.Secrets[0] {
		t.Error("two servers have the same random secret")
	}
}

func TestPublicAddress(t *testing.T) {
	wild, seven := netip.AddrPortFrom(netip.IPv4Unspecified(), 1), netip.MustParseAddrPort("192.0.2.7:1")
	if got, err := publicIP([]netip.AddrPort{wild, seven}); got != seven.Addr() || err != nil {
		t.Errorf("got %v, %v, want the address of a listener", got, err)
	}
	got, err := publicIP([]netip.AddrPort{wild, netip.AddrPortFrom(netip.IPv6Unspecified(), 1)})
	if err != nil || !got.IsValid() || got.IsUnspecified() {
		t.Errorf("got %v, %v, want an address of this host", got, err)
	}
}

func TestGivenSocketsAreServedAndClosed(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, Config{PacketConns: []net.PacketConn{conn}, Listeners: []net.Listener{l}})
	_, a := allocate(t, s, "udp", "alice")
	_, b := allocate(t, s, "tcp", "bob")
	send(t, a, b.LocalAddr(), "first") // which lets bob in
	send(t, b, a.LocalAddr(), "hello")
	want(t, a, b.LocalAddr(), "hello")
	s.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	if _, _, err := conn.ReadFrom(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadFrom: %v", err)
	}
}

func TestServeEndsWhenASocketIsLost(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		s, err := New(Config{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}})
		if err != nil {
			t.Fatal(err)
		}
		if network == "udp" {
			s.udp[0].Close()
		} else {
			s.tcp[0].Close()
		}
		if err := s.Serve(context.Background()); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), network) {
			t.Errorf("Serve: %v, want one about %s", err, network)
		}
		wantNoGoroutines(t)
	}
}

func TestCloseBeforeServe(t *testing.T) {
	s, err := New(Config{Listen: []string{"udp://127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := s.Serve(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve: %v, want ErrClosed", err)
	}
}

func TestNothingOfClientsIsLoggedAboveDebug(t *testing.T) {
	var log logBook
	s := serve(t, Config{Logger: log.logger(slog.LevelInfo), MaxAllocationsPerPeer: 1})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	addr, _ := alice.allocate()
	alice.permit("8.8.8.8:53")
	alice.send("8.8.8.8:53", "dropped")
	alice.send(addr.String(), "not permitted")
	alice.as(Credentials{"guess", "guess", time.Time{}}).refresh(1)
	newRawClient(t, s, "tcp", s.Credentials("alice")).allocate()
	s.CloseAllocations("alice")
	s.Close()
	if text := log.String(); text != "" {
		t.Errorf("logged: %s", text)
	}
}

func TestOneListenerForBothFamilies(t *testing.T) {
	s := serve(t, Config{Listen: []string{"udp://:0", "tcp://:0"}, PublicIP: netip.MustParseAddr("127.0.0.1")})
	alice, bob := newRawClient(t, s, "udp", s.Credentials("alice")), newRawClient(t, s, "tcp", s.Credentials("bob"))
	a, _ := alice.allocate()
	b, _ := bob.allocate()
	alice.permit(b.String())
	bob.permit(a.String())
	alice.send(b.String(), "hello")
	bob.want(a.String(), "hello")
}

// A hastyListener accepts connections on which short deadlines are over at once.
type hastyListener struct{ net.Listener }

func (l hastyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return hastyConn{conn}, err
}

type hastyConn struct{ net.Conn }

func (c hastyConn) SetReadDeadline(at time.Time) error {
	if !at.IsZero() && time.Until(at) <= idleWithout {
		at = time.Unix(1, 0)
	}
	return c.Conn.SetReadDeadline(at)
}

func TestSilentConnectionIsClosed(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, Config{Listeners: []net.Listener{hastyListener{l}}})
	conn, err := net.Dial("tcp4", s.address(t, "tcp"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("Read: %v, want EOF", err)
	}
}

// A flakyListener has no file descriptors at first.
type flakyListener struct {
	net.Listener
	fails int
}

func (l *flakyListener) Accept() (net.Conn, error) {
	if l.fails > 0 {
		l.fails--
		return nil, syscall.EMFILE
	}
	return l.Listener.Accept()
}

func TestAcceptRecovers(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, Config{Listeners: []net.Listener{&flakyListener{l, 3}}})
	if _, code := newRawClient(t, s, "tcp", s.Credentials("alice")).allocate(); code != 0 {
		t.Errorf("Allocate: %d", code)
	}
}

// A Close that comes while Serve begins is no failure of Serve.
func TestCloseWhileServeBegins(t *testing.T) {
	for i := range 400 {
		s, err := New(Config{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}})
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context()) }()
		for range i % 8 { // somewhere in the beginning of Serve
			runtime.Gosched()
		}
		s.Close()
		if err := <-served; err != nil && !errors.Is(err, ErrClosed) {
			t.Fatalf("Serve: %v", err)
		}
	}
}
