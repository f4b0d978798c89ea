//go:build linux

package nat

import "fmt"

// A kind is what a router does, in the words of RFC 4787.
type kind string

const (
	// open routes and filters nothing.
	open kind = "open"
	// cone maps a socket to one outside, whoever it sends to, and lets in only
	// whom it has sent to: most homes. In IPv6 it is the firewall without NAT.
	cone kind = "cone"
	// fullCone is cone, and lets everybody in on a mapping.
	fullCone kind = "full cone"
	// symmetric maps a socket to another port for each destination.
	symmetric kind = "symmetric"
	// udpBlocked is cone for TCP, and lets no UDP through.
	udpBlocked kind = "UDP blocked"
	// onlyTCP443 lets nothing through but TCP to port 443.
	onlyTCP443 kind = "TCP 443 only"
	// onlyProxy lets nothing through at all. On the router is a proxy; see
	// home.proxy.
	onlyProxy kind = "proxy only"
)

// kinds are all, in the order of the table in web/docs/nat.md.
var kinds = []kind{open, cone, fullCone, symmetric, udpBlocked, onlyTCP443}

// filter gives the router the rules of its kind.
func (h *home) filter() error {
	for f, command := range map[family]string{ipv4: "iptables-restore", ipv6: "ip6tables-restore"} {
		rules := append([]string{"*nat"}, h.translation(f)...)
		rules = append(rules, "COMMIT", "*filter")
		rules = append(rules, h.admission(f)...)
		if err := h.router.restore(command, append(rules, "COMMIT")); err != nil {
			return err
		}
	}
	return nil
}

// translation is the table that says which addresses change.
func (h *home) translation(f family) []string {
	_, host := h.inside(f)
	switch {
	case h.kind == symmetric:
		return []string{
			"-A POSTROUTING -o wan0 -p udp -j MASQUERADE --random-fully",
			"-A POSTROUTING -o wan0 -p tcp -j MASQUERADE --random-fully",
		}
	case h.kind == open || f == ipv6:
		return nil
	case h.kind == fullCone:
		return []string{
			"-A POSTROUTING -o wan0 -j MASQUERADE",
			fmt.Sprintf("-A PREROUTING -i wan0 -p udp -j DNAT --to-destination %s", host.Addr()),
		}
	}
	// Linux keeps the port where it can, and with it one mapping for all
	// destinations.
	return []string{"-A POSTROUTING -o wan0 -j MASQUERADE"}
}

// admission is the table that says what gets through.
func (h *home) admission(f family) []string {
	icmp := map[family]string{ipv4: "icmp", ipv6: "ipv6-icmp"}[f]
	// What comes to the router itself has to vanish without an answer and without
	// being noted: Linux would else give the mapping that it came for to another
	// port, and no two cones would ever reach each other.
	rules := []string{
		"-A INPUT -i wan0 -p " + icmp + " -j ACCEPT",
		"-A INPUT -i wan0 -j DROP",
	}
	switch h.kind {
	case open:
		return rules
	case onlyProxy:
		return []string{"-A INPUT -i wan0 -m conntrack ! --ctstate ESTABLISHED -j DROP", "-A FORWARD -j DROP"}
	}
	if h.kind == udpBlocked || h.kind == onlyTCP443 {
		rules = append(rules, "-A FORWARD -p udp -j DROP")
	}
	rules = append(rules, "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
	if h.kind == fullCone {
		rules = append(rules, "-A FORWARD -i wan0 -p udp -j ACCEPT")
	}
	if h.kind == onlyTCP443 {
		rules = append(rules, "-A FORWARD -i lan0 -p tcp --dport 443 -j ACCEPT", "-A FORWARD -i lan0 -j DROP")
	}
	return append(rules, "-A FORWARD -i wan0 -j DROP")
}
