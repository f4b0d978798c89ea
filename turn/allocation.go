package turn

import (
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// relays makes the far side of allocations. There are two kinds: closedRelays
// and openRelays.
type relays interface {
	// open makes the relay of owner, and its relayed address.
	open(owner *allocation) (relay, *net.UDPAddr, error)
	permits(peer netip.Addr) bool
}

// A relay is the far side of one allocation, towards its peers. It is the edge
// at which packets can be looked at on that side.
type relay interface {
	// read waits for a packet to the relayed address, or for close. The
	// address is the caller's to keep but not to change.
	read(b []byte) (int, net.Addr, error)
	// write sends from the relayed address. It never waits, and keeps nothing
	// of b. It returns false for a packet that was dropped, and counted.
	write(b []byte, to netip.AddrPort) bool
	// close ends read. It may be called more than once.
	close()
}

// An allocation is what pion takes for a relay socket. Pion reads it from one
// goroutine, closes it when the allocation is gone, whatever the reason, and
// deletes the allocation when reading it fails.
type allocation struct {
	edge       *edge          // static
	peer       string         // static
	generation int64          // static: of the credentials that made it
	relay      relay          // static
	addr       *net.UDPAddr   // static
	client     netip.AddrPort // static once created
	clientAddr net.Addr       // static once created: the same, as pion has it

	expires time.Time              // owned by the reading goroutine of the edge
	rights  atomic.Pointer[rights] // nil: nothing is relayed, not yet or not any more
	slow    relayedBy              // pion, or ended bindings
	done    chan struct{}          // closed by Close

	mu     sync.Mutex // guards the following, and what is stored in rights
	closed bool       // by pion
	failed bool       // pion has been told that reading fails
}

// hasAddress says whether an event of pion's is about a: after a client has made
// its next allocation, those of the one before may still come. The address is
// the very one that pion was given.
func (a *allocation) hasAddress(relayed net.Addr) bool {
	return a != nil && relayed == net.Addr(a.addr)
}

// change makes new rights, unless the allocation has ended.
func (a *allocation) change(to func(*rights) *rights) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.rights.Load(); r != nil {
		a.rights.Store(to(r))
	}
}

// cut takes all rights away: on return nothing is relayed any more, but for what
// pion is about to write.
func (a *allocation) cut() {
	a.mu.Lock()
	had := a.rights.Swap(nil)
	a.mu.Unlock()
	if had == nil {
		return
	}
	if a.edge.fast != nil {
		for _, c := range had.channels {
			a.slow.add(a.edge.fast.Unbind(a, c))
		}
	}
	a.edge.srv.waitFast()
}

// sent is what the client has sent so far and the server relayed.
func (a *allocation) sent() traffic {
	sum := a.slow.sum()
	if r := a.rights.Load(); r != nil && a.edge.fast != nil {
		for _, c := range r.channels {
			sum = sum.plus(a.edge.fast.Counters(a, c))
		}
	}
	return sum
}

// admit judges a packet of the client to peer that is about to be relayed, on
// whichever path. It may be called from any goroutine, and must not wait.
func (a *allocation) admit(peer netip.AddrPort, data []byte) bool {
	hook := a.edge.srv.cfg.hook
	return hook == nil || hook(a.peer, peer, data)
}

// ReadFrom gives pion the next packet for the client, of a sender that it has
// permitted.
func (a *allocation) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := a.relay.read(b)
		switch {
		case err != nil:
			a.leave()
			return 0, nil, err
		case n >= len(b):
			a.edge.srv.stats.droppedMalformed.Add(1) // cut short
		case !a.rights.Load().permits(addrPort(from).Addr().WithZone("")):
			a.edge.srv.stats.droppedForbidden.Add(1)
		default:
			return n, from, nil
		}
	}
}

// leave ends pion's reading goroutine if pion has closed the allocation. An
// error would make it delete the allocation of this 5-tuple once more, which by
// then may be the client's next one. It returns if pion is yet to close it.
func (a *allocation) leave() {
	a.mu.Lock()
	a.failed = !a.closed
	a.mu.Unlock()
	if !a.failed {
		defer a.edge.srv.running.Done()
		runtime.Goexit()
	}
}

// WriteTo relays a packet of the client. A packet that is dropped is no error.
func (a *allocation) WriteTo(b []byte, to net.Addr) (int, error) {
	peer := addrPort(to)
	if !a.rights.Load().permits(peer.Addr().WithZone("")) {
		a.edge.srv.stats.droppedForbidden.Add(1)
		a.slow.add(traffic{dropped: 1})
		return len(b), nil
	}
	if a.admit(peer, b) && a.relay.write(b, peer) {
		a.edge.srv.stats.relayed(len(b))
		a.slow.add(traffic{packets: 1, bytes: uint64(len(b))})
	} else {
		a.slow.add(traffic{dropped: 1})
	}
	return len(b), nil
}

// Close is pion's word that the allocation is gone. It returns nil always:
// pion stops closing allocations at the first error.
func (a *allocation) Close() error {
	a.mu.Lock()
	closed, failed := a.closed, a.failed
	a.closed = true
	a.mu.Unlock()
	if closed {
		return nil
	}
	a.cut()
	a.relay.close()
	a.edge.forget(a)
	a.edge.srv.remove(a)
	close(a.done)
	if failed {
		a.edge.srv.running.Done()
	}
	return nil
}

func (a *allocation) LocalAddr() net.Addr              { return a.addr }
func (a *allocation) SetDeadline(time.Time) error      { return nil }
func (a *allocation) SetReadDeadline(time.Time) error  { return nil }
func (a *allocation) SetWriteDeadline(time.Time) error { return nil }
