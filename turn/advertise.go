package turn

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// advertise works out the public address, and the URLs that clients are given.
func (s *Server) advertise() error {
	var udp, tcp, tls []netip.AddrPort
	for _, conn := range slices.Concat(s.udp, s.cfg.PacketConns) {
		udp = append(udp, addrPort(conn.LocalAddr()))
	}
	udp = slices.Compact(udp) // sockets of several loops have one address
	for _, l := range slices.Concat(s.tcp, s.cfg.Listeners) {
		tcp = append(tcp, addrPort(l.Addr()))
	}
	for _, l := range slices.Concat(s.tls, s.cfg.TLSListeners) {
		tls = append(tls, addrPort(l.Addr()))
	}
	given := s.cfg.PublicIP.Unmap()
	s.cfg.PublicIP = given
	if !given.IsValid() {
		var err error
		if s.cfg.PublicIP, err = publicIP(slices.Concat(udp, tcp, tls)); err != nil {
			return err
		}
	}
	if len(s.cfg.URLs) > 0 {
		return s.useURLs(len(udp) > 0, len(tcp)+len(tls) > 0)
	}
	for _, at := range udp {
		host := s.public(at, given)
		s.stunURLs = append(s.stunURLs, "stun:"+host)
		s.turnURLs = append(s.turnURLs, fmt.Sprintf("turn:%s?transport=udp", host))
	}
	for _, at := range tcp {
		s.turnURLs = append(s.turnURLs, fmt.Sprintf("turn:%s?transport=tcp", s.public(at, given)))
	}
	for _, at := range tls {
		s.turnURLs = append(s.turnURLs, fmt.Sprintf("turns:%s?transport=tcp", s.public(at, given)))
	}
	return nil
}

// public is where clients reach what listens at local, by the public name, by
// the public address, or by the one that it is bound to.
func (s *Server) public(local netip.AddrPort, given netip.Addr) string {
	if s.cfg.PublicName != "" {
		return net.JoinHostPort(s.cfg.PublicName, strconv.Itoa(int(local.Port())))
	}
	ip := local.Addr().WithZone("")
	if !ip.IsValid() || ip.IsUnspecified() || given.IsValid() && given.Is4() == ip.Is4() {
		ip = s.cfg.PublicIP
	}
	return netip.AddrPortFrom(ip, local.Port()).String()
}

// useURLs takes those of Config.URLs, which need listeners to end at.
func (s *Server) useURLs(udp, streams bool) error {
	for _, text := range s.cfg.URLs {
		u, err := parseURL(text)
		switch {
		case err != nil:
			return err
		case u.transport == "udp" && !udp:
			return fmt.Errorf("turn: URL %q: the server does not listen for UDP: add a udp:// listener", text)
		case u.transport == "tcp" && !streams:
			return fmt.Errorf("turn: URL %q: the server does not listen for TCP or TLS: add a tcp:// or tls:// listener", text)
		case u.scheme == "stun":
			s.stunURLs = append(s.stunURLs, text)
		default:
			s.turnURLs = append(s.turnURLs, text)
		}
	}
	return nil
}

// CheckURL says what keeps text from being one of Config.URLs, if anything.
func CheckURL(text string) error {
	_, err := parseURL(text)
	return err
}

// serverURL is the URL of a server of STUN or TURN, taken apart.
type serverURL struct {
	scheme    string // stun, turn or turns
	host      string // a name or an address
	port      uint16
	transport string // udp or tcp
}

func (u serverURL) String() string {
	text := u.scheme + ":" + u.address()
	if u.scheme != "stun" {
		text += "?transport=" + u.transport
	}
	return text
}

// address is where to dial.
func (u serverURL) address() string { return net.JoinHostPort(u.host, strconv.Itoa(int(u.port))) }

// parseURL takes a URL apart, as RFC 7064 and RFC 7065 write them. The parser of
// pion/stun does not come back from some.
func parseURL(text string) (u serverURL, err error) {
	scheme, rest, _ := strings.Cut(text, ":")
	at, query, hasQuery := strings.Cut(rest, "?")
	u = serverURL{scheme: strings.ToLower(scheme), host: at, port: 3478, transport: "udp"}
	switch u.scheme {
	case "stun", "turn":
	case "turns":
		u.port, u.transport = 5349, "tcp"
	default:
		return u, fmt.Errorf("turn: URL %q: not of STUN or TURN: write it like turn:call.example:3478?transport=udp", text)
	}
	if host, port, err := net.SplitHostPort(at); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return u, fmt.Errorf("turn: URL %q: a port that cannot be: write it like turn:call.example:3478?transport=udp", text)
		}
		u.host, u.port = host, uint16(n)
	} else if strings.HasPrefix(at, "[") && strings.HasSuffix(at, "]") {
		u.host = at[1 : len(at)-1]
	}
	if ip, err := netip.ParseAddr(u.host); err != nil && (u.host == "" || strings.ContainsAny(u.host, "[]:/#@% ")) || ip.Zone() != "" {
		return u, fmt.Errorf("turn: URL %q: a host that cannot be: write it like turn:call.example:3478?transport=udp", text)
	}
	if hasQuery {
		u.transport = strings.TrimPrefix(query, "transport=")
	}
	switch {
	case hasQuery && (u.scheme == "stun" || u.transport != "udp" && u.transport != "tcp" || u.transport == query):
		return u, fmt.Errorf("turn: URL %q: %q means nothing behind it: write it like turn:call.example:3478?transport=udp", text, query)
	case u.scheme == "turns" && u.transport == "udp":
		return u, fmt.Errorf("turn: URL %q: DTLS is not offered: write it like turns:call.example:443?transport=tcp", text)
	}
	return u, nil
}
