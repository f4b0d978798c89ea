package robot

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// silence is a TCP address at which nobody answers, as behind a firewall: who
// listens there has as many waiting as it takes.
func silence(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	at := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := syscall.Bind(fd, at); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := (&net.TCPAddr{IP: at.Addr[:], Port: name.(*syscall.SockaddrInet4).Port}).String()
	for range 10 {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("it still answers")
	return ""
}

// The kernel asks a TCP server that does not answer for two minutes.
func TestCloseDoesNotWaitForATURNServerThatIsNotReachedOverTCP(t *testing.T) {
	hole := silence(t)
	dead := func([]wire.ICEServer) []wire.ICEServer {
		return []wire.ICEServer{{URLs: []string{"turn:" + hole + "?transport=tcp"}, Username: "u", Credential: "c"}}
	}
	s := newStage(t)
	a, b := s.join(Config{ICEServers: dead}), s.join(Config{Name: "ben", ICEServers: dead})
	s.call(a, b, audio)
	for _, r := range []*Robot{a, b} {
		start := time.Now()
		if err := r.Close(s.ctx); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("close took %v", d)
		}
	}
}
