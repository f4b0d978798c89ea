package turn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/pion/stun/v3"
)

// sockets counts those of this process.
func sockets(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("sockets are counted in /proc, which is missing: run this on Linux: %v", err)
		}
		t.Skipf("sockets are counted in /proc, which is missing: run this on Linux: %v", err)
	}
	n := 0
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

func TestOnlyAnOpenRelayHasRelaySockets(t *testing.T) {
	const allocations = 10
	for relay, perAllocation := range map[Relay]int{RelayClosed: 0, RelayOpen: 1} {
		s := serve(t, Config{Relay: relay})
		var clients []*rawClient
		for range allocations {
			clients = append(clients, newRawClient(t, s, "udp", s.Credentials("alice")))
		}
		before := sockets(t)
		for _, c := range clients {
			addr, code := c.allocate()
			if code != 0 {
				t.Fatalf("Allocate: %d", code)
			}
			if port := addrPort(addr).Port(); relay == RelayClosed && port < firstVirtualPort {
				t.Errorf("relayed address %v, which Chromium refuses", addr)
			}
		}
		if got := sockets(t) - before; got != allocations*perAllocation {
			t.Errorf("relay %d: %d allocations made %d sockets, want %d", relay, allocations, got, allocations*perAllocation)
		}
	}
}

func TestReceiverHasToPermit(t *testing.T) {
	s := serve(t, Config{})
	alice, bob := newRawClient(t, s, "udp", s.Credentials("alice")), newRawClient(t, s, "udp", s.Credentials("bob"))
	a, _ := alice.allocate()
	b, _ := bob.allocate()
	alice.permit(b.String())
	alice.send(b.String(), "uninvited")
	eventually(t, "the packet is refused", func() bool { return s.Stats().DroppedForbidden == 1 })
	bob.wantNothing()
	bob.permit(a.String())
	alice.send(b.String(), "welcome")
	bob.want(a.String(), "welcome")
	bob.send(a.String(), "thanks")
	alice.want(b.String(), "thanks")
}

func TestSenderHasToPermit(t *testing.T) {
	s := serve(t, Config{})
	alice, bob := newRawClient(t, s, "udp", s.Credentials("alice")), newRawClient(t, s, "udp", s.Credentials("bob"))
	a, _ := alice.allocate()
	b, _ := bob.allocate()
	bob.permit(a.String())
	alice.send(b.String(), "too early")
	alice.permit(b.String())
	alice.send(b.String(), "in time")
	bob.want(a.String(), "in time")
}

func TestClosedRelayReachesNothingElse(t *testing.T) {
	outside, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	self, _ := alice.allocate()
	gone := []string{
		outside.LocalAddr().String(),
		s.address(t, "udp"),
		fmt.Sprintf("127.0.0.1:%d", firstVirtualPort+(int(addrPort(self).Port())-firstVirtualPort+1)%virtualPorts),
		fmt.Sprintf("127.0.0.2:%d", addrPort(self).Port()),
		"8.8.8.8:53", "[2001:db8::1]:9", "127.0.0.1:0",
	}
	for _, peer := range gone {
		if code := alice.permit(peer); code != 0 {
			t.Errorf("CreatePermission %s: %d, want success: Firefox gives up otherwise", peer, code)
		}
		alice.send(peer, "anybody?")
	}
	alice.wantNothing() // all have been handled
	if got := s.Stats(); got.DroppedNowhere != uint64(len(gone)) || got.Packets != 0 {
		t.Errorf("stats %+v, want %d dropped", got, len(gone))
	}
}

func TestEvenPortsAreRefused(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	if _, code := alice.allocate(stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{0x80}}); code != stun.CodeInsufficientCapacity {
		t.Errorf("Allocate: %d, want 508", code)
	}
	if got := s.Stats().Allocations; got != 0 {
		t.Errorf("%d allocations", got)
	}
}

