package turn

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Relay says what relayed addresses are.
type Relay int

const (
	// RelayClosed relays from allocation to allocation in memory only.
	RelayClosed Relay = iota
	// RelayOpen gives each allocation a UDP socket that reaches other hosts.
	RelayOpen
)

// Defaults of Config.
const (
	DefaultListenUDP             = "udp://:3478"
	DefaultListenTCP             = "tcp://:3478"
	DefaultRealm                 = "signal"
	DefaultTTL                   = 10 * time.Minute
	DefaultMinPort               = 49152 // RFC 8656 §7.2: the dynamic range
	DefaultMaxPort               = 65535
	DefaultMaxAllocationsPerPeer = 32 // a mesh of 6 needs 15 and more; doubled at a network switch
	DefaultMaxConnections        = 10_000
	DefaultMaxConnectionsPerIP   = 256    // offices behind one address have to work
	DefaultMaxAllocations        = 10_000 // below the 15,535 virtual ports, so that a freed one rests
)

// minSecret is the least length of a shared secret: whoever has one credential
// can try secrets against it at leisure.
const minSecret = 32

// Config configures a Server. The zero Config is a working server for UDP and
// TCP at port 3478, with a closed relay and a secret of its own.
type Config struct {
	// Listen are the addresses to bind: "udp://host:port", "tcp://host:port" and
	// "tls://host:port", where an empty host means every address, of IPv4 and
	// IPv6, and port 0 a free one. If Listen, PacketConns, Listeners and
	// TLSListeners are all empty, it is "udp://:3478" and "tcp://:3478".
	Listen []string

	// TLS has the certificate of what Listen names as tls://; see TLSFiles.
	TLS *tls.Config

	// PacketConns and Listeners are sockets that are bound already, for UDP
	// and for TCP, and TLSListeners those where connections come out of TLS, as
	// of Split. A server that New returns owns and closes them. They need working
	// read deadlines, as those of package net have.
	PacketConns  []net.PacketConn
	Listeners    []net.Listener
	TLSListeners []net.Listener

	// PublicIP is the address clients reach the server at: that of relayed
	// addresses, and of the URLs but for those of a listener that is bound to an
	// address of the other family. Zero means the address of the first listener
	// that has one, else the first IPv4 address, else the first IPv6 address
	// of an interface that is neither loopback nor link-local, else 127.0.0.1.
	// Behind a NAT it has to be given; see FindPublicIP.
	PublicIP netip.Addr

	// PublicName is a name of the server, which the URLs have in place of
	// addresses. TURN over TLS needs one that the certificate has. Empty: none.
	PublicName string

	// URLs are given to clients in place of those that follow from the listeners,
	// the public address and its name: where ports are others outside, or a load
	// balancer ends TLS. They are written as RFC 7064 and RFC 7065 say. None: those
	// that follow.
	URLs []string

	// Realm is the realm of the credentials. Empty means "signal".
	Realm string

	// Secrets are the shared secrets, of at least 32 bytes each. The first
	// signs, all verify: to rotate, put the new one in front and drop the old
	// one when the calls that began under it are over. None means a random
	// one, which other processes do not know and which does not outlive this.
	Secrets []string

	// TTL is how long credentials are good for new allocations. Zero means 10
	// minutes.
	TTL time.Duration

	// Relay is RelayClosed or RelayOpen. Zero means RelayClosed.
	Relay Relay

	// MinPort and MaxPort are the first and the last port of an open relay.
	// Zero means 49152 and 65535.
	MinPort, MaxPort uint16

	// AllowPeers are addresses an open relay reaches though they are special
	// or the server's own. IPv4 addresses are meant in every encoding.
	AllowPeers []netip.Prefix

	// MaxAllocationsPerPeer and MaxAllocations bound how many live at once.
	// Zero means 32 and 10,000.
	MaxAllocationsPerPeer int
	MaxAllocations        int

	// NoFastPath has pion relay every packet. Otherwise the data of channels
	// passes it by, at a fraction of the cost; nothing else is different.
	NoFastPath bool

	// MaxConnections and MaxConnectionsPerIP bound the connections of TCP and TLS
	// that there are at once, in all and from one address or one /64 of IPv6; those
	// above are closed. Zero means 10,000 and 256, negative any number.
	MaxConnections      int
	MaxConnectionsPerIP int

	// Proxies are addresses behind which there are many clients, as those of a
	// load balancer that does not say for whom it connects. MaxConnectionsPerIP
	// does not count for them.
	Proxies []netip.Prefix

	// Loops is how many sockets share the address of each entry of Listen for
	// UDP, on Linux, each relaying in a goroutine of its own. Zero means one
	// for each CPU, up to 8.
	Loops int

	// Alive says whether the session of a peer lives. It is called for each
	// authenticated request and by Revoke and CloseAllocations, from several
	// goroutines, and has to return at once: a client waits for it, over UDP all
	// do. It must not call the Server. Nil means that all live.
	Alive func(peer string) bool

	// Logger hears of trouble with listeners; of clients and packets only at
	// debug level. Nil means that nothing is logged.
	Logger *slog.Logger

	// Now is the wall clock that credentials are judged by. Nil means
	// time.Now.
	Now func() time.Time

	// hook is asked about each packet that is about to be relayed from a client
	// of a peer to an address. If it returns false the packet goes no further,
	// and it may keep a copy. Nil in production.
	hook func(peer string, to netip.AddrPort, data []byte) bool

	fast fastOptions
}

