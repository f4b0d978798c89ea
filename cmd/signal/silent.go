package main

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// silent counts, by address, the connections on which no request has come yet. It
// closes those above a limit: such a connection costs its maker nothing, and here a
// file descriptor and memory for headerTime.
type silent struct {
	most   int                   // per address; 0: any number
	exempt func(netip.Addr) bool // a proxy has many clients

	mu      sync.Mutex // guards the following
	waiting map[net.Conn]netip.Addr
	counts  map[netip.Addr]int
}

func newSilent(most int, exempt func(netip.Addr) bool) *silent {
	return &silent{most: most, exempt: exempt, waiting: map[net.Conn]netip.Addr{}, counts: map[netip.Addr]int{}}
}

// note is http.Server.ConnState.
func (s *silent) note(c net.Conn, state http.ConnState) {
	if s.most == 0 {
		return
	}
	if state != http.StateNew {
		s.forget(c)
		return
	}
	from := c
	if proxied, ok := c.(proxiedConn); ok {
		from = proxied.Raw() // not to wait for what the proxy says
	}
	addr := addrPort(from.RemoteAddr().String()).Addr()
	if !addr.IsValid() || s.exempt(addr) {
		return
	}
	if addr = addr.WithZone(""); addr.Is6() { // a customer has a /64 at the least
		addr = netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	s.mu.Lock()
	full := s.counts[addr] >= s.most
	if !full {
		s.counts[addr]++
		s.waiting[c] = addr
	}
	s.mu.Unlock()
	if full {
		c.Close()
	}
}

func (s *silent) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	addr, ok := s.waiting[c]
	if !ok {
		return
	}
	delete(s.waiting, c)
	if s.counts[addr]--; s.counts[addr] == 0 {
		delete(s.counts, addr)
	}
}