func TestCloseAllocationsCutsAPeerOff(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := serve(t, Config{})
			alice, bob := newRawClient(t, s, "udp", s.Credentials("alice")), newRawClient(t, s, network, s.Credentials("bob"))
			a, _ := alice.allocate()
			b, _ := bob.allocate()
			alice.permit(b.String())
			bob.permit(a.String())
			alice.send(b.String(), "hello")
			bob.want(a.String(), "hello")

			if n := s.CloseAllocations("bob"); n != 1 {
				t.Errorf("%d allocations were closed, want 1", n)
			}
			if n := s.CloseAllocations("bob"); n != 0 {
				t.Errorf("%d allocations were closed the second time", n)
			}
			alice.send(b.String(), "are you there?")
			bob.wantNothing()
			if got := s.Stats().Allocations; got != 1 {
				t.Errorf("%d allocations are left, want that of alice", got)
			}
			if again, code := bob.allocate(); code != 0 || again.String() == b.String() {
				t.Errorf("Allocate from the same address: %d, %v after %v", code, again, b)
			}
			if code := alice.refresh(600); code != 0 {
				t.Errorf("Refresh of the other peer: %d", code)
			}
		})
	}
}

// Pion, left to itself, deletes the allocation of a 5-tuple once more when the
// goroutine of an earlier one notices its end.
func TestAllocationAfterAnotherIsKept(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	for i := range 300 {
		if _, code := alice.allocate(); code != 0 {
			t.Fatalf("Allocate %d: %d", i, code)
		}
		if code := alice.refresh(0); code != 0 {
			t.Fatalf("Refresh %d: %d", i, code)
		}
	}
	if got := s.Stats(); got.AllocationsMade != 300 || got.Allocations != 0 {
		t.Errorf("stats %+v", got)
	}
}

// Pion panics when an allocation expires between its entering a permission and
// giving it a timer.
func TestNoPermissionAtTheEndOfAnAllocation(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	if _, code := alice.allocate(lifetime(1)); code != 0 {
		t.Fatalf("Allocate: %d", code)
	}
	if code := alice.permit("127.0.0.1:50001"); code != stun.CodeForbidden {
		t.Errorf("CreatePermission within a second of the end: %d, want 403", code)
	}
}

// A Refresh that meets the timer would leave it running for the next allocation
// of this 5-tuple.
func TestNoRefreshAtTheEndOfAnAllocation(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	if _, code := alice.allocate(lifetime(3)); code != 0 {
		t.Fatalf("Allocate: %d", code)
	}
	if code := alice.refresh(1); code != 0 {
		t.Errorf("Refresh in time: %d", code)
	}
	for _, seconds := range []uint32{600, 0} {
		if code := alice.refresh(seconds); code != stun.CodeAllocMismatch {
			t.Errorf("Refresh(%d) within a second of the end: %d, want 437", seconds, code)
		}
	}
	eventually(t, "the allocation expires", func() bool { return s.Stats().Allocations == 0 })
	if _, code := alice.allocate(); code != 0 {
		t.Errorf("Allocate anew: %d", code)
	}
}

func TestExpiredAllocationIsGone(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	alice.allocate(lifetime(1))
	eventually(t, "the allocation expires", func() bool { return s.Stats().Allocations == 0 })
	if _, code := alice.allocate(); code != 0 {
		t.Errorf("Allocate anew: %d", code)
	}
}

func TestClosingAConnectionEndsItsAllocation(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "tcp", s.Credentials("alice"))
	alice.allocate()
	alice.conn.Close()
	eventually(t, "the allocation is gone", func() bool { return s.Stats().Allocations == 0 })
}

func TestIPv6(t *testing.T) {
	for _, relay := range []Relay{RelayClosed, RelayOpen} {
		s := serve(t, Config{Listen: []string{"udp://[::1]:0", "tcp://[::1]:0"}, Relay: relay})
		alice, bob := newRawClient(t, s, "udp", s.Credentials("alice")), newRawClient(t, s, "tcp", s.Credentials("bob"))
		a, _ := alice.allocate()
		b, _ := bob.allocate()
		if addrPort(a).Addr() != netip.IPv6Loopback() {
			t.Errorf("relay %d: relayed address %v", relay, a)
		}
		alice.permit(b.String())
		bob.permit(a.String())
		alice.send(b.String(), "hello")
		bob.want(a.String(), "hello")
	}
}