func (c Config) withDefaults() Config {
	if len(c.Listen)+len(c.PacketConns)+len(c.Listeners)+len(c.TLSListeners) == 0 {
		c.Listen = []string{DefaultListenUDP, DefaultListenTCP}
	}
	if len(c.Secrets) == 0 {
		c.Secrets = []string{rand.Text() + rand.Text()}
	}
	c.Realm = cmp.Or(c.Realm, DefaultRealm)
	c.TTL = cmp.Or(c.TTL, DefaultTTL)
	c.MinPort = cmp.Or(c.MinPort, DefaultMinPort)
	c.MaxPort = cmp.Or(c.MaxPort, DefaultMaxPort)
	c.MaxAllocationsPerPeer = cmp.Or(c.MaxAllocationsPerPeer, DefaultMaxAllocationsPerPeer)
	c.MaxConnections = cmp.Or(c.MaxConnections, DefaultMaxConnections)
	c.MaxConnectionsPerIP = cmp.Or(c.MaxConnectionsPerIP, DefaultMaxConnectionsPerIP)
	c.MaxAllocations = cmp.Or(c.MaxAllocations, DefaultMaxAllocations)
	if c.Alive == nil {
		c.Alive = func(string) bool { return true }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// validate judges a Config withDefaults has gone through.
func (c Config) validate() error {
	for i, secret := range c.Secrets {
		if len(secret) < minSecret {
			return fmt.Errorf("turn: secret %d has %d bytes: it needs at least %d, as from `openssl rand -base64 32`", i+1, len(secret), minSecret)
		}
	}
	if c.TLS == nil {
		for _, text := range c.Listen {
			if strings.HasPrefix(text, "tls://") {
				return fmt.Errorf("turn: listen %q: there is no certificate: set Config.TLS, as TLSFiles makes it", text)
			}
		}
	}
	switch {
	case c.TTL < 0:
		return fmt.Errorf("turn: credential TTL %v: it has to be positive", c.TTL)
	case c.Relay != RelayClosed && c.Relay != RelayOpen:
		return fmt.Errorf("turn: relay %d: use RelayClosed or RelayOpen", c.Relay)
	case c.MinPort > c.MaxPort:
		return fmt.Errorf("turn: relay ports %d-%d: the first has to come before the last", c.MinPort, c.MaxPort)
	case c.Loops < 0:
		return fmt.Errorf("turn: %d loops: use 1 or more, or 0 for one for each CPU", c.Loops)
	case c.MaxAllocationsPerPeer < 0 || c.MaxAllocations < 0:
		return fmt.Errorf("turn: %d allocations per peer, %d in all: limits have to be positive", c.MaxAllocationsPerPeer, c.MaxAllocations)
	case strings.ContainsAny(c.PublicName, ":/?#[]@ \t"):
		return fmt.Errorf("turn: public name %q: write it like call.example, without scheme and port", c.PublicName)
	case c.PublicIP.IsUnspecified() || c.PublicIP.Zone() != "":
		return fmt.Errorf("turn: public address %v: give one that clients can reach", c.PublicIP)
	}
	for _, p := range c.AllowPeers {
		if !p.IsValid() {
			return errors.New("turn: an allowed peer prefix is invalid: write it like 10.0.0.0/8")
		}
	}
	return nil
}

// addrPort is the address of a socket of UDP or TCP in its one canonical form,
// zero for any other.
func addrPort(addr net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := addr.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
