package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// firewallRules are what has to be let in for a server that listens at these
// addresses, over TCP for HTTP and else as turn.Config.Listen has them.
func firewallRules(http string, turn []string, relayPorts string) string {
	ports := map[string][]string{}
	add := func(network, address string) {
		_, port, _ := net.SplitHostPort(address) // checked
		if !slices.Contains(ports[network], port) {
			ports[network] = append(ports[network], port)
		}
	}
	add("tcp", http)
	for _, text := range turn {
		network, address, _ := strings.Cut(text, "://")
		add(network, address)
	}
	if relayPorts != "" {
		ports["udp"] = append(ports["udp"], relayPorts)
	}
	var b strings.Builder
	b.WriteString("\nA firewall has to let in, as with ufw:\n")
	for _, network := range []string{"tcp", "udp"} {
		for _, port := range ports[network] {
			fmt.Fprintf(&b, "    ufw allow %s/%s\n", strings.Replace(port, "-", ":", 1), network)
		}
	}
	b.WriteString("or with nftables:\n")
	for _, network := range []string{"tcp", "udp"} {
		if len(ports[network]) > 0 {
			fmt.Fprintf(&b, "    nft add rule inet filter input %s dport { %s } accept\n", network, strings.Join(ports[network], ", "))
		}
	}
	return b.String() + "\n"
}

// firewall is what an operator is told of it.
func (n *node) firewall() string {
	c := &n.cfg
	if !c.TURN {
		return firewallRules(n.address().String(), nil, "")
	}
	relayPorts := ""
	if c.Relay == "open" {
		relayPorts = c.RelayPorts
	}
	return firewallRules(n.address().String(), c.turnListen(n.address().Port()), relayPorts)
}
