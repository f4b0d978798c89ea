package turn

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

// authenticate is pion's AuthHandler: it returns the key that the request has
// to be signed with, or false to refuse it whatever it is signed with.
func (e *edge) authenticate(username, realm string, client net.Addr) ([]byte, bool) {
	e.verdict = e.judge(username, realm, addrPort(client))
	if e.verdict != 0 && e.verdict != stun.CodeAllocMismatch {
		e.srv.stats.authFailures.Add(1)
		return nil, false
	}
	e.key = e.srv.key(username, e.request)
	return e.key, e.verdict == 0
}

// judge says what is wrong with a user name, apart from the password. Pion does
// not say which method is asked for, but for the rules that depend on it the
// request itself is at hand.
func (e *edge) judge(username, realm string, client netip.AddrPort) stun.ErrorCode {
	by, ok := parseUsername(username)
	if !ok || realm != e.srv.cfg.Realm || !e.srv.cfg.Alive(by.peer) || e.srv.isRevoked(by.peer, by.generation) {
		return stun.CodeUnauthorized
	}
	expired := !e.srv.cfg.Now().Before(by.expires)
	owner := e.owner(client)
	allocate := stun.NewType(stun.MethodAllocate, stun.ClassRequest).Value()
	refresh := stun.NewType(stun.MethodRefresh, stun.ClassRequest).Value()
	switch {
	case owner != nil && messageType(e.request) == refresh && time.Until(owner.expires) < expiryGuard:
		// Whether it comes in time is open: pion's timer may have fired, and
		// Refresh would set it once more. It would then delete whatever
		// allocation this 5-tuple has by that time, at a moment of which
		// permit does not know.
		return stun.CodeAllocMismatch
	case owner != nil && owner.peer == by.peer && (!expired || by.generation >= owner.generation):
		return 0 // its allocation lives, so expiry does not count, but for what was perhaps revoked before it
	case owner != nil && messageType(e.request) != allocate:
		// Anybody with credentials who forges the address of a client could
		// refresh its allocation to death (RFC 8656 §5); pion does not look.
		// An Allocate is answered with 437, and the client takes another port.
		return stun.CodeWrongCredentials
	case expired:
		return stun.CodeUnauthorized
	}
	return 0
}

// authenticated is pion's OnAuth event: the password was looked at.
func (e *edge) authenticated(_, _ net.Addr, _, _, _, _ string, verdict bool) {
	if !verdict {
		e.verdict = stun.CodeUnauthorized
		e.srv.stats.authFailures.Add(1)
	}
}

// reserve is pion's QuotaHandler: it holds a slot for the allocation that pion
// is about to ask the generator for.
func (e *edge) reserve(username, _ string, _ net.Addr) bool {
	by, _ := parseUsername(username)
	if !e.srv.reserve(by.peer) {
		return false
	}
	e.reserved, e.generation = by.peer, by.generation
	return true
}

// permit is pion's PermissionHandler. A closed relay permits every address,
// since it reaches none, and a refusal would cost Firefox the allocation.
//
// It also keeps new permissions off an allocation that is about to expire:
// pion enters a permission first and gives it a timer later, and a process
// whose allocation is closed between the two panics. Without this, any client
// that hurries at the right moment could end the server.
func (e *edge) permit(client net.Addr, peer net.IP) bool {
	channel, ok := channelOf(e.request)
	if !ok {
		e.verdict = stun.CodeBadRequest
		return false
	}
	a := e.owner(addrPort(client))
	ip, ok := netip.AddrFromSlice(peer)
	if a == nil || !ok || time.Until(a.expires) < expiryGuard || !e.srv.relays.permits(ip) {
		e.verdict = stun.CodeForbidden
		e.srv.stats.peersRefused.Add(1)
		return false
	}
	if r := a.rights.Load(); !r.mayPermit(ip.Unmap()) || channel != 0 && !r.mayBind(channel) {
		e.verdict = stun.CodeInsufficientCapacity
		e.srv.stats.peersRefused.Add(1)
		return false
	}
	return true
}

