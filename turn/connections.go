package turn

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// connections counts those of TCP and TLS, by address, or by /64 of IPv6: each
// costs a descriptor, a goroutine and some kilobytes, and its maker nearly nothing.
type connections struct {
	most, mostPerIP int            // static; negative: any number
	uncounted       []netip.Prefix // static

	mu   sync.Mutex // guards the following
	all  int
	byIP map[netip.Addr]int // no zeros
}

// enter takes note of a connection. It returns what takes that back, or nil if
// there are too many.
func (c *connections) enter(addr net.Addr) (leave func()) {
	from := network(addrPort(addr).Addr())
	perIP := c.mostPerIP
	if slices.ContainsFunc(c.uncounted, func(p netip.Prefix) bool { return p.Contains(addrPort(addr).Addr()) }) {
		perIP = -1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most >= 0 && c.all >= c.most || perIP >= 0 && c.byIP[from] >= perIP {
		return nil
	}
	c.all++
	c.byIP[from]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		if c.byIP[from]--; c.byIP[from] == 0 {
			delete(c.byIP, from)
		}
	})
}

// network is what counts as one: an address, or of IPv6 a /64, since a customer
// has one at the least.
func network(from netip.Addr) netip.Addr {
	if from = from.WithZone(""); from.Is6() {
		from = netip.PrefixFrom(from, 64).Masked().Addr()
	}
	return from
}
