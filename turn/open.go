package turn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// portTries is how many ports are tried for one allocation before it is
// refused: in the default range, that many in a row are taken only when nearly
// all are.
const portTries = 256

// openRelays gives each allocation a UDP socket.
type openRelays struct {
	policy  *policy
	bind    netip.Addr // the public address if this host has it, else unspecified
	min     int
	ports   int
	stats   *counters
	mu      sync.Mutex // guards the following
	next    int        // port - min; given in turn, as in closedRelays
	sockets map[uint16]*openRelay
}

func newOpenRelays(cfg Config, stats *counters) (*openRelays, error) {
	local, err := interfaceIPs()
	if err != nil {
		return nil, err
	}
	bind := cfg.PublicIP
	if !slices.Contains(local, bind) && !bind.IsLoopback() {
		bind = netip.IPv4Unspecified()
		if cfg.PublicIP.Is6() {
			bind = netip.IPv6Unspecified()
		}
	}
	ports := int(cfg.MaxPort) - int(cfg.MinPort) + 1
	return &openRelays{
		policy:  &policy{public: cfg.PublicIP, local: local, allow: cfg.AllowPeers},
		bind:    bind,
		min:     int(cfg.MinPort),
		ports:   ports,
		stats:   stats,
		next:    rand.IntN(ports),
		sockets: make(map[uint16]*openRelay),
	}, nil
}

func (o *openRelays) permits(peer netip.Addr) bool { return o.policy.permits(peer) }

func (o *openRelays) open(*allocation) (relay, *net.UDPAddr, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	network := "udp4"
	if o.bind.Is6() {
		network = "udp6"
	}
	var cause error
	for range min(o.ports, portTries) {
		port := uint16(o.min + o.next)
		o.next = (o.next + 1) % o.ports
		conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(o.bind, port)))
		if err != nil {
			cause = err
			continue
		}
		r := &openRelay{all: o, port: port, conn: conn}
		o.sockets[port] = r
		return r, net.UDPAddrFromAddrPort(netip.AddrPortFrom(o.policy.public, port)), nil
	}
	return nil, nil, fmt.Errorf("turn: no free port in %d-%d: widen the range: %w", o.min, o.min+o.ports-1, cause)
}

// route says where to send what is for a peer whose address was permitted, and
// whether: the server's own address is reached at its live relay ports only. Pion
// asks for permission without a port, so this is asked for each packet. Behind NAT
// these are reached inside: not every router brings back what is for the outside.
func (o *openRelays) route(to netip.AddrPort) (netip.AddrPort, bool) {
	if to.Port() == 0 {
		return to, false
	}
	if !o.policy.own(to.Addr()) {
		return to, true
	}
	live := o.isLive(to.Port())
	if live && o.bind.IsUnspecified() {
		return netip.AddrPortFrom(o.loopback(), to.Port()), true
	}
	return to, live || o.policy.allowed(to.Addr())
}

// source is the relayed address of a packet that route has kept inside, or where
// it came from. Nobody else has our ports at loopback.
func (o *openRelays) source(from *net.UDPAddr) *net.UDPAddr {
	if at := from.AddrPort(); o.bind.IsUnspecified() && at.Addr().Unmap() == o.loopback() && o.isLive(at.Port()) {
		return net.UDPAddrFromAddrPort(netip.AddrPortFrom(o.policy.public, at.Port()))
	}
	return from
}

// isLive says whether an allocation has this port.
func (o *openRelays) isLive(port uint16) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sockets[port] != nil
}

func (o *openRelays) loopback() netip.Addr {
	if o.bind.Is6() {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// An openRelay is a relayed address that is a socket.
type openRelay struct {
	all  *openRelays  // static
	port uint16       // static
	conn *net.UDPConn // static
}

func (r *openRelay) write(b []byte, to netip.AddrPort) bool {
	to, ok := r.all.route(to)
	if !ok {
		r.all.stats.droppedNowhere.Add(1)
		return false
	}
	if _, err := r.conn.WriteToUDPAddrPort(b, to); err != nil {
		r.all.stats.droppedNowhere.Add(1) // no route, or the other address family
		return false
	}
	return true
}

func (r *openRelay) read(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.conn.ReadFromUDP(b)
		if err == nil {
			r.all.stats.relayed(n)
			return n, r.all.source(from), nil
		}
		if errors.Is(err, net.ErrClosed) {
			return 0, nil, err
		}
	}
}

func (r *openRelay) close() {
	r.all.mu.Lock()
	if r.all.sockets[r.port] == r {
		delete(r.all.sockets, r.port)
	}
	r.all.mu.Unlock()
	_ = r.conn.Close() // the second time it is closed already
}
