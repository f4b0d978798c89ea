package ws

import (
	"net/http"
	"net/netip"
	"strings"
)

// Headers in which proxies say for whom they connect.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
)

// BehindProxies is a Config.Remote for a server that clients reach through
// proxies. Only what the trusted ones say counts: of the addresses in the header
// it takes the right-most that is none of theirs, since what stands left of
// that came from the client itself. header is XForwardedFor or Forwarded: the one
// that the proxies write; the other one would be the client's word.
func BehindProxies(trusted []netip.Prefix, header string) func(*http.Request) netip.AddrPort {
	isTrusted := func(a netip.Addr) bool {
		for _, p := range trusted {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	return func(r *http.Request) netip.AddrPort {
		remote := remoteOf(r)
		rest := strings.Join(r.Header.Values(header), ",")
		for rest != "" && isTrusted(remote.Addr()) {
			var hop string
			if header == Forwarded {
				rest, hop = cutLast(rest, ',')
				hop = forParameter(hop)
			} else {
				i := strings.LastIndexByte(rest, ',')
				rest, hop = rest[:max(i, 0)], rest[i+1:]
			}
			next, ok := parseHop(hop)
			if !ok {
				return remote // "unknown", hidden, or broken: the proxy that says so is all that is known
			}
			remote = next
		}
		return remote
	}
}

// forParameter is the value of for= in one element of Forwarded. Of two none counts
// (RFC 7239 §4): one may have come in with a Host that the proxy repeats.
func forParameter(element string) (value string) {
	found := false
	for element != "" {
		var pair string
		element, pair = cutLast(element, ';')
		name, v, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "for") {
			continue
		}
		if found {
			return ""
		}
		value, found = strings.Trim(strings.TrimSpace(v), `"`), true
	}
	return value
}

// cutLast cuts s at the last sep that is not between quotation marks. These are
// counted from the right: on the left a client may have left one open.
func cutLast(s string, sep byte) (before, last string) {
	quoted := false
	for i := len(s) - 1; i >= 0; i-- {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return "", s
}

// parseHop reads an address, with or without a port.
func parseHop(s string) (netip.AddrPort, bool) {
	s = strings.TrimSpace(s)
	hop, err := netip.ParseAddrPort(s)
	if err != nil {
		if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
			s = s[1 : len(s)-1]
		}
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.AddrPort{}, false
		}
		hop = netip.AddrPortFrom(addr, 0)
	}
	return netip.AddrPortFrom(hop.Addr().Unmap().WithZone(""), hop.Port()), true
}
