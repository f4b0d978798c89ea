//go:build amd64 || arm64

package turn

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A kernel has the system calls of a loop. None of them waits, but for
// writable; so the scheduler need not know, which costs as much as the packet.
type kernel interface {
	receive(fd uintptr, m []message) (int, syscall.Errno)
	send(fd uintptr, m []message) (int, syscall.Errno)
	// writable waits until the socket takes packets again, for so long at most.
	writable(fd uintptr, wait time.Duration)
}

// A message is struct mmsghdr.
type message struct {
	head unix.Msghdr
	n    uint32 // bytes received, or sent
	_    [4]byte
}

type linux struct{}

func (linux) receive(fd uintptr, m []message) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(unsafe.SliceData(m))), uintptr(len(m)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), e
}

func (linux) send(fd uintptr, m []message) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(unsafe.SliceData(m))), uintptr(len(m)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), e
}

func (linux) writable(fd uintptr, wait time.Duration) {
	// An error means that the wait was shorter. The send after it tells more.
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(wait.Milliseconds()))
}

// cmsgHeader is the length of struct cmsghdr, and what its data is aligned to.
const (
	cmsgHeader = 16
	cmsgAlign  = 8
)

// segmentSize returns how long the datagrams are that the kernel has merged into
// one message (UDP_GRO), by the control data that came with it: 0 if it is one
// datagram.
func segmentSize(control []byte) int {
	for len(control) >= cmsgHeader {
		n := binary.NativeEndian.Uint64(control)
		if n < cmsgHeader || n > uint64(len(control)) {
			return 0
		}
		level, kind := binary.NativeEndian.Uint32(control[8:]), binary.NativeEndian.Uint32(control[12:])
		if level == unix.SOL_UDP && kind == unix.UDP_GRO && n >= cmsgHeader+4 {
			return max(0, int(int32(binary.NativeEndian.Uint32(control[cmsgHeader:]))))
		}
		next := (n + cmsgAlign - 1) &^ (cmsgAlign - 1)
		control = control[min(next, uint64(len(control))):]
	}
	return 0
}

// putSegmentSize makes the control data that has the kernel cut a message into
// datagrams of so many bytes (UDP_SEGMENT).
func putSegmentSize(control *[cmsgHeader + cmsgAlign]byte, size int) {
	binary.NativeEndian.PutUint64(control[:], cmsgHeader+2)
	binary.NativeEndian.PutUint32(control[8:], unix.SOL_UDP)
	binary.NativeEndian.PutUint32(control[12:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(control[cmsgHeader:], uint16(size))
}

// A sockaddr is struct sockaddr_in or sockaddr_in6, as the kernel writes it.
type sockaddr [28]byte

// sockaddrOf returns the address of a client for a socket of IPv6, or of IPv4.
func sockaddrOf(client netip.AddrPort, v6 bool) (s sockaddr) {
	binary.BigEndian.PutUint16(s[2:], client.Port())
	if !v6 {
		binary.NativeEndian.PutUint16(s[:], unix.AF_INET)
		ip := client.Addr().As4()
		copy(s[4:], ip[:])
		return s
	}
	binary.NativeEndian.PutUint16(s[:], unix.AF_INET6)
	ip := client.Addr().As16()
	copy(s[8:], ip[:])
	scope, _ := strconv.ParseUint(client.Addr().Zone(), 10, 32) // 0 if there is none
	binary.NativeEndian.PutUint32(s[24:], uint32(scope))
	return s
}

func (s *sockaddr) v6() bool { return binary.NativeEndian.Uint16(s[:]) == unix.AF_INET6 }

// key is chanKey without anything between the kernel's form and the map's.
func (s *sockaddr) key(channel uint16) chanKey {
	k := chanKey{port: binary.BigEndian.Uint16(s[2:]), channel: channel}
	if s.v6() {
		copy(k.ip[:], s[8:24])
	} else {
		k.ip[10], k.ip[11] = 0xff, 0xff
		copy(k.ip[12:], s[4:8])
	}
	return k
}

// udpAddr is the address as pion wants it. The zone is a number.
func (s *sockaddr) udpAddr() *net.UDPAddr {
	port := int(binary.BigEndian.Uint16(s[2:]))
	if !s.v6() {
		return &net.UDPAddr{IP: append(net.IP(nil), s[4:8]...), Port: port}
	}
	addr := &net.UDPAddr{IP: netip.AddrFrom16([16]byte(s[8:24])).Unmap().AsSlice(), Port: port}
	if scope := binary.NativeEndian.Uint32(s[24:]); scope != 0 {
		addr.Zone = strconv.FormatUint(uint64(scope), 10)
	}
	return addr
}

func (s *sockaddr) length() uint32 {
	if s.v6() {
		return unix.SizeofSockaddrInet6
	}
	return unix.SizeofSockaddrInet4
}
