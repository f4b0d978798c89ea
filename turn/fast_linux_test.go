//go:build amd64 || arm64

package turn

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A spy is the system's kernel, but for what before says of the sending.
type spy struct {
	linux
	merged atomic.Int64 // messages the kernel was asked to cut

	mu     sync.Mutex
	before func(m []message) (n int, err syscall.Errno, done bool) // done: the kernel is not asked
	waits  int
}

func (k *spy) send(fd uintptr, m []message) (int, syscall.Errno) {
	k.mu.Lock()
	before := k.before
	k.mu.Unlock()
	if before != nil {
		n, err, done := before(m)
		if done {
			return n, err
		}
		m = m[:n]
	}
	for i := range m { // before anybody has got them
		if m[i].head.Controllen > 0 {
			k.merged.Add(1)
		}
	}
	return k.linux.send(fd, m)
}

func (k *spy) writable(fd uintptr, wait time.Duration) {
	k.mu.Lock()
	k.waits++
	k.mu.Unlock()
	k.linux.writable(fd, wait)
}

func (k *spy) sendsWith(before func(m []message) (int, syscall.Errno, bool)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.before = before
}

// burst sends data in a channel in one system call: texts of one length, but for
// the last one.
func (c *rawClient) burst(channel uint16, texts ...string) {
	c.t.Helper()
	var b []byte
	for _, text := range texts {
		b = binary.BigEndian.AppendUint16(b, channel)
		b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
		b = append(b, text...)
	}
	var control [cmsgHeader + cmsgAlign]byte
	putSegmentSize(&control, channelHeader+len(texts[0]))
	if _, _, err := c.conn.(*net.UDPConn).WriteMsgUDP(b, control[:], c.server.(*net.UDPAddr)); err != nil {
		c.t.Fatal(err)
	}
}

// numbered makes n texts of one length, the last one shorter.
func numbered(n, length int) []string {
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf("%0*d", length, i))
	}
	texts[n-1] = texts[n-1][1:]
	return texts
}

func TestBurstsStayTogether(t *testing.T) {
	for _, listen := range []string{"udp://127.0.0.1:0", "udp://[::1]:0"} {
		k := new(spy)
		s := serve(t, Config{Listen: []string{listen}, Loops: 1, fast: fastOptions{kernel: k}})
		alice, bob := pair(t, s, "udp", "udp")
		for _, n := range []int{2, 8, 40, 60} {
			before := k.merged.Load()
			texts := numbered(n, 1000)
			alice.burst(0x4000, texts...)
			for _, text := range texts {
				bob.wantData(0x4001, text)
			}
			if got := k.merged.Load() - before; n >= minSegments && got != 1 || n < minSegments && got != 0 {
				t.Errorf("%s: %d datagrams in one call left in %d messages that the kernel cut", listen, n, got)
			}
		}
	}
}

// A burst may hold anything: data of several channels, requests, and junk.
func TestMixedBurst(t *testing.T) {
	s := serve(t, Config{Listen: []string{"udp://127.0.0.1:0"}, Loops: 1})
	alice, bob := pair(t, s, "udp", "udp")
	carol := newRawClient(t, s, "udp", s.Credentials("carol"))
	c, _ := carol.allocate()
	bindTo(t, alice, 0x4005, c.String())
	bindTo(t, carol, 0x4006, allocationOf(t, s, alice).addr.String())
	request := alice.request(1).Raw // Binding
	part := func(channel uint16, text string) []byte {
		b := binary.BigEndian.AppendUint16(nil, channel)
		b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
		return append(append(b, text...), make([]byte, len(request)-channelHeader-len(text))...) // the rest is padding
	}
	junk := slices.Repeat([]byte{0xff}, len(request))
	b := slices.Concat(part(0x4000, "to bob"), part(0x4005, "to carol"), junk, request, part(0x4005, "carol again"), part(0x4000, "bob again"), part(0x4007, "to nobody"))
	var control [cmsgHeader + cmsgAlign]byte
	putSegmentSize(&control, len(request))
	if _, _, err := alice.conn.(*net.UDPConn).WriteMsgUDP(b, control[:], alice.server.(*net.UDPAddr)); err != nil {
		t.Fatal(err)
	}
	bob.wantData(0x4001, "to bob")
	bob.wantData(0x4001, "bob again")
	carol.wantData(0x4006, "to carol")
	carol.wantData(0x4006, "carol again")
	if m := alice.read(); m == nil || m.Type.Method != 1 {
		t.Errorf("got %v, want the answer to the request", m)
	}
}

