//go:build linux

package nat

import (
	"fmt"
	"net/netip"
	"testing"
)

// A LAN without any way out: no router, no name service, no public address.
func TestLANWithoutWayOut(t *testing.T) {
	l := newLab(t)
	wire, server := namespace(l.name+"lan"), namespace(l.name+"lan.server")
	ana, ben := namespace(l.name+"lan.ana"), namespace(l.name+"lan.ben")
	if err := addHost(wire); err != nil {
		t.Fatal(err)
	}
	if err := wire.addBridge(); err != nil {
		t.Fatal(err)
	}
	for i, n := range []namespace{server, ana, ben} {
		err := addHost(n)
		if err == nil {
			err = plug(wire, fmt.Sprintf("port%d", i), n, "eth0")
		}
		if err == nil {
			err = n.ip(fmt.Sprintf("addr add 192.168.1.%d/24 dev eth0", 1+i), "link set eth0 up")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := newServer(t, netip.MustParseAddrPort("192.168.1.1:8080"))
	s.start(server, []string{"--listen", ":8080"})
	for _, want := range []path{direct, relayed} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			cfg := peerConfig{Room: "lan-" + string(want), Family: ipv4, RelayOnly: want == relayed}
			a, b := meet(t, cfg, [2]string{s.url, s.url}, want, ana, ben)
			talk(t, want, a, b)
		})
	}
}