// permissionCreated and the three below it are pion's events. Those of a
// deletion come from any goroutine, all under pion's locks.
func (e *edge) permissionCreated(client, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) {
	e.notePermission(client, relayed, peer, true)
}

func (e *edge) permissionDeleted(client, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) {
	e.notePermission(client, relayed, peer, false)
}

func (e *edge) notePermission(client, relayed net.Addr, peer net.IP, holds bool) {
	ip, ok := netip.AddrFromSlice(peer)
	if a := e.owner(addrPort(client)); a.hasAddress(relayed) && ok {
		a.change(func(r *rights) *rights { return r.withPermission(ip.Unmap(), holds) })
	}
}

func (e *edge) channelCreated(client, _ net.Addr, _, _, _ string, relayed, peer net.Addr, number uint16) {
	e.noteChannel(client, relayed, channel{number, addrPort(peer)}, true)
}

func (e *edge) channelDeleted(client, _ net.Addr, _, _, _ string, relayed, peer net.Addr, number uint16) {
	e.noteChannel(client, relayed, channel{number, addrPort(peer)}, false)
}

func (e *edge) noteChannel(client, relayed net.Addr, c channel, holds bool) {
	a := e.owner(addrPort(client))
	if !a.hasAddress(relayed) {
		return
	}
	a.change(func(r *rights) *rights { return r.withChannel(c, holds) })
	switch {
	case e.fast == nil:
	case holds:
		e.fast.Bind(a, c)
	default:
		a.slow.add(e.fast.Unbind(a, c))
	}
}

// channelOf is the channel that a request binds, 0 if it binds none. It is not
// ok if its data would not be read as such: pion binds any number.
func channelOf(request []byte) (channel uint16, ok bool) {
	if messageType(request) != stun.NewType(stun.MethodChannelBind, stun.ClassRequest).Value() {
		return 0, true
	}
	m, err := decode(request)
	if err != nil {
		return 0, false
	}
	number, err := m.Get(stun.AttrChannelNumber)
	if err != nil || len(number) != 4 || !isChannelData(number) {
		return 0, false
	}
	return binary.BigEndian.Uint16(number), true
}

// generator is pion's RelayAddressGenerator, on the reading goroutine.
type generator struct{ *edge }

var (
	errNoReservation = errors.New("turn: even ports and reservations are not offered")
	errFull          = errors.New("turn: the server has all the allocations it may have")
	errNoTCPRelay    = errors.New("turn: relaying over TCP is not offered")
)

func (g generator) Validate() error { return nil }

// AllocatePacketConn makes the allocation the slot is reserved for. Pion counts
// on nothing from its caller but the connection, so the client is taken from
// the request; without a reservation it is pion trying ports until one is even.
func (g generator) AllocatePacketConn(_ string, port int) (net.PacketConn, net.Addr, error) {
	if g.reserved == "" || port != 0 {
		return nil, nil, errNoReservation
	}
	if g.srv.full() {
		return nil, nil, errFull
	}
	a := &allocation{edge: g.edge, peer: g.reserved, generation: g.generation, done: make(chan struct{})}
	var err error
	if a.relay, a.addr, err = g.srv.relays.open(a); err != nil {
		return nil, nil, err
	}
	g.made, g.reserved = a, "" // the slot is the allocation's now
	return a, a.addr, nil
}

func (g generator) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errNoTCPRelay
}

// created is pion's OnAllocationCreated event, before it starts the goroutine
// that reads the allocation and before the client hears of it.
func (e *edge) created(client, _ net.Addr, _, _, _ string, _ net.Addr, _ int) {
	a := e.made
	a.client, a.clientAddr = addrPort(client), client
	a.rights.Store(new(rights))
	e.mu.Lock()
	e.owners[a.client] = a
	e.mu.Unlock()
	e.srv.add(a)
	// The session may have ended since authenticate, or its credentials were
	// revoked, too early to see this one.
	if !e.srv.cfg.Alive(a.peer) || e.srv.isRevoked(a.peer, a.generation) {
		e.srv.end(a)
	}
}
