//go:build amd64 || arm64

package turn

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketBuffer is how many bytes a socket may hold in either direction, if the
// system lets us: 20 ms at a gigabit and more.
const socketBuffer = 4 << 20

// maxLoops is the default at most: more CPUs are rarely there for TURN alone,
// and each loop has a few megabytes of buffers.
const maxLoops = 8

// fastOptions are for tests: what a kernel may lack, and faults.
type fastOptions struct {
	plain     bool   // no loop
	noOffload bool   // neither UDP_GRO nor UDP_SEGMENT
	kernel    kernel // instead of the system's
}

// A loop is a UDP socket of which pion reads what the fast path leaves. It is
// pion's reading goroutine that relays: in each round it receives many packets
// with one call, hands data of bindings that are ready to the kernel in as few
// calls as possible, and stops at the first packet for pion, when all before it
// is sent. So nothing is queued, and nothing overtakes.
type loop struct {
	*net.UDPConn // writes of pion, deadlines, Close

	path       *fastPath       // static
	raw        syscall.RawConn // static
	kernel     kernel          // static
	local      netip.AddrPort  // static
	v6         bool            // static: addresses have the form of IPv6
	segmenting bool            // static: UDP_SEGMENT is known

	// Owned by the reader, and guarded by path.mu while it looks at packets.
	in    inbox
	outs  []*outbox // one for each socket that packets have left by
	errno syscall.Errno

	receiveAll func(uintptr) bool // static: receive, made once
}

// newLoop returns a loop that reads conn, or nil if conn is not a socket of UDP
// or the system lacks what it takes; then packets are read one by one.
func newLoop(conn net.PacketConn, path *fastPath, o fastOptions) net.PacketConn {
	udp, ok := conn.(*net.UDPConn)
	if !ok || o.plain {
		return nil
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil
	}
	l := &loop{UDPConn: udp, path: path, raw: raw, kernel: o.kernel, local: addrPort(udp.LocalAddr())}
	if l.kernel == nil {
		l.kernel = linux{}
	}
	slot := slotSize
	if err := raw.Control(func(fd uintptr) {
		ok = l.look(int(fd))
		if ok && !o.noOffload {
			// By asking, never by trying: an old kernel would send one huge datagram.
			l.segmenting = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 0) == nil
			if unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1) == nil {
				slot = mergedSlotSize
			}
		}
	}); err != nil || !ok {
		return nil
	}
	l.in.init(slot)
	l.receiveAll = l.receive
	return l
}

// look finds out what kind of socket it is, and if calls for many messages are
// allowed: some sandboxes know the single ones only.
func (l *loop) look(fd int) bool {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	_, l.v6 = name.(*unix.SockaddrInet6)
	for _, option := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, option[0], socketBuffer) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option[1], socketBuffer) // as much as is allowed
		}
	}
	_, received := linux{}.receive(uintptr(fd), nil)
	_, sent := linux{}.send(uintptr(fd), nil)
	return received == 0 && sent == 0
}

// ReadFrom relays until there is a packet for pion.
func (l *loop) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if n, client := l.relay(b); client != nil {
			return n, client, nil
		}
		if err := l.raw.Read(l.receiveAll); err != nil {
			return 0, nil, err
		}
		if l.errno != 0 {
			return 0, nil, os.NewSyscallError("recvmmsg", l.errno)
		}
	}
}

// receive is called with the socket when there may be something. It returns
// false to be called again then.
func (l *loop) receive(fd uintptr) bool {
	for {
		l.errno = l.in.receive(l.kernel, fd)
		if l.errno != syscall.EINTR {
			return l.errno != syscall.EAGAIN
		}
	}
}

// relay goes on with what was received, up to and with the first packet for
// pion, which it copies to b.
func (l *loop) relay(b []byte) (int, net.Addr) {
	l.path.mu.Lock()
	defer l.path.mu.Unlock()
	defer l.flush()
	for {
		d, ok := l.in.datagram()
		switch {
		case !ok:
			return 0, nil
		case len(d) >= len(b) || !wellFormed(d):
			l.path.srv.stats.droppedMalformed.Add(1)
		case isChannelData(d) && l.pass(dataOf(d)):
		default:
			return copy(b, d), l.in.from.udpAddr()
		}
	}
}

// pass relays data past pion, or drops it, if the binding is ready.
func (l *loop) pass(data []byte) bool {
	b := l.path.readyLocked(l.in.from.key(binary.BigEndian.Uint16(data)))
	if b == nil {
		return false
	}
	to, ok := b.route.to.owner.edge.conn.(*loop)
	if !ok {
		return false
	}
	if b.admit(data[channelHeader:]) {
		binary.BigEndian.PutUint16(data, b.route.number)
		l.outbox(to).add(b, data)
	}
	return true
}

// outbox returns that of the socket of to, or of another one with the same
// address, which is as good: best our own.
func (l *loop) outbox(to *loop) *outbox {
	for _, o := range l.outs {
		if o.via.local == to.local {
			return o
		}
	}
	via := to
	if l.local == to.local {
		via = l
	}
	o := newOutbox(via, l)
	l.outs = append(l.outs, o)
	return o
}

func (l *loop) flush() {
	for _, o := range l.outs {
		o.flush()
	}
}

// listenUDP opens sockets with one address, for as many loops: the system
// spreads clients over them. Zero means one for each CPU.
func listenUDP(addr string, loops int) ([]net.PacketConn, error) {
	first, err := net.ListenPacket("udp", addr) // alone, so that it fails if the port is taken
	if err != nil {
		return nil, err
	}
	all := []net.PacketConn{first}
	if loops == 0 {
		loops = min(runtime.GOMAXPROCS(0), maxLoops)
	}
	raw, err := first.(*net.UDPConn).SyscallConn()
	if err != nil || loops == 1 || shareAddress("", "", raw) != nil {
		return all, nil
	}
	listen := net.ListenConfig{Control: shareAddress}
	for range loops - 1 {
		conn, err := listen.ListenPacket(context.Background(), "udp", first.LocalAddr().String())
		if err != nil {
			break // fewer will do
		}
		all = append(all, conn)
	}
	return all, nil
}

func shareAddress(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err == nil {
		err = failed
	}
	return err
}
