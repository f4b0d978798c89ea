package main

import (
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/pires/go-proxyproto"

	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

// Proxies are the settings of what stands in front.
type Proxies struct {
	TrustedProxies []string `help:"Addresses of proxies in front, alone or as networks. What they say of who connects through them counts." placeholder:"IP/BITS" group:"Proxies"`
	ProxyHeader    string   `help:"The header in which they say it: X-Forwarded-For or Forwarded." enum:"X-Forwarded-For,Forwarded" default:"X-Forwarded-For" group:"Proxies"`
	ProxyProtocol  bool     `help:"Connections of trusted proxies begin with a header of the PROXY protocol, version 1 or 2." group:"Proxies"`

	trusted []netip.Prefix // TrustedProxies; set by check
}

func (p *Proxies) check() error {
	for _, s := range p.TrustedProxies {
		prefix, err := netip.ParsePrefix(s)
		if addr, errAddr := netip.ParseAddr(s); errAddr == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil || prefix.Addr().Zone() != "" || prefix.Addr().Is4In6() {
			return badSetting("--trusted-proxies %q: not an address or a network; use one like 127.0.0.1 or 10.0.0.0/8 (it is %s)", s, otherNames("trusted-proxies"))
		}
		p.trusted = append(p.trusted, prefix.Masked())
	}
	if p.ProxyProtocol && len(p.trusted) == 0 {
		return badSetting("--proxy-protocol: nobody is trusted to speak it; name your proxies with --trusted-proxies (it is %s)", otherNames("proxy-protocol"))
	}
	return nil
}

func (p *Proxies) isTrusted(a netip.Addr) bool {
	for _, prefix := range p.trusted {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// remote is ws.Config.Remote. It warns, once, of a proxy that is not trusted: all
// of its clients share the limits of one address.
func (n *node) remote() func(*http.Request) netip.AddrPort {
	p := &n.cfg.Proxies
	remote := ws.BehindProxies(p.trusted, p.ProxyHeader)
	var warn sync.Once
	return func(r *http.Request) netip.AddrPort {
		from := remote(r)
		if direct := addrPort(r.RemoteAddr); len(r.Header.Values(p.ProxyHeader)) > 0 && !p.isTrusted(direct.Addr()) {
			warn.Do(func() {
				n.log.Warn("a request came through a proxy that is not trusted: all of its clients count as one address for the limits; if it is yours, name it with --trusted-proxies", "header", p.ProxyHeader)
			})
		}
		return from
	}
}

func addrPort(s string) netip.AddrPort {
	a, _ := netip.ParseAddrPort(s) // zero if it is none
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// behindProxies makes connections of l, where trusted proxies make them, those of
// their clients. A connection of somebody else is what it is.
func (p *Proxies) behindProxies(l net.Listener) net.Listener {
	if !p.ProxyProtocol {
		return l
	}
	return proxiedListener{&proxyproto.Listener{
		Listener:          l,
		ReadHeaderTimeout: headerTime,
		ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			if p.isTrusted(addrPort(o.Upstream.String()).Addr()) {
				return proxyproto.REQUIRE, nil
			}
			return proxyproto.SKIP, nil
		},
	}}
}

type proxiedListener struct{ *proxyproto.Listener }

func (l proxiedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if proxied, ok := c.(*proxyproto.Conn); ok {
		return proxiedConn{proxied}, err
	}
	return c, err
}

// A proxiedConn can be closed for writing alone, as a TCP connection: clients
// would else not see the last frame.
type proxiedConn struct{ *proxyproto.Conn }

func (c proxiedConn) CloseWrite() error {
	if tcp, ok := c.TCPConn(); ok {
		return tcp.CloseWrite()
	}
	return nil
}
