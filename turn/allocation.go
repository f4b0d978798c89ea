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
	open() (relay, *net.UDPAddr, error)
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

	expires time.Time     // owned by the reading goroutine of the edge
	ended   atomic.Bool   // nothing is relayed any more
	done    chan struct{} // closed by Close

	mu        sync.Mutex // guards the following
	closed    bool       // by pion
	failed    bool       // pion has been told that reading fails
	permitted map[netip.Addr]bool
	channels  map[uint16]bool
}

// maxPermissions and maxChannels bound what one client can have us keep, 600
// bytes apiece, and how many channels pion walks through with each packet. A
// call has a dozen candidates' addresses, and pion forgets each in 5 minutes,
// each channel in 10.
const (
	maxPermissions = 128
	maxChannels    = 128
)

// mayPermit says whether the client may have a permission for peer.
func (a *allocation) mayPermit(peer netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.permitted) < maxPermissions || a.permitted[peer]
}

// mayBind says whether the client may bind this channel.
func (a *allocation) mayBind(channel uint16) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.channels) < maxChannels || a.channels[channel]
}

// notePermission keeps which permissions pion holds.
func (a *allocation) notePermission(peer netip.Addr, holds bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	note(&a.permitted, peer, holds)
}

// noteChannel keeps which channels pion holds.
func (a *allocation) noteChannel(channel uint16, holds bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	note(&a.channels, channel, holds)
}

func note[K comparable](set *map[K]bool, key K, holds bool) {
	switch {
	case !holds:
		delete(*set, key)
	case *set == nil:
		*set = map[K]bool{key: true}
	default:
		(*set)[key] = true
	}
}

// ReadFrom gives pion the next packet for the client. Pion relays it if the
// sender has a permission or a channel.
func (a *allocation) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := a.relay.read(b)
		switch {
		case err != nil:
			a.leave()
			return 0, nil, err
		case a.ended.Load():
		case n >= len(b):
			a.edge.srv.stats.droppedMalformed.Add(1) // cut short
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
	if a.ended.Load() {
		return len(b), nil
	}
	if a.relay.write(b, addrPort(to)) {
		a.edge.srv.stats.relayed(len(b))
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
