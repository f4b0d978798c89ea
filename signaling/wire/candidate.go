package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// candidateLine rebuilds a candidate attribute (RFC 8839 section 5.1) that the
// policy allows, and reports false if it does not. The related address, which
// is where the relayed one was asked for from, goes; so does the foundation,
// which browsers make of the base address.
func (w *work) candidateLine(line string) (string, bool) {
	value, ok := strings.CutPrefix(strings.TrimPrefix(line, "a="), "candidate:")
	f := strings.Fields(value)
	if !ok || len(f) < 8 || f[6] != "typ" {
		return "", false
	}
	addr, err := netip.ParseAddr(f[4])
	if err != nil || addr.Zone() != "" || !w.allows(f[7], addr) {
		return "", false
	}
	component, err1 := strconv.ParseUint(f[1], 10, 8)
	priority, err2 := strconv.ParseUint(f[3], 10, 32)
	port, err3 := strconv.ParseUint(f[5], 10, 16)
	if err1 != nil || err2 != nil || err3 != nil || !isTransport(f[2]) {
		return "", false
	}
	b := append(make([]byte, 0, 160), "candidate:"...)
	b = strconv.AppendUint(b, uint64(w.foundation(f[0])), 10)
	b = strconv.AppendUint(append(b, ' '), component, 10)
	b = append(append(append(b, ' '), f[2]...), ' ')
	b = append(strconv.AppendUint(b, priority, 10), ' ')
	b = append(addr.Unmap().AppendTo(b), ' ')
	b = strconv.AppendUint(b, port, 10)
	b = append(append(b, " typ "...), f[7]...)
	if addr.Unmap().Is4() {
		b = append(b, " raddr 0.0.0.0 rport 0"...)
	} else {
		b = append(b, " raddr :: rport 0"...)
	}
	for i := 8; i+1 < len(f); i += 2 {
		if extension(f[i], f[i+1]) {
			b = append(append(append(append(b, ' '), f[i]...), ' '), f[i+1]...)
		}
	}
	return string(b), true
}

// allows reports whether a candidate of that type may have that address.
func (w *work) allows(typ string, addr netip.Addr) bool {
	addr = addr.Unmap()
	switch typ {
	case "relay":
		return w.isRelay(addr)
	case "srflx", "prflx":
		return w.policy == PolicyNoHost && isPublic(addr)
	}
	return false
}

func (s *Stripper) isRelay(addr netip.Addr) bool {
	for _, p := range s.Relays {
		if p.Contains(addr) {
			return true
		}
	}
	return s.Relays == nil
}

// Addresses that netip calls global, and that are one's own or contain one that
// is: shared address space (RFC 6598), this network, protocol assignments, benchmarks
// and the reserved block (RFC 6890), IPv4 inside of IPv6 (RFC 6052, 8215, 4380, 3056,
// 2765), and site-local IPv6 (RFC 3879).
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("::ffff:0:0:0/96"), netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
}

// isPublic reports whether addr can be what a NAT shows to the world. The
// address that a client without one has is its host's.
func isPublic(addr netip.Addr) bool {
	for _, p := range notPublic {
		if p.Contains(addr) {
			return false
		}
	}
	return addr.IsGlobalUnicast() && !addr.IsPrivate()
}

// foundation replaces one, so that equal ones stay equal.
func (s *Stripper) foundation(f string) uint32 {
	sum := sha256.Sum256([]byte(s.Salt + f))
	return binary.BigEndian.Uint32(sum[:])
}

func isTransport(t string) bool {
	return strings.EqualFold(t, "udp") || strings.EqualFold(t, "tcp") || strings.EqualFold(t, "ssltcp")
}

// extension reports whether a further attribute of a candidate stays.
func extension(name, value string) bool {
	switch name {
	case "tcptype":
		return value == "active" || value == "passive" || value == "so"
	case "ufrag":
		return iceChars(value)
	case "generation", "network-id", "network-cost":
		return number(value)
	}
	return false
}

// iceChars reports whether s can be a user fragment or a password (RFC 8839
// section 5.4).
func iceChars(s string) bool {
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '+' && c != '/' {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

func number(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}
