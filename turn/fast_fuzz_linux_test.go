//go:build amd64 || arm64

package turn

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func FuzzSegmentSize(f *testing.F) {
	merged := make([]byte, cmsgHeader+cmsgAlign)
	binary.NativeEndian.PutUint64(merged, cmsgHeader+4)
	binary.NativeEndian.PutUint32(merged[8:], unix.SOL_UDP)
	binary.NativeEndian.PutUint32(merged[12:], unix.UDP_GRO)
	binary.NativeEndian.PutUint32(merged[16:], 1200)
	other := bytes.Clone(merged)
	binary.NativeEndian.PutUint32(other[12:], unix.UDP_SEGMENT)
	f.Add(merged)
	f.Add(append(bytes.Clone(other), merged...))
	f.Add(merged[:19])
	f.Add(other)
	f.Add([]byte{})
	f.Add([]byte{24, 0, 0, 0, 0, 0, 0, 0x80, 17, 0, 0, 0, 104, 0, 0, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, control []byte) {
		got := segmentSize(control)
		if got < 0 {
			t.Fatalf("%d", got)
		}
		if bytes.Equal(control, merged) && got != 1200 {
			t.Errorf("got %d, want 1200", got)
		}
		// What comes behind it does not matter.
		if again := segmentSize(append(bytes.Clone(merged), control...)); again != 1200 {
			t.Errorf("with more behind it: %d", again)
		}
	})
}

func FuzzDataOf(f *testing.F) {
	f.Add([]byte{0x40, 0, 0, 2, 'h', 'i'})
	f.Add([]byte{0x4f, 0xff, 0, 1, 'x', 0, 0, 0})
	f.Add([]byte{0x40, 0, 0xff, 0xff})
	f.Add([]byte{0x50, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		data := dataOf(b)
		_, payload, ok := decodeData(b)
		if ok != (data != nil) || ok && !bytes.Equal(data[channelHeader:], payload) {
			t.Fatalf("%x: %x, want %x (%v)", b, data, payload, ok)
		}
		if data != nil && !wellFormed(b) {
			t.Errorf("%x is data, and not well-formed", b)
		}
	})
}

// An endless kernel receives the same packets again and again, and cuts and keeps
// what is sent, or only counts it.
type endless struct {
	in     [][]byte // one message each
	from   sockaddr
	keep   bool
	out    [][]byte
	sent   int
	failed string
}

func (k *endless) receive(_ uintptr, m []message) (int, syscall.Errno) {
	for i, b := range k.in {
		copy(unsafe.Slice(m[i].head.Iov.Base, m[i].head.Iov.Len), b)
		copy(unsafe.Slice(m[i].head.Name, m[i].head.Namelen), k.from[:])
		m[i].n, m[i].head.Controllen = uint32(len(b)), 0
	}
	return len(k.in), 0
}

func (k *endless) send(_ uintptr, m []message) (int, syscall.Errno) {
	for i := range m {
		h := &m[i].head
		k.sent += int(h.Iovlen)
		if k.keep {
			k.cut(h)
		}
	}
	return len(m), 0
}

// cut does what the kernel does, which takes no message that breaks its rules.
func (k *endless) cut(h *unix.Msghdr) {
	var all []byte
	for _, v := range unsafe.Slice(h.Iov, h.Iovlen) {
		all = append(all, unsafe.Slice(v.Base, v.Len)...)
	}
	size := len(all)
	if h.Controllen > 0 {
		size = int(binary.NativeEndian.Uint16(unsafe.Slice(h.Control, h.Controllen)[cmsgHeader:]))
	}
	if len(all) > maxMessage || size == 0 || (len(all)+size-1)/size > maxSegments || h.Iovlen > 1 && h.Controllen == 0 {
		k.failed = "a message that the kernel would not take"
		return
	}
	for len(all) > 0 {
		n := min(size, len(all))
		k.out, all = append(k.out, all[:n]), all[n:]
	}
}

func (*endless) writable(uintptr, time.Duration) {}

// fakeLoop is a loop of a kernel that is none, with one channel from alice to bob.
func fakeLoop(t testing.TB, k *endless) *loop {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	srv := new(Server)
	path := newFastPath(srv)
	l := newLoop(conn, path, fastOptions{kernel: k}).(*loop)
	l.segmenting = true
	all := newClosedRelays(netip.MustParseAddr("192.0.2.1"), &srv.stats)
	e := &edge{srv: srv, conn: l, fast: path}
	make1 := func(port uint16) *allocation {
		a := living()
		a.edge, a.client = e, netip.AddrPortFrom(netip.MustParseAddr("198.51.100.7"), port)
		a.relay, a.addr, err = all.open(a)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	alice, bob := make1(1), make1(2)
	for _, side := range []struct {
		of, to *allocation
		number uint16
	}{{alice, bob, 0x4000}, {bob, alice, 0x4001}} {
		c := channel{side.number, side.to.addr.AddrPort()}
		side.of.change(func(r *rights) *rights { return r.withPermission(all.public, true).withChannel(c, true) })
		path.Bind(side.of, c)
	}
	k.from = sockaddrOf(alice.client, false)
	return l
}

func TestNoAllocationForAPacket(t *testing.T) {
	k := new(endless)
	for i := range slots {
		k.in = append(k.in, append([]byte{0x40, 0, 0, 100}, make([]byte, 100+i%3)...))
	}
	l := fakeLoop(t, k)
	buf := make([]byte, maxPacket)
	round := func() {
		l.receive(0)
		if n, addr := l.relay(buf); addr != nil {
			t.Fatalf("a packet of %d bytes was left to pion", n)
		}
	}
	round() // makes the outbox
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations in a round", n)
	}
	if k.sent != 102*slots {
		t.Errorf("%d packets were sent, want %d", k.sent, 102*slots)
	}
}

// What the kernel cuts is what was put in, whatever the lengths.
func FuzzRuns(f *testing.F) {
	f.Add([]byte{100, 100, 100, 100, 50, 100, 100, 100, 101, 0, 0, 0, 0})
	f.Add(bytes.Repeat([]byte{255}, 200))
	f.Add(bytes.Repeat([]byte{9}, 130))
	f.Fuzz(func(t *testing.T, lengths []byte) {
		k := &endless{keep: true}
		l := fakeLoop(t, k)
		var want [][]byte
		buf := make([]byte, maxPacket)
		for i := 0; i < len(lengths); i += slots {
			k.in = nil
			for j, n := range lengths[i:min(i+slots, len(lengths))] {
				length := int(n) * 6 // up to 1530
				b := append([]byte{0x40, 0, byte(length >> 8), byte(length)}, bytes.Repeat([]byte{byte(i + j)}, length)...)
				k.in = append(k.in, b)
				out := bytes.Clone(b)
				out[1] = 1
				want = append(want, out)
			}
			l.receive(0)
			if _, addr := l.relay(buf); addr != nil {
				t.Fatal("a packet was left to pion")
			}
		}
		if k.failed != "" || len(k.out) != len(want) {
			t.Fatalf("%s; %d datagrams came out, %d went in", k.failed, len(k.out), len(want))
		}
		for i := range want {
			if !bytes.Equal(k.out[i], want[i]) {
				t.Fatalf("datagram %d of %d bytes is another one, of %d", i, len(want[i]), len(k.out[i]))
			}
		}
	})
}
