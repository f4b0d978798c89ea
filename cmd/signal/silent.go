package main

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// silent counts, by address, the connections on which no request has come yet, or no
// further one. It closes those above a limit: such a connection costs its maker
// nothing, and here a file descriptor and memory, for headerTime or idleTime. The two
// are counted apart: who closes idle ones harms nobody, and idle ones shall not keep
// those out that have a request to make.
type silent struct {
	most   int                   // per address; 0: any number
	exempt func(netip.Addr) bool // a proxy has many clients

	mu      sync.Mutex // guards the following
	waiting map[net.Conn]silence
	counts  map[silence]int
}

// A silence is what is counted together.
type silence struct {
	addr  netip.Addr
	state http.ConnState // new or idle
}

func newSilent(most int, exempt func(netip.Addr) bool) *silent {
	return &silent{most: most, exempt: exempt, waiting: map[net.Conn]silence{}, counts: map[silence]int{}}
}

// note is http.Server.ConnState.
func (s *silent) note(c net.Conn, state http.ConnState) {
	if s.most == 0 {
		return
	}
	if state != http.StateNew && state != http.StateIdle {
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
	of := silence{addr, state}
	s.mu.Lock()
	full := s.counts[of] >= s.most
	if !full {
		s.counts[of]++
		s.waiting[c] = of
	}
	s.mu.Unlock()
	if full {
		c.Close()
	}
}

func (s *silent) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := s.waiting[c]
	if !ok {
		return
	}
	delete(s.waiting, c)
	if s.counts[of]--; s.counts[of] == 0 {
		delete(s.counts, of)
	}
}
