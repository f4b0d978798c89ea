//go:build amd64 || arm64

package turn

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxSegments is how many datagrams one message may be cut into on every
	// kernel that can.
	maxSegments = 64

	// maxMessage is how many bytes there may be in one message.
	maxMessage = 65507

	// minSegments is from how many datagrams on it pays to have the kernel cut.
	minSegments = 3

	// maxRuns is how many runs wait before they are sent.
	maxRuns = 64

	// segmentingRests is for how long a socket does without UDP_SEGMENT after a
	// device could not do it.
	segmentingRests = time.Minute

	// fitsAnyPath is what a datagram may have within the least packet of IPv6
	// (RFC 8200 §5), 1280 bytes. Longer ones may be refused for their length.
	fitsAnyPath = 1232

	// fullWait is for how long a full socket is waited for, before what does
	// not fit is dropped. Clients that are refused something at that moment
	// wait, too.
	fullWait = 2 * time.Millisecond
)

// A run is datagrams of one binding that can go out as one message: all of one
// length, but for the last one, which may be shorter.
type run struct {
	binding  *binding
	name     sockaddr
	segments [maxSegments]unix.Iovec
	n        int
	size     int // of the first
	total    int
	complete bool // the last one was shorter
}

func (r *run) begin(b *binding, name sockaddr, data []byte) {
	r.binding, r.name, r.n, r.size, r.total, r.complete = b, name, 0, len(data), 0, false
	r.take(data)
}

// take appends a datagram if it fits. It keeps data.
func (r *run) take(data []byte) bool {
	if r.complete || r.n == maxSegments || len(data) > r.size || r.total+len(data) > maxMessage {
		return false
	}
	r.segments[r.n] = unix.Iovec{Base: &data[0], Len: uint64(len(data))}
	r.n++
	r.total += len(data)
	r.complete = len(data) < r.size
	return true
}

// A part is what one message sends: segments of a run.
type part struct {
	run      *run
	from, to int
}

func (p part) count() (t traffic) {
	for _, s := range p.run.segments[p.from:p.to] {
		t.packets++
		t.bytes += s.Len - channelHeader
	}
	return t
}

// A place is where the last packet of a binding is, to see if the next can go
// with it.
type place struct {
	out   *outbox
	run   int
	round uint64 // of out
}

// An outbox is what leaves by one socket at the end of a round.
type outbox struct {
	srv        *Server   // static
	via        *loop     // static: whose socket it is
	kernel     kernel    // static
	segmenting bool      // static: the socket knows UDP_SEGMENT
	rests      time.Time // until when it does without, or zero

	round uint64 // of the runs
	runs  [maxRuns]run
	used  int

	messages [maxRuns]message
	control  [maxRuns][cmsgHeader + cmsgAlign]byte
	parts    [maxRuns]part
	filled   int
	waited   bool // for the socket, in this round

	done, dropped traffic            // of this round
	writeAll      func(uintptr) bool // static: flushTo, made once
}

func newOutbox(via *loop, by *loop) *outbox {
	o := &outbox{srv: by.path.srv, via: via, kernel: by.kernel, segmenting: via.segmenting, round: 1}
	o.writeAll = func(fd uintptr) bool {
		o.flushTo(fd)
		return true
	}
	return o
}

// add takes data that b sends until the next flush, which it may bring on. It
// keeps data.
func (o *outbox) add(b *binding, data []byte) {
	if b.round == o.round && b.out == o && o.runs[b.run].take(data) {
		return
	}
	if o.used == maxRuns {
		o.flush()
	}
	o.runs[o.used].begin(b, sockaddrOf(b.route.to.owner.client, o.via.v6), data)
	b.out, b.run, b.round = o, o.used, o.round
	o.used++
}

// flush hands all runs to the kernel, which takes each or not, and counts them.
func (o *outbox) flush() {
	if o.used == 0 {
		return
	}
	if o.via.raw.Write(o.writeAll) != nil {
		for i := range o.used { // the socket is closed
			o.drop(part{&o.runs[i], 0, o.runs[i].n})
		}
	}
	o.srv.stats.packets.Add(o.done.packets)
	o.srv.stats.bytes.Add(o.done.bytes)
	o.srv.stats.droppedSend.Add(o.dropped.dropped)
	o.done, o.dropped = traffic{}, traffic{}
	o.used, o.waited = 0, false
	o.round++
}

func (o *outbox) flushTo(fd uintptr) {
	segmenting := o.segmenting && (o.rests.IsZero() || time.Now().After(o.rests))
	for i := range o.used {
		r := &o.runs[i]
		if segmenting && r.n >= minSegments {
			o.put(fd, part{r, 0, r.n})
			continue
		}
		for s := range r.n {
			o.put(fd, part{r, s, s + 1})
		}
	}
	o.send(fd)
}

// put makes a message of p, and sends those there are when it is the last that
// fits.
func (o *outbox) put(fd uintptr, p part) {
	h := &o.messages[o.filled].head
	*h = unix.Msghdr{Name: &p.run.name[0], Namelen: p.run.name.length(), Iov: &p.run.segments[p.from], Iovlen: uint64(p.to - p.from)}
	if p.to-p.from > 1 {
		c := &o.control[o.filled]
		putSegmentSize(c, p.run.size)
		h.Control, h.Controllen = &c[0], uint64(len(c))
	}
	o.parts[o.filled] = p
	if o.filled++; o.filled == len(o.messages) {
		o.send(fd)
	}
}

// send sends the messages. The kernel stops at the first that it does not take:
// that one is dealt with, and the rest is sent.
func (o *outbox) send(fd uintptr) {
	messages, parts := o.messages[:o.filled], o.parts[:o.filled]
	o.filled = 0
	for len(messages) > 0 {
		n, err := o.kernel.send(fd, messages)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN && !o.waited:
			o.waited = true
			o.kernel.writable(fd, fullWait)
			continue
		case err == syscall.EAGAIN:
			for _, p := range parts {
				o.drop(p)
			}
			return
		case err != 0 || n <= 0:
			o.refused(fd, parts[0], err)
			n = 1
		default:
			n = min(n, len(parts))
			for _, p := range parts[:n] {
				o.count(p)
			}
		}
		messages, parts = messages[n:], parts[n:]
	}
}

// refused deals with a part that the kernel does not take. If it was to be cut,
// they are sent one by one. If they go that way, and are not too long for one
// packet, the device can't cut (EIO, EINVAL), and is not asked for a while. All
// other errors are about this destination alone.
func (o *outbox) refused(fd uintptr, p part, err syscall.Errno) {
	if p.to-p.from == 1 {
		o.drop(p)
		return
	}
	unable := err == syscall.EIO || err == syscall.EINVAL && p.run.size <= fitsAnyPath
	var one [1]message
	for i := p.from; i < p.to; i++ {
		one[0].head = unix.Msghdr{Name: &p.run.name[0], Namelen: p.run.name.length(), Iov: &p.run.segments[i], Iovlen: 1}
		single := part{p.run, i, i + 1}
		if n, err := o.kernel.send(fd, one[:]); err == 0 && n == 1 {
			if unable {
				o.rests = time.Now().Add(segmentingRests)
			}
			o.count(single)
		} else {
			o.drop(single)
		}
	}
}

func (o *outbox) count(p part) {
	t := p.count()
	p.run.binding.traffic = p.run.binding.traffic.plus(t)
	o.done = o.done.plus(t)
}

func (o *outbox) drop(p part) {
	t := traffic{dropped: uint64(p.to - p.from)}
	p.run.binding.traffic = p.run.binding.traffic.plus(t)
	o.dropped = o.dropped.plus(t)
}
