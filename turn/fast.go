package turn

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
)

// A relayer carries the data of channels past pion, which still makes and ends
// them: the edge tells it what pion's events say. Each edge of a UDP socket has
// its own. What it can't carry it leaves to pion, packet by packet.
type relayer interface {
	// Bind has it carry what the client of a sends in c, as long as a has the
	// right to. It does nothing if a has ended.
	Bind(a *allocation, c channel)
	// Unbind ends that, and returns what was carried in all. On return nothing
	// more passes.
	Unbind(a *allocation, c channel) traffic
	// Counters returns what was carried so far.
	Counters(a *allocation, c channel) traffic
	// Wait returns when no packet is under way that was judged before, whoever
	// sent it. It waits for the kernel at most.
	Wait()
}

// traffic is what a client has sent and the server relayed, and what of it was
// dropped.
type traffic struct{ packets, bytes, dropped uint64 }

func (t traffic) plus(u traffic) traffic {
	return traffic{t.packets + u.packets, t.bytes + u.bytes, t.dropped + u.dropped}
}

// relayedBy is traffic that several goroutines count.
type relayedBy struct{ packets, bytes, dropped atomic.Uint64 }

func (r *relayedBy) add(t traffic) {
	r.packets.Add(t.packets)
	r.bytes.Add(t.bytes)
	r.dropped.Add(t.dropped)
}

func (r *relayedBy) sum() traffic {
	return traffic{r.packets.Load(), r.bytes.Load(), r.dropped.Load()}
}

// A chanKey names a channel of a client, at one socket. As for pion, the zone
// of an address is no part of it.
type chanKey struct {
	ip            [16]byte
	port, channel uint16
}

func keyOf(client netip.AddrPort, channel uint16) chanKey {
	return chanKey{client.Addr().As16(), client.Port(), channel}
}

// A binding is one channel as the fast path knows it. Its route is found when
// the first packet asks for it, and again whenever the rights of a side change.
type binding struct {
	alloc   *allocation // static
	channel channel     // static

	// Guarded by the mutex of its fastPath.
	traffic traffic
	route   route
	place
}

// A route leads from the channel of one client to that of another. It holds as
// long as the rights of both are the ones it was made with.
type route struct {
	from, to       *closedRelay
	fromHas, toHas *rights
	number         uint16 // of the receiver's channel
}

// fastPath is the relayer of one edge: from channel to channel of two
// allocations of a closed relay.
type fastPath struct {
	srv *Server // static

	// mu is held from looking bindings up to having handed their packets to
	// the kernel: who has taken a right away and then held it knows that
	// nothing is under way any more. Taken after pion's locks.
	mu       sync.Mutex
	bindings map[chanKey]*binding
}

func newFastPath(s *Server) *fastPath {
	return &fastPath{srv: s, bindings: make(map[chanKey]*binding)}
}

func (f *fastPath) Bind(a *allocation, c channel) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := keyOf(a.client, c.number)
	if b := f.bindings[k]; a.rights.Load() != nil && (b == nil || b.alloc != a) {
		f.bindings[k] = &binding{alloc: a, channel: c}
	}
}

func (f *fastPath) Unbind(a *allocation, c channel) traffic {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := keyOf(a.client, c.number)
	b := f.bindings[k]
	if b == nil || b.alloc != a {
		return traffic{} // the client has bound it anew since
	}
	delete(f.bindings, k)
	return b.traffic
}

func (f *fastPath) Counters(a *allocation, c channel) traffic {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.bindings[keyOf(a.client, c.number)]; b != nil && b.alloc == a {
		return b.traffic
	}
	return traffic{}
}

func (f *fastPath) Wait() {
	f.mu.Lock()
	defer f.mu.Unlock() // see mu
}

// waitFast returns when nothing is under way past pion that was looked at
// before.
func (s *Server) waitFast() {
	s.mu.Lock()
	all := s.fast
	s.mu.Unlock()
	for _, f := range all {
		f.Wait()
	}
}

// readyLocked returns the binding of a channel if its next packet may pass pion
// now. Otherwise pion has to judge it.
func (f *fastPath) readyLocked(k chanKey) *binding {
	b := f.bindings[k]
	if b == nil || !b.route.holds() && !b.find() || b.route.to.waitsFor(b.route.from) {
		return nil
	}
	return b
}

// admit is asked for each packet of a binding that is ready, and counts what it
// refuses.
func (b *binding) admit(data []byte) bool {
	if b.alloc.admit(b.channel.peer, data) {
		return true
	}
	b.traffic.dropped++
	return false
}

// holds says whether nobody's rights have changed since r was found.
func (r *route) holds() bool {
	return r.fromHas != nil && r.from.owner.rights.Load() == r.fromHas && r.to.owner.rights.Load() == r.toHas
}

// find looks for the route of b: the peer is an allocation of ours over UDP,
// both sides permit each other, and the other one has a channel, too.
func (b *binding) find() bool {
	b.route = route{}
	from, ok := b.alloc.relay.(*closedRelay)
	if !ok {
		return false
	}
	to := from.all.at(b.channel.peer)
	if to == nil {
		return false
	}
	own, theirs := b.alloc.rights.Load(), to.owner.rights.Load()
	back := addrPort(from.addr)
	if !own.permits(b.channel.peer.Addr()) || !theirs.permits(back.Addr()) || to.owner.edge.fast == nil {
		return false
	}
	number := theirs.channelTo(back)
	if number == 0 {
		return false // pion makes an indication of it
	}
	b.route = route{from: from, to: to, fromHas: own, toHas: theirs, number: number}
	return true
}

// dataOf returns the ChannelData at the beginning of b without what is behind
// it, and nil if b is none that is whole.
func dataOf(b []byte) []byte {
	if len(b) < channelHeader || !isChannelData(b) {
		return nil
	}
	n := channelHeader + int(binary.BigEndian.Uint16(b[2:]))
	if n > len(b) {
		return nil
	}
	return b[:n]
}
