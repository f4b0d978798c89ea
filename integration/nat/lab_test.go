//go:build linux

package nat

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
)

// labs counts those of this process.
var labs atomic.Int64

// A lab is a public network with homes on it.
type lab struct {
	t      *testing.T
	name   string // begins those of its namespaces
	public namespace
	homes  int
}

// newLab makes a lab without homes that ends with the test. It skips a test that
// cannot run here; in CI everything has to.
func newLab(t *testing.T) *lab {
	t.Helper()
	if reason := missing(); reason != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	own, err := owner()
	if err == nil {
		err = ensureKeeper()
	}
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, name: fmt.Sprintf("%s%d.", own, labs.Add(1))}
	l.public = namespace(l.name + "public")
	t.Cleanup(l.takeDown)
	if err := l.build(); err != nil {
		t.Fatalf("build the public network: %v", err)
	}
	return l
}

// missing says why there can be no lab here, and what to do about it.
func missing() string {
	for _, program := range []string{"ip", "iptables-restore", "ip6tables-restore"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Sprintf("%s is missing: apt-get install iproute2 iptables, and have /usr/sbin in PATH", program)
		}
	}
	if os.Geteuid() != 0 {
		return "network namespaces are for root: run as root, or below unshare --user --map-root-user --net --mount"
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Sprintf("%v: modprobe tun, and let the container have it", err)
	}
	return ""
}

func (l *lab) takeDown() {
	if err := takeDown(l.name); err != nil {
		l.t.Errorf("take down the lab: %v", err)
	}
}

// serverAddress is where the nth server is, counting from 1.
func serverAddress(f family, n int) netip.Addr {
	if f == ipv6 {
		return netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n))
	}
	return netip.MustParseAddr(fmt.Sprintf("198.18.0.%d", n))
}

// servers is how many addresses servers have.
const servers = 4

func (l *lab) build() error {
	if err := addHost(l.public); err != nil {
		return err
	}
	if err := l.public.addBridge(); err != nil {
		return err
	}
	var lines []string
	for n := range servers {
		lines = append(lines,
			fmt.Sprintf("addr add %s/16 dev br0", serverAddress(ipv4, n+1)),
			fmt.Sprintf("addr add %s/64 dev br0 nodad", serverAddress(ipv6, n+1)))
	}
	return l.public.ip(lines...)
}

// addBridge makes br0, past which no packet comes to iptables: a machine that runs
// containers has Linux do that.
func (n namespace) addBridge() error {
	if err := n.ip("link add br0 type bridge", "link set br0 up"); err != nil {
		return err
	}
	for _, which := range []string{"iptables", "ip6tables"} {
		if err := n.set("0", "bridge/bridge-nf-call-"+which); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// addHost makes a namespace whose addresses can be used at once, and which
// believes nobody's word about routes.
func addHost(n namespace) error {
	if err := feed([]string{"netns add " + string(n)}, "ip", "-batch", "-"); err != nil {
		return err
	}
	for _, which := range []string{"all", "default"} {
		if err := n.set("0", "ipv4/conf/"+which+"/rp_filter", "ipv6/conf/"+which+"/accept_dad", "ipv6/conf/"+which+"/accept_ra"); err != nil {
			return err
		}
	}
	if err := n.set("1", "ipv4/ip_forward", "ipv6/conf/all/forwarding"); err != nil {
		return err
	}
	return n.ip("link set lo up")
}
