//go:build linux

package nat

import (
	"fmt"
	"net/netip"
)

// A family is one of the two of addresses.
type family string

const (
	ipv4 family = "IPv4"
	ipv6 family = "IPv6"
)

// A home is a host behind a router.
type home struct {
	kind   kind
	number int // in its lab, counting from 1
	router namespace
	host   namespace
	device string // of the host
	line   *line  // between them; nil: a cable
}

// home adds one to the lab.
func (l *lab) home(k kind) *home {
	l.t.Helper()
	return l.homeOn(k, nil)
}

// homeOn adds one whose router is reached over line, or a cable.
func (l *lab) homeOn(k kind, line *line) *home {
	l.t.Helper()
	h := l.plan(k, line)
	l.make(h, func() error { return addHost(h.host) })
	if err := h.plugIn(); err != nil {
		l.t.Fatal(err)
	}
	return h
}

// alternative adds a second way out for the host of a home, of which nothing is
// plugged in as yet.
func (l *lab) alternative(of *home, k kind) *home {
	l.t.Helper()
	h := l.plan(k, nil)
	h.host, h.device = of.host, "eth1"
	l.make(h, func() error { return nil })
	return h
}

func (l *lab) plan(k kind, line *line) *home {
	l.homes++
	return &home{
		kind: k, number: l.homes, device: "eth0", line: line,
		router: namespace(fmt.Sprintf("%s%d.router", l.name, l.homes)),
		host:   namespace(fmt.Sprintf("%s%d.host", l.name, l.homes)),
	}
}

func (l *lab) make(h *home, host func() error) {
	l.t.Helper()
	for _, step := range []func() error{
		func() error { return addHost(h.router) },
		host,
		func() error { return l.connect(h) },
		h.address,
		func() error { return l.public.ip(h.routes()...) },
		h.filter,
	} {
		if err := step(); err != nil {
			l.t.Fatalf("build home %d, %s: %v", h.number, h.kind, err)
		}
	}
}

// connect puts the cables in, or the line.
func (l *lab) connect(h *home) error {
	var err error
	if h.line != nil {
		err = h.line.connect(l.t, h.router, "lan0", h.host, h.device)
	} else {
		err = feed([]string{
			fmt.Sprintf("link add lan0 netns %s type veth peer name %s netns %s", h.router, h.device, h.host),
		}, "ip", "-batch", "-")
	}
	if err != nil {
		return err
	}
	return plug(l.public, fmt.Sprintf("home%d", h.number), h.router, "wan0")
}

// plug connects a device of a host with a port of another's bridge br0.
func plug(bridge namespace, port string, host namespace, device string) error {
	err := feed([]string{
		fmt.Sprintf("link add %s netns %s type veth peer name %s netns %s", device, host, port, bridge),
	}, "ip", "-batch", "-")
	if err != nil {
		return err
	}
	return bridge.ip(fmt.Sprintf("link set %s master br0 up", port))
}

// outside is the router's public address.
func (h *home) outside(f family) netip.Addr {
	if f == ipv6 {
		return netip.MustParseAddr(fmt.Sprintf("2001:db8::1:%x", h.number))
	}
	return netip.MustParseAddr(fmt.Sprintf("198.18.1.%d", h.number))
}

// inside are the addresses of the router's near end and of the host. An open home
// has public ones. All others have the same network in IPv4, as homes have. In
// IPv6 there is a translation only where it is the point.
func (h *home) inside(f family) (router, host netip.Prefix) {
	switch {
	case f == ipv6 && h.kind == symmetric:
		return prefixOf("fd00:%x::1/64", h.number), prefixOf("fd00:%x::2/64", h.number)
	case f == ipv6:
		return prefixOf("2001:db8:%x::1/64", h.number), prefixOf("2001:db8:%x::2/64", h.number)
	case h.kind == open:
		return prefixOf("198.19.%d.1/24", h.number), prefixOf("198.19.%d.2/24", h.number)
	}
	return prefixOf("192.168.1.1/24"), prefixOf("192.168.1.%d/24", 10+h.number)
}

func prefixOf(format string, args ...any) netip.Prefix {
	return netip.MustParsePrefix(fmt.Sprintf(format, args...))
}

// address gives the router its addresses and routes.
func (h *home) address() error {
	var lines []string
	for _, f := range []family{ipv4, ipv6} {
		near, _ := h.inside(f)
		everything, public, nodad := "0.0.0.0/0", fmt.Sprintf("%s/16", h.outside(f)), ""
		if f == ipv6 {
			everything, public, nodad = "::/0", fmt.Sprintf("%s/64", h.outside(f)), " nodad"
		}
		lines = append(lines, "addr add "+public+" dev wan0"+nodad, "addr add "+near.String()+" dev lan0"+nodad,
			"link set wan0 up", "link set lan0 up",
			fmt.Sprintf("route add %s via %s", everything, serverAddress(f, 1)))
	}
	return h.router.ip(lines...)
}

// plugIn gives the host its addresses and routes.
func (h *home) plugIn() error {
	lines := []string{"link set " + h.device + " up"}
	for _, f := range []family{ipv4, ipv6} {
		near, own := h.inside(f)
		everything, nodad := "0.0.0.0/0", ""
		if f == ipv6 {
			everything, nodad = "::/0", " nodad"
		}
		lines = append(lines, "addr add "+own.String()+" dev "+h.device+nodad,
			fmt.Sprintf("route add %s via %s", everything, near.Addr()))
	}
	return h.host.ip(lines...)
}

// unplug is what happens when the wifi is out of reach: its addresses go, too.
func (h *home) unplug() error {
	return h.host.ip("link set "+h.device+" down", "addr flush dev "+h.device)
}

// redial gives the router another public address in IPv4, and with it forgets all
// mappings.
func (h *home) redial() error {
	return h.router.ip(
		fmt.Sprintf("addr del %s/16 dev wan0", h.outside(ipv4)),
		fmt.Sprintf("addr add 198.18.2.%d/16 dev wan0", h.number),
		fmt.Sprintf("route add 0.0.0.0/0 via %s", serverAddress(ipv4, 1)))
}

// routes are how the public network reaches this home, where it has public
// addresses.
func (h *home) routes() (lines []string) {
	for _, f := range []family{ipv4, ipv6} {
		if near, _ := h.inside(f); !near.Addr().IsPrivate() {
			lines = append(lines, fmt.Sprintf("route add %s via %s", near.Masked(), h.outside(f)))
		}
	}
	return lines
}