// living is an allocation that has not ended.
func living() *allocation {
	a := new(allocation)
	a.rights.Store(new(rights))
	return a
}

func TestFullQueueDropsAndNeverBlocks(t *testing.T) {
	var stats counters
	all := newClosedRelays(netip.MustParseAddr("192.0.2.1"), &stats)
	sender, _, _ := all.open(living())
	slow, to, _ := all.open(living())
	for i := range queueLength + 10 {
		if took := sender.write([]byte{byte(i)}, to.AddrPort()); took != (i < queueLength) {
			t.Fatalf("packet %d: %v", i, took)
		}
	}
	buf := make([]byte, 16)
	if n, _, err := slow.read(buf); n != 1 || buf[0] != 0 || err != nil {
		t.Errorf("read %v, %v, want the oldest packet", buf[:n], err)
	}
	slow.close()
	if _, _, err := slow.read(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if sender.write(buf, to.AddrPort()) || stats.droppedFull.Load() != 10 || stats.droppedNowhere.Load() != 1 {
		t.Errorf("dropped %d and %d", stats.droppedFull.Load(), stats.droppedNowhere.Load())
	}
}

func TestVirtualPortsRestBeforeTheyComeBack(t *testing.T) {
	all := newClosedRelays(netip.MustParseAddr("192.0.2.1"), new(counters))
	seen := make(map[int]bool)
	kept, addr, _ := all.open(living())
	seen[addr.Port] = true
	for range virtualPorts - 1 {
		r, addr, err := all.open(living())
		if err != nil || seen[addr.Port] || addr.Port < firstVirtualPort {
			t.Fatalf("port %d, seen %v, %v", addr.Port, seen[addr.Port], err)
		}
		seen[addr.Port] = true
		r.close()
	}
	if r, again, err := all.open(living()); err != nil || again.Port == addr.Port || r == kept {
		t.Errorf("after the whole range: %v, %v", again, err)
	}
	for i := range virtualPorts - 2 {
		if _, _, err := all.open(living()); err != nil {
			t.Fatalf("port %d: %v", i, err)
		}
	}
	if _, _, err := all.open(living()); !errors.Is(err, errFull) {
		t.Errorf("beyond the range: %v", err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s, err := New(Config{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	_, a := allocate(t, s, "udp", "alice")
	_, b := allocate(t, s, "tcp", "bob")
	send(t, a, b.LocalAddr(), "in flight")
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	wantNoGoroutines(t)
	if err := s.Serve(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve again: %v, want ErrClosed", err)
	}
	if got := s.Stats().Allocations; got != 0 {
		t.Errorf("%d allocations are left", got)
	}
	s.Close()
}

func TestChannelNumbers(t *testing.T) {
	s := serve(t, Config{})
	alice, bob := newRawClient(t, s, "udp", s.Credentials("alice")), newRawClient(t, s, "tcp", s.Credentials("bob"))
	a, _ := alice.allocate()
	b, _ := bob.allocate()
	for number, want := range map[uint16]stun.ErrorCode{
		0x4000: 0, 0x3fff: stun.CodeBadRequest, 0x5000: stun.CodeBadRequest, 0xffff: stun.CodeBadRequest,
	} {
		if code := alice.bind(number, b.String()); code != want {
			t.Errorf("ChannelBind %#x: %d, want %d", number, code, want)
		}
	}
	if code := alice.bind(0x4000, a.String()); code != stun.CodeBadRequest {
		t.Errorf("ChannelBind of the number to another peer: %d, want 400", code)
	}
	bob.permit(a.String())
	alice.write([]byte{0x40, 0, 0, 2, 'h', 'i'})
	bob.want(a.String(), "hi")
}
