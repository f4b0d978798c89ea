//go:build linux

package nat

import (
	"fmt"
	"net/netip"
	"testing"
)

// The addresses of a site.
var (
	siteOutside = netip.MustParseAddr("198.18.0.9")
	siteServer  = netip.MustParseAddr("10.0.0.10")
)

// A site has the server behind 1:1 NAT, as clouds do: all that comes for the
// public address goes to the server, which does not have that address itself.
type site struct {
	lab    *lab
	router namespace
	server namespace
	desk   namespace // a neighbour of the server
}

// site adds one to the lab. With hairpin the router brings back what is sent to
// the public address from inside; without, that vanishes.
func (l *lab) site(hairpin bool) *site {
	l.t.Helper()
	s := &site{l, namespace(l.name + "site.router"), namespace(l.name + "site.server"), namespace(l.name + "site.desk")}
	for _, step := range []func() error{
		func() error { return s.connect(s.router, s.server, s.desk) },
		s.address,
		func() error { return s.translate(hairpin) },
	} {
		if err := step(); err != nil {
			l.t.Fatalf("build the site: %v", err)
		}
	}
	return s
}

func (s *site) connect(all ...namespace) error {
	for _, n := range all {
		if err := addHost(n); err != nil {
			return err
		}
	}
	if err := s.router.addBridge(); err != nil {
		return err
	}
	if err := plug(s.router, "server", s.server, "eth0"); err != nil {
		return err
	}
	if err := plug(s.router, "desk", s.desk, "eth0"); err != nil {
		return err
	}
	return plug(s.lab.public, "site", s.router, "wan0")
}

func (s *site) address() error {
	err := s.router.ip("addr add "+siteOutside.String()+"/16 dev wan0", "link set wan0 up",
		"addr add 10.0.0.1/24 dev br0", fmt.Sprintf("route add 0.0.0.0/0 via %s", serverAddress(ipv4, 1)))
	for n, at := range map[namespace]string{s.server: siteServer.String(), s.desk: "10.0.0.20"} {
		if err == nil {
			err = n.ip("addr add "+at+"/24 dev eth0", "link set eth0 up", "route add 0.0.0.0/0 via 10.0.0.1")
		}
	}
	return err
}

func (s *site) translate(hairpin bool) error {
	rules := []string{
		"*nat",
		fmt.Sprintf("-A PREROUTING -i wan0 -d %s -j DNAT --to-destination %s", siteOutside, siteServer),
		fmt.Sprintf("-A POSTROUTING -o wan0 -j SNAT --to-source %s", siteOutside),
	}
	if hairpin {
		rules = append(rules,
			fmt.Sprintf("-A PREROUTING -i br0 -d %s -j DNAT --to-destination %s", siteOutside, siteServer),
			fmt.Sprintf("-A POSTROUTING -o br0 -s 10.0.0.0/24 -d %s -j SNAT --to-source %s", siteServer, siteOutside))
	}
	return s.router.restore("iptables-restore", append(rules, "COMMIT",
		"*filter", fmt.Sprintf("-A INPUT -d %s -j DROP", siteOutside), "COMMIT"))
}

// serve runs signal at the site. Pages are at a port, TURN at the one after it.
func (s *site) serve(port uint16, args ...string) *server {
	s.lab.t.Helper()
	srv := newServer(s.lab.t, netip.AddrPortFrom(siteOutside, port))
	srv.start(s.server, append([]string{
		"--listen", fmt.Sprintf(":%d", port), "--turn-listen", fmt.Sprintf(":%d", port+1), "--turn-public-ip", siteOutside.String(),
	}, args...))
	return srv
}

func TestServerBehindNAT(t *testing.T) {
	for _, hairpin := range []bool{false, true} {
		t.Run(fmt.Sprintf("hairpin %v", hairpin), func(t *testing.T) { testSite(t, hairpin) })
	}
}

func testSite(t *testing.T, hairpin bool) {
	l := newLab(t)
	at := l.site(hairpin)
	closed, opened := at.serve(443), at.serve(8443, "--relay", "open")
	homes, other := map[kind]*home{}, map[kind]*home{}
	for _, k := range []kind{open, cone, symmetric, udpBlocked} {
		homes[k], other[k] = l.home(k), l.home(k)
	}
	calls := []struct {
		name   string
		server *server
		a, b   namespace
		want   path
		inner  bool // the first one comes by the inner address
		skip   bool
	}{
		{name: "public addresses", server: closed, a: homes[open].host, b: homes[cone].host, want: direct},
		{name: "symmetric", server: closed, a: homes[symmetric].host, b: other[symmetric].host, want: relayed},
		{name: "UDP blocked", server: closed, a: homes[udpBlocked].host, b: other[udpBlocked].host, want: relayed},
		{name: "UDP blocked, open relay", server: opened, a: homes[udpBlocked].host, b: other[udpBlocked].host, want: relayed},
		{name: "neighbour by the public address", server: closed, a: at.desk, b: homes[symmetric].host, want: relayed, skip: !hairpin},
		{name: "neighbour by the inner address", server: closed, a: at.desk, b: homes[open].host, want: direct, inner: true},
	}
	for i, c := range calls {
		if c.skip {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := peerConfig{Room: fmt.Sprintf("site-%d", i), Family: ipv4}
			urls := [2]string{c.server.url, c.server.url}
			if c.inner {
				urls[0] = fmt.Sprintf("ws://%s:443/ws", siteServer)
			}
			ana, ben := meet(t, cfg, urls, c.want, c.a, c.b)
			talk(t, c.want, ana, ben)
		})
	}
}
