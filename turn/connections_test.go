package turn

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// stays says whether the server keeps a new connection: then it answers.
func (s *Server) stays(t *testing.T) (net.Conn, bool) {
	t.Helper()
	conn, err := net.Dial("tcp", s.address(t, "tcp"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, err = bind(newStream(conn), patience)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("a connection is neither served nor closed")
	}
	return conn, err == nil
}

func TestConnectionsAreBounded(t *testing.T) {
	for name, cfg := range map[string]Config{
		"of one address": {MaxConnectionsPerIP: 2},
		"in all":         {MaxConnections: 2, MaxConnectionsPerIP: -1},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, cfg)
			first, ok := s.stays(t)
			if _, also := s.stays(t); !ok || !also {
				t.Fatal("one of the first two was closed")
			}
			if _, ok := s.stays(t); ok || s.Stats().ConnectionsRefused != 1 {
				t.Errorf("the third is served, or not counted as refused: %+v", s.Stats())
			}
			first.Close()
			eventually(t, "there is room again", func() bool {
				_, ok := s.stays(t)
				return ok
			})
		})
	}
}

func TestConnectionsAreCountedByNetwork(t *testing.T) {
	c := connections{most: -1, mostPerIP: 2, uncounted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, byIP: make(map[netip.Addr]int)}
	enter := func(from string) func() {
		return c.enter(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from)))
	}
	var leave []func()
	for _, tt := range []struct {
		from string
		want bool
	}{
		{"192.0.2.1:1", true}, {"192.0.2.1:2", true}, {"192.0.2.1:3", false}, {"[::ffff:192.0.2.1]:4", false}, {"192.0.2.2:1", true},
		{"[2001:db8::1]:1", true}, {"[2001:db8::2]:1", true}, {"[2001:db8::3]:1", false}, {"[2001:db8:0:1::1]:1", true},
		{"10.1.2.3:1", true}, {"10.1.2.3:2", true}, {"10.1.2.3:3", true},
	} {
		l := enter(tt.from)
		if (l != nil) != tt.want {
			t.Errorf("%s: let in %v, want %v", tt.from, l != nil, tt.want)
		}
		if l != nil {
			leave = append(leave, l, l) // to leave twice is to leave once
		}
	}
	for _, l := range leave {
		l()
	}
	if c.all != 0 || len(c.byIP) != 0 {
		t.Errorf("when all have left, %d are counted, of %d addresses", c.all, len(c.byIP))
	}
}

// A connection that ends in a handshake, or is silent, gives its place back too.
func TestConnectionsThatFailAreNotCounted(t *testing.T) {
	s := serve(t, Config{MaxConnectionsPerIP: 1})
	conn, err := net.Dial("tcp", s.address(t, "tcp"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("what is no TURN is not cut: %v", err)
	}
	eventually(t, "there is room again", func() bool {
		_, ok := s.stays(t)
		return ok
	})
}
