package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/seed-3a7b6cbd/signal/turn"
)

// publicIPTime is what a name or a STUN server may take to say our address.
const publicIPTime = 5 * time.Second

// listen opens --listen for HTTP, and returns what TURN has of the same port: nil
// if that is HTTP's alone.
func (n *node) listen() (relay net.Listener, err error) {
	c := &n.cfg
	over, err := n.tlsConfig()
	if err != nil {
		return nil, err
	}
	if n.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, listenError("--listen", c.Listen, err)
	}
	n.listener = c.Proxies.behindProxies(n.listener)
	if over != nil {
		n.listener = tls.NewListener(n.listener, over)
	}
	if over == nil && !c.sharesPort() {
		return nil, nil
	}
	n.listener, relay = turn.Split(n.listener)
	if !c.sharesPort() { // the handshakes are bounded all the same
		return nil, relay.Close()
	}
	return relay, nil
}

// tlsConfig is nil where HTTP is plain.
func (n *node) tlsConfig() (*tls.Config, error) {
	switch c := &n.cfg; {
	case c.TLSCert != "":
		files, err := turn.TLSFiles(c.TLSCert, c.TLSKey, n.log)
		if err != nil {
			return nil, badSetting("--tls-cert, --tls-key: %v", err)
		}
		return files, nil
	case c.Domain != "":
		var err error
		if n.issued, err = c.newIssued(n.log); err != nil {
			return nil, err
		}
		return n.issued.config(), nil
	case c.LAN:
		return c.lanConfig(n.log)
	}
	return nil, nil
}

// newTURN makes the TURN server, which has relay, if it is not nil, beside its own
// listeners.
func (n *node) newTURN(relay net.Listener) error {
	c := &n.cfg
	cfg := turn.Config{
		Listen:     c.turnListen(n.address().Port()),
		PublicName: c.PublicHost,
		URLs:       c.TURNURLs,
		Realm:      c.TURNRealm,
		Proxies:    c.Proxies.trusted,
		Alive:      func(peer string) bool { return n.signaling.Alive(peer) },
		NoFastPath: !c.TURNFastPath,
		Logger:     n.log,
	}
	if cfg.MaxConnectionsPerIP = c.MaxIPLinks; c.MaxIPLinks == 0 {
		cfg.MaxConnectionsPerIP = -1
	}
	switch {
	case relay == nil:
	case c.secure():
		cfg.TLSListeners = []net.Listener{relay}
	default:
		cfg.Listeners = []net.Listener{relay}
	}
	var err error
	if cfg.PublicIP, err = c.publicIP(n.log); err != nil {
		return err
	}
	if c.TURNSecret != "" {
		cfg.Secrets = []string{c.TURNSecret}
	}
	if c.Relay == "open" {
		cfg.Relay = turn.RelayOpen
	}
	if cfg.MinPort, cfg.MaxPort, err = c.relayPorts(); err != nil {
		return err
	}
	if n.turn, err = turn.New(cfg); err != nil {
		return listenError("--turn-listen", strings.Join(cfg.Listen, ","), err)
	}
	return nil
}

// publicIP finds the address that --turn-public-ip names, or what --domain or --lan
// have in its place; zero if they say nothing.
func (c *Config) publicIP(log *slog.Logger) (netip.Addr, error) {
	text := c.TURNPublicIP
	switch {
	case text == "" && c.LAN:
		return lanIP(), nil
	case text == "" && c.Domain == "":
		return netip.Addr{}, nil
	case text == "":
		text = "dns:" + c.Domain
	}
	ctx, cancel := context.WithTimeout(context.Background(), publicIPTime)
	defer cancel()
	ip, err := turn.FindPublicIP(ctx, text)
	switch {
	case err != nil && c.TURNPublicIP == "":
		log.Warn("the name of --domain has no address yet, so relayed candidates have that of an interface", "error", err)
		return netip.Addr{}, nil
	case err != nil:
		return ip, fmt.Errorf("--turn-public-ip: %w", err)
	case c.TURNPublicIP == "" && (ip.IsLoopback() || ip.IsLinkLocalUnicast()): // Debian's /etc/hosts has 127.0.1.1 for the own name
		log.Warn("here the name of --domain leads to this host itself, so relayed candidates have the address of an interface: set --turn-public-ip if that is another", "address", ip)
		return netip.Addr{}, nil
	}
	return ip, nil
}

// listenError says what to do about an address that cannot be had.
func listenError(setting, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && setting == "--listen":
		return fmt.Errorf("%s %q: the port is in use; stop what listens there, or choose another as in --listen localhost:8081", setting, address)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s %q: the port is in use; stop what listens there, choose another, or leave TURN out with --no-turn", setting, address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s %q: not permitted; choose a port above 1023, or grant CAP_NET_BIND_SERVICE", setting, address)
	}
	return fmt.Errorf("%s %q: %w", setting, address, err)
}
