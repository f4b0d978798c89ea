//go:build amd64 || arm64

package turn

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// slots is how many messages are received with one call.
	slots = 64

	// A slot holds one datagram, or what the kernel has merged of one sender.
	slotSize       = 2048
	mergedSlotSize = 65536
)

// An inbox is what one call has received, datagram by datagram.
type inbox struct {
	messages [slots]message
	vectors  [slots]unix.Iovec
	names    [slots]sockaddr
	control  [slots][64]byte
	data     []byte // of all slots
	slot     int    // the size of one

	n    int // messages received
	next int // the message after the one that is looked at

	rest []byte    // of the message that is looked at
	cut  int       // its datagrams are that long, the last one perhaps less
	from *sockaddr // its sender
}

func (in *inbox) init(slot int) {
	in.slot = slot
	in.data = make([]byte, slots*slot)
	for i := range in.messages {
		in.vectors[i] = unix.Iovec{Base: &in.data[i*slot], Len: uint64(slot)}
		in.messages[i].head = unix.Msghdr{Name: &in.names[i][0], Iov: &in.vectors[i], Iovlen: 1, Control: &in.control[i][0]}
		in.reset(i)
	}
}

func (in *inbox) reset(i int) {
	h := &in.messages[i].head
	h.Namelen, h.Controllen, h.Flags = uint32(len(in.names[i])), uint64(len(in.control[i])), 0
}

// receive fills an inbox that has been looked at.
func (in *inbox) receive(k kernel, fd uintptr) syscall.Errno {
	for i := range in.n {
		in.reset(i)
	}
	in.n, in.next = 0, 0
	n, err := k.receive(fd, in.messages[:])
	if err == 0 {
		in.n = n
	}
	return err
}

// datagram returns the next one. Those that were cut short are nil. It is not
// ok if there is none left.
func (in *inbox) datagram() (data []byte, ok bool) {
	if len(in.rest) == 0 {
		if in.next == in.n {
			return nil, false
		}
		i := in.next
		in.next++
		m := &in.messages[i]
		in.from = &in.names[i]
		if m.head.Flags&unix.MSG_TRUNC != 0 {
			return nil, true
		}
		in.rest = in.data[i*in.slot:][:min(int(m.n), in.slot)]
		in.cut = segmentSize(in.control[i][:min(m.head.Controllen, uint64(len(in.control[i])))])
		if in.cut == 0 {
			in.cut = len(in.rest)
		}
	}
	n := min(in.cut, len(in.rest))
	data, in.rest = in.rest[:n:n], in.rest[n:]
	return data, true
}
