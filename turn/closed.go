package turn

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

const (
	firstVirtualPort = 50001 // Chromium refuses low ones
	virtualPorts     = 65536 - firstVirtualPort

	// queueLength is how many packets may wait for one allocation: a key frame
	// at 1080p is about 100.
	queueLength = 256

	// senders is how many kinds of senders a receiver tells apart, by port.
	senders = 8
)

// closedRelays relays in memory. The zero value but for public and stats is
// ready; ports are given in turn, so that a freed one rests for as long as
// possible and no latecomer's packet reaches the wrong client.
type closedRelays struct {
	public netip.Addr
	stats  *counters

	live [virtualPorts]atomic.Pointer[closedRelay] // by port - firstVirtualPort

	mu   sync.Mutex // guards next, and giving ports
	next int
}

func newClosedRelays(public netip.Addr, stats *counters) *closedRelays {
	return &closedRelays{public: public, stats: stats, next: rand.IntN(virtualPorts)}
}

// permits is true for every address: nothing beyond the server is reached.
func (c *closedRelays) permits(netip.Addr) bool { return true }

func (c *closedRelays) open(owner *allocation) (relay, *net.UDPAddr, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range virtualPorts {
		i := c.next
		c.next = (c.next + 1) % virtualPorts
		if c.live[i].Load() != nil {
			continue
		}
		at := netip.AddrPortFrom(c.public, uint16(firstVirtualPort+i))
		r := &closedRelay{all: c, index: i, addr: net.UDPAddrFromAddrPort(at), owner: owner}
		r.arrived.L = &r.mu
		c.live[i].Store(r)
		return r, r.addr, nil
	}
	return nil, nil, errFull
}

// at returns the relay with this relayed address, or nil if there is none whose
// allocation lives.
func (c *closedRelays) at(addr netip.AddrPort) *closedRelay {
	i := int(addr.Port()) - firstVirtualPort
	if i < 0 || addr.Addr() != c.public {
		return nil
	}
	if r := c.live[i].Load(); r != nil && r.owner.rights.Load() != nil {
		return r
	}
	return nil
}

// A packet waits in the queue of one closedRelay.
type packet struct {
	from *closedRelay
	n    int
	data [maxPacket]byte
}

var packets = sync.Pool{New: func() any { return new(packet) }}

// A closedRelay is a relayed address that is no socket.
type closedRelay struct {
	all   *closedRelays // static
	index int           // static
	addr  *net.UDPAddr  // static, as is what it points to: every receiver gets it
	owner *allocation   // static

	// under is how many packets are in the queue or on their way from it to
	// the client, by sender: no other packet of that sender may overtake them.
	under [senders]atomic.Int32
	last  *closedRelay // whose packet read returned last; owned by the reader

	mu      sync.Mutex           // guards the following
	arrived sync.Cond            // a packet, or close
	queue   [queueLength]*packet // a ring: count packets from head on
	head    int
	count   int
	closed  bool
}

func (r *closedRelay) write(b []byte, to netip.AddrPort) bool {
	dst := r.all.at(to)
	if dst == nil {
		r.all.stats.droppedNowhere.Add(1)
		return false
	}
	p := packets.Get().(*packet)
	p.from, p.n = r, copy(p.data[:], b)
	dst.under[r.index%senders].Add(1)
	if !dst.push(p) {
		dst.under[r.index%senders].Add(-1)
		packets.Put(p)
		r.all.stats.droppedFull.Add(1)
		return false
	}
	return true
}

// push takes p over if it returns true.
func (r *closedRelay) push(p *packet) bool {
	r.mu.Lock()
	ok := r.count < queueLength && !r.closed
	if ok {
		r.queue[(r.head+r.count)%queueLength] = p
		r.count++
	}
	r.mu.Unlock()
	if ok {
		r.arrived.Signal()
	}
	return ok
}

// waitsFor says whether packets of from are still to be delivered to r.
func (r *closedRelay) waitsFor(from *closedRelay) bool {
	return r.under[from.index%senders].Load() != 0
}

func (r *closedRelay) read(b []byte) (int, net.Addr, error) {
	if r.last != nil {
		r.under[r.last.index%senders].Add(-1) // pion has written it
		r.last = nil
	}
	r.mu.Lock()
	for r.count == 0 && !r.closed {
		r.arrived.Wait()
	}
	if r.closed {
		r.mu.Unlock()
		return 0, nil, net.ErrClosed
	}
	p := r.queue[r.head]
	r.queue[r.head] = nil
	r.head = (r.head + 1) % queueLength
	r.count--
	r.mu.Unlock()

	n := copy(b, p.data[:p.n])
	r.last = p.from
	p.from = nil
	packets.Put(p)
	return n, r.last.addr, nil
}

func (r *closedRelay) close() {
	r.all.live[r.index].CompareAndSwap(r, nil)
	r.mu.Lock()
	r.closed = true
	clear(r.queue[:])
	r.count = 0
	r.mu.Unlock()
	r.arrived.Broadcast()
}
