package turn

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// advertise works out the public address and the URLs of all sockets.
func (s *Server) advertise() error {
	udp := make([]netip.AddrPort, 0, 4)
	for _, conn := range slices.Concat(s.udp, s.cfg.PacketConns) {
		udp = append(udp, addrPort(conn.LocalAddr()))
	}
	tcp := addrPorts(s.tcp, s.cfg.Listeners)
	tls := addrPorts(s.tls, s.cfg.TLSListeners)
	given := s.cfg.PublicIP.Unmap()
	s.cfg.PublicIP = given
	if !given.IsValid() {
		var err error
		if s.cfg.PublicIP, err = publicIP(slices.Concat(udp, tcp, tls)); err != nil {
			return err
		}
	}
	public := func(local netip.AddrPort) string {
		ip := local.Addr().WithZone("")
		if !ip.IsValid() || ip.IsUnspecified() || given.IsValid() && given.Is4() == ip.Is4() {
			ip = s.cfg.PublicIP
		}
		return netip.AddrPortFrom(ip, local.Port()).String()
	}
	for _, at := range udp {
		host := public(at)
		s.stunURLs = append(s.stunURLs, "stun:"+host)
		s.turnURLs = append(s.turnURLs, fmt.Sprintf("turn:%s?transport=udp", host))
	}
	for _, at := range tcp {
		s.turnURLs = append(s.turnURLs, fmt.Sprintf("turn:%s?transport=tcp", public(at)))
	}
	for _, at := range tls {
		s.turnURLs = append(s.turnURLs, fmt.Sprintf("turns:%s?transport=tcp", public(at)))
	}
	return nil
}

func addrPorts(some, more []net.Listener) []netip.AddrPort {
	var list []netip.AddrPort
	for _, l := range slices.Concat(some, more) {
		list = append(list, addrPort(l.Addr()))
	}
	return list
}
