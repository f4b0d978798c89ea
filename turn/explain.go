package turn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// localTime is how long the server may take to answer on its own host.
const localTime = 5 * time.Second

// explain says in words why a URL could not be reached, and what to do.
func (s *Server) explain(ctx context.Context, u serverURL, err error) error {
	var name *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &name):
		return fmt.Errorf("the name %s is not found: give it an address in DNS, or correct the public name: %w", u.host, err)
	case errors.As(err, &cert):
		return fmt.Errorf("clients will refuse the certificate: it has to be for %s, valid today, and with all that leads to a root that they know; if it is for another name, that one has to be the public name: %w", u.host, err)
	}
	at := s.answersHere(ctx, u.transport)
	if at == "" {
		return fmt.Errorf("no answer from %s: see that it leads to this server: %w", u.address(), err)
	}
	return fmt.Errorf("no answer from %s, though the server answers at %s on this host: let %s port %d through the firewall, forward it to this host if there is a NAT, and see that %s leads here; where a NAT does not lead a host back to itself, only a test from outside can tell: %w",
		u.address(), at, strings.ToUpper(u.transport), u.port, u.host, err)
}

// answersHere is the address of a socket of the server that answers on this host,
// or empty.
func (s *Server) answersHere(ctx context.Context, transport string) string {
	ctx, cancel := context.WithTimeout(ctx, localTime)
	defer cancel()
	var tries []serverURL
	if transport == "udp" {
		for _, conn := range s.udp {
			tries = append(tries, onThisHost("turn", "udp", conn.LocalAddr()))
		}
	} else {
		for _, l := range s.tcp {
			tries = append(tries, onThisHost("turn", "tcp", l.Addr()))
		}
		for _, l := range s.tls {
			tries = append(tries, onThisHost("turns", "tcp", l.Addr()))
		}
	}
	for _, u := range tries {
		// Only whether it answers is asked here, not to whom it belongs.
		if conn, err := reach(ctx, u, &tls.Config{InsecureSkipVerify: true}); err == nil {
			_ = conn.Close() // nothing was sent that matters
			return u.address()
		}
	}
	return ""
}

// onThisHost is how this host reaches one of its own sockets.
func onThisHost(scheme, transport string, addr net.Addr) serverURL {
	at := addrPort(addr)
	ip := at.Addr()
	if ip.IsUnspecified() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // such a socket takes both families
	}
	return serverURL{scheme: scheme, host: ip.String(), port: at.Port(), transport: transport}
}