// Whatever the system says to a send, what it did not take is sent in another
// way or counted, and the rest is not touched.
func TestFaultsOfSending(t *testing.T) {
	const burst = 20
	cut := func(m []message) bool { return m[0].head.Iovlen > 1 }
	once := func(errno syscall.Errno, applies func([]message) bool) func() func([]message) (int, syscall.Errno, bool) {
		return func() func([]message) (int, syscall.Errno, bool) {
			done := false
			return func(m []message) (int, syscall.Errno, bool) {
				if !done && applies(m) {
					done = true
					return -1, errno, true
				}
				return len(m), 0, false
			}
		}
	}
	always := func(errno syscall.Errno, applies func([]message) bool) func() func([]message) (int, syscall.Errno, bool) {
		return func() func([]message) (int, syscall.Errno, bool) {
			return func(m []message) (int, syscall.Errno, bool) {
				if applies(m) {
					return -1, errno, true
				}
				return len(m), 0, false
			}
		}
	}
	data := func(m []message) bool { return *m[0].head.Iov.Base>>4 == 4 }
	tests := []struct {
		name    string
		fault   func() func([]message) (int, syscall.Errno, bool)
		dropped int
		rests   bool // the socket does without UDP_SEGMENT afterwards
	}{
		{"cut refused with EIO", always(unix.EIO, cut), 0, true},
		{"cut refused with EINVAL", always(unix.EINVAL, cut), 0, true},
		{"cut refused with EMSGSIZE", always(unix.EMSGSIZE, cut), 0, false},
		{"full for a moment", once(unix.EAGAIN, data), 0, false},
		{"full", always(unix.EAGAIN, data), burst, false},
		{"interrupted", once(unix.EINTR, data), 0, false},
		{"firewall", always(unix.EPERM, data), burst, false},
		{"one at a time", func() func([]message) (int, syscall.Errno, bool) {
			return func(m []message) (int, syscall.Errno, bool) { return 1, 0, false }
		}, 0, false},
		{"nothing and no error", func() func([]message) (int, syscall.Errno, bool) {
			return func(m []message) (int, syscall.Errno, bool) { return 0, 0, data(m) }
		}, burst, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := new(spy)
			s := serve(t, Config{Listen: []string{"udp://127.0.0.1:0"}, Loops: 1, fast: fastOptions{kernel: k}})
			alice, bob := pair(t, s, "udp", "udp")
			texts := numbered(burst, 900)
			k.sendsWith(tt.fault())
			alice.burst(0x4000, texts...)
			a := allocationOf(t, s, alice)
			eventually(t, "the burst has been dealt with", func() bool {
				got := a.sent()
				return got.packets+got.dropped == burst
			})
			k.sendsWith(nil)
			if got := a.sent(); got.dropped != uint64(tt.dropped) {
				t.Fatalf("%+v, want %d dropped", got, tt.dropped)
			}
			if got := s.Stats(); got.DroppedSend != uint64(tt.dropped) || got.Packets != uint64(burst-tt.dropped) {
				t.Errorf("stats %+v, want %d dropped", got, tt.dropped)
			}
			for _, text := range texts[:burst-tt.dropped] {
				bob.wantData(0x4001, text)
			}
			k.merged.Store(0)
			alice.burst(0x4000, texts...)
			for _, text := range texts {
				bob.wantData(0x4001, text)
			}
			if got := k.merged.Load() == 0; got != tt.rests {
				t.Errorf("the socket does without UDP_SEGMENT: %v, want %v", got, tt.rests)
			}
		})
	}
}

// On return from CloseAllocations nothing to or from the peer is on its way to
// the kernel any more, whichever loop has it.
func TestNothingIsUnderWayAfterAKick(t *testing.T) {
	k := new(spy)
	s := serve(t, Config{Listen: []string{"udp://127.0.0.1:0"}, Loops: 3, fast: fastOptions{kernel: k}})
	for round := range 30 {
		alice, bob := pair(t, s, "udp", "udp")
		names := map[sockaddr]bool{sockaddrOf(addrPort(alice.conn.LocalAddr()), false): true}
		var over, late atomic.Bool
		var sent atomic.Int64
		k.sendsWith(func(m []message) (int, syscall.Errno, bool) {
			for i := range m {
				name := sockaddr(append(unsafe.Slice(m[i].head.Name, 16), make([]byte, 12)...))
				if *m[i].head.Iov.Base>>4 == 4 && names[name] {
					sent.Add(1)
					if over.Load() {
						late.Store(true)
					}
				}
			}
			return len(m), 0, false
		})
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					bob.burst(0x4001, numbered(5, 100)...)
				}
			}
		})
		eventually(t, "data flows", func() bool { return sent.Load() > 3 })
		s.CloseAllocations("alice")
		over.Store(true)
		bob.wantNothing()
		close(stop)
		wg.Wait()
		if late.Load() {
			t.Fatalf("round %d: data was sent after the kick", round)
		}
		k.sendsWith(nil)
		s.CloseAllocations("bob")
	}
}
