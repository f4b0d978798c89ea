package turn

import (
	"net/netip"
	"slices"
)

// special are the addresses that no stranger has any business to reach through
// us: those of this host, of networks behind it, and of no single host (IANA
// special-purpose registries; 100.64/10 and 169.254/16 hold the metadata
// services of clouds).
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	"64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

// embeddings are prefixes behind which IPv6 addresses hold an IPv4 one, with
// the byte at which it begins.
var embeddings = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible; :: and ::1 become 0.0.0.0/8
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
}

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// canonical returns the address that packets to ip arrive at in the end.
func canonical(ip netip.Addr) netip.Addr {
	ip = ip.WithZone("").Unmap()
	if ip.Is4() {
		return ip
	}
	for _, e := range embeddings {
		if e.prefix.Contains(ip) {
			b := ip.As16()
			return netip.AddrFrom4([4]byte(b[e.at:]))
		}
	}
	return ip
}

// policy says which peers an open relay reaches.
type policy struct {
	public netip.Addr     // permitted, since other allocations are there; see openRelays.route
	local  []netip.Addr   // the addresses of this host
	allow  []netip.Prefix // permitted in any case
}

func (p *policy) permits(peer netip.Addr) bool {
	if p.own(peer) || p.allowed(peer) {
		return true
	}
	return !slices.Contains(p.local, peer.WithZone("")) &&
		!slices.Contains(p.local, canonical(peer)) && !contains(special, canonical(peer))
}

// own says whether peer is the public address: as it is, since that may be one
// like ::1 that holds another, or in whatever encoding.
func (p *policy) own(peer netip.Addr) bool {
	return peer == p.public || canonical(peer) == p.public
}

// allowed says whether the configuration names peer, in whatever encoding.
func (p *policy) allowed(peer netip.Addr) bool {
	return contains(p.allow, canonical(peer)) || contains(p.allow, peer.WithZone(""))
}

func contains(list []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
}
