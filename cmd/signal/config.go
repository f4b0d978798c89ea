package main

import (
	"cmp"
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/ws"
	"github.com/seed-3a7b6cbd/signal/turn"
)

// minSecret is the least length of a key that others could try to guess.
const minSecret = 32

// defaultListen is the default of --listen.
const defaultListen = "localhost:8080"

// turnPort is the one that RFC 8656 §19.1 gives to TURN.
const turnPort = "3478"

// Config is what `signal serve` can be told. Each setting is a flag, an
// environment variable and a key of the configuration file; the first of them
// that says something counts.
type Config struct {
	Config string `help:"Read settings from this YAML file; its keys are the names of the flags." placeholder:"FILE" type:"path"`

	Listen   string   `help:"Where to serve the page and the WebSocket. On a loopback address pages of every port of this machine may connect: that is for development. Default: ${listen}, with --domain :443, with --lan :8443." placeholder:"HOST:PORT"`
	BasePath string   `help:"Where below the host everything is." default:"/"`
	Origins  []string `help:"Origins of other sites whose pages may connect." placeholder:"https://HOST"`

	PublicHost string `help:"The name at which clients reach this server: that of the TURN URLs. TURN over TLS needs one that the certificate has." placeholder:"NAME"`
	TLSCert    string `name:"tls-cert" help:"Serve HTTPS with the certificate in this PEM file, and TURN over TLS at the same port. A newer file is used as soon as it is there." placeholder:"FILE" type:"path"`
	TLSKey     string `name:"tls-key" help:"The key of that certificate." placeholder:"FILE" type:"path"`

	Domain        string `help:"Serve everybody under this name: its certificate comes from Let's Encrypt, whose terms you accept by this, HTTPS is at :443 with TURN over TLS, and browsers are told to use nothing else." placeholder:"NAME"`
	ACMEEmail     string `name:"acme-email" help:"Where the certificate authority can write to." placeholder:"ADDRESS"`
	ACMEDirectory string `name:"acme-directory" help:"Another certificate authority that speaks ACME." placeholder:"URL"`

	LAN bool `name:"lan" help:"Try calls between devices of one network: HTTPS at :8443 with a certificate that this machine signs, a QR code of the address, and no request to anywhere."`

	TURN         bool     `name:"turn" help:"Run the TURN server; --no-turn to leave it out." default:"true" negatable:"" group:"TURN"`
	TURNListen   []string `name:"turn-listen" help:"Where TURN listens: over UDP and TCP, or only one of them with udp:// or tcp:// in front. Default: port 3478 of the host of --listen, and with --tls-cert also the port of --listen, over UDP." placeholder:"HOST:PORT" group:"TURN"`
	TURNShared   bool     `name:"turn-shared" help:"TURN over TCP is served at --listen too: what a connection begins with tells it from HTTP. With --tls-cert it always is, over TLS." group:"TURN"`
	TURNURLs     []string `name:"turn-urls" help:"What clients are told in place of what is listened at: where ports are others outside, or a load balancer ends TLS." placeholder:"turns:NAME:443?transport=tcp" group:"TURN"`
	TURNPublicIP string   `name:"turn-public-ip" help:"The address at which clients reach TURN: an IP, an interface as eth0, dns:NAME, or stun:HOST:PORT for what that server says it is. Default: that of --turn-listen, else the first of this host." placeholder:"IP" group:"TURN"`
	TURNRealm    string   `name:"turn-realm" help:"The realm of the credentials." default:"signal" group:"TURN"`
	TURNSecret   string   `name:"turn-secret" help:"Signs TURN credentials; give it where another process makes or checks them too. Better in the environment or the file. Default: a random one." placeholder:"SECRET" group:"TURN"`
	SelfTest     bool     `help:"At the start, use every URL that clients are given as they would, and log what does not work; --no-self-test to leave it out." default:"true" negatable:"" group:"TURN"`
	Strict       bool     `help:"End if something of that does not work." group:"TURN"`
	TURNFastPath bool     `name:"turn-fast-path" help:"Relay the data of channels in batches; --no-turn-fast-path to have pion/turn relay all of it, packet by packet." default:"true" negatable:"" group:"TURN"`
	Relay        string   `help:"closed: between clients of this server, without ports of their own. open: to other hosts too." enum:"closed,open" default:"closed" group:"TURN"`
	RelayPorts   string   `help:"UDP ports of an open relay." default:"49152-65535" group:"TURN"`

	Candidates string `help:"Which ICE candidates clients let each other have, enforced by the server. no-host: not the addresses of their own networks. relay: only those of the TURN server, so that no client learns another's address." enum:"all,no-host,relay" default:"all"`

	ResumeKey    []string      `help:"Sign resume tokens, so that a restarted server knows its clients: the first key signs, all verify. Better in the environment or the file. Default: a key that is kept in --state-dir." placeholder:"KEY" group:"Sessions"`
	StateDir     string        `help:"Where the key is kept. Default: ${stateDir}." placeholder:"DIR" type:"path" group:"Sessions"`
	ResumeWindow time.Duration `help:"How long a client that lost its connection is waited for." default:"60s" group:"Sessions"`

	Rules

	Times

	Auth

	Proxies

	Limits

	udpToo bool // TURN listens at the port of --listen too, over UDP; set by check

	LogLevel  string `help:"debug (a line for each message), info, warn or error." enum:"debug,info,warn,error" default:"info" group:"Logs"`
	LogFormat string `help:"text for people, json for programs." enum:"text,json" default:"text" group:"Logs"`
}

// Help is the end of `signal serve --help`.
func (Config) Help() string {
	return `Examples:

  Try it on this machine; the page is at http://localhost:8080/
      signal serve

  For everybody, on one port through every firewall; it prints which ports to open:
      signal serve --domain call.example.org

  Between this machine and a phone in the same network:
      signal serve --lan

  The same with a certificate that comes from elsewhere:
      signal serve --listen :443 --tls-cert cert.pem --tls-key key.pem --public-host call.example.org

  Behind a proxy on this host that ends TLS, with TURN reachable from everywhere:
      signal serve --trusted-proxies 127.0.0.1,::1 --turn-listen :3478 --turn-public-ip 203.0.113.7

  The same from a file (turn-listen: ":3478" and so on), one setting on top:
      signal serve --config signal.yaml --log-level debug

  For users who have a token of your login server:
      signal serve --jwt-keys https://id.example/jwks.json --jwt-issuer https://id.example --jwt-audience calls

Every setting is also an environment variable: --turn-public-ip is SIGNAL_TURN_PUBLIC_IP.
A flag goes before the environment, that before the file, that before the default.
Browsers give a page the camera only over https:// or from localhost.`
}

var basePathForm = regexp.MustCompile(`^/([A-Za-z0-9_.~-]+/)*$`)

// check judges the settings, and puts them into the form the rest works with.
func (c *Config) check() error {
	if !strings.HasSuffix(c.BasePath, "/") {
		c.BasePath += "/"
	}
	if !basePathForm.MatchString(c.BasePath) || path.Clean(c.BasePath)+"/" != c.BasePath && c.BasePath != "/" {
		return badSetting("--base-path %q: not a path of plain names; use one like /call/", c.BasePath)
	}
	for _, o := range c.Origins {
		if err := ws.ParseOrigin(o); err != nil {
			return badSetting("--origins: %v; use one like https://app.example", err)
		}
	}
	for _, key := range c.ResumeKey {
		if len(key) < minSecret {
			return badSetting("--resume-key: a key has %d characters; use %d or more, as from openssl rand -base64 32", len(key), minSecret)
		}
	}
	if c.ResumeWindow < 0 {
		return badSetting("--resume-window %v: use 0 or more, as 60s", c.ResumeWindow)
	}
	if err := c.checkAddresses(); err != nil {
		return err
	}
	if err := c.Proxies.check(); err != nil {
		return err
	}
	if err := c.Rules.check(); err != nil {
		return err
	}
	if err := c.Times.check(); err != nil {
		return err
	}
	return c.Limits.check()
}

func (c *Config) checkAddresses() error {
	if err := c.checkTLS(); err != nil {
		return err
	}
	host, _, err := splitAddress("--listen", c.Listen)
	if err != nil {
		return err
	}
	if len(c.TURNListen) == 0 {
		c.TURNListen = []string{net.JoinHostPort(host, turnPort)}
		c.udpToo = c.secure() && !c.LAN
	}
	for _, text := range c.TURNListen {
		if _, _, err = splitAddress("--turn-listen", withoutNetwork(text)); err != nil {
			return err
		}
	}
	for _, text := range c.TURNURLs {
		if err := turn.CheckURL(text); err != nil {
			return badSetting("--turn-urls: %w", err)
		}
	}
	if strings.ContainsAny(c.PublicHost, ":/?#[]@ ") {
		return badSetting("--public-host %q: not the name of a host; use one like call.example.org", c.PublicHost)
	}
	if c.TURNPublicIP != "" {
		if err := turn.CheckPublicIP(c.TURNPublicIP); err != nil {
			return badSetting("--turn-public-ip %q: %w", c.TURNPublicIP, err)
		}
	}
	if c.Strict && !(c.TURN && c.SelfTest) {
		return badSetting("--strict: it is the self-test of TURN that it makes count; leave out --no-self-test and --no-turn, or this")
	}
	if c.TURNSecret != "" && len(c.TURNSecret) < minSecret {
		return badSetting("--turn-secret: it has %d characters; use %d or more, as from openssl rand -base64 32", len(c.TURNSecret), minSecret)
	}
	_, _, err = c.relayPorts()
	return err
}

// domainForm is a name that a certificate authority can look up.
var domainForm = regexp.MustCompile(`^([A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{0,62}$`)

// checkTLS judges where the certificate comes from, and fills in what follows.
func (c *Config) checkTLS() error {
	var from []string
	for name, given := range map[string]bool{"--tls-cert": c.TLSCert != "", "--domain": c.Domain != "", "--lan": c.LAN} {
		if given {
			from = append(from, name)
		}
	}
	slices.Sort(from)
	switch {
	case len(from) > 1:
		return badSetting("%s: each brings a certificate; leave out all but one", strings.Join(from, ", "))
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return badSetting("--tls-cert %q, --tls-key %q: one does not work without the other; give both, or none", c.TLSCert, c.TLSKey)
	case c.Domain != "" && !domainForm.MatchString(c.Domain):
		return badSetting("--domain %q: not a name that a certificate can be for; use one like call.example.org", c.Domain)
	case c.Domain == "" && c.ACMEEmail+c.ACMEDirectory != "":
		return badSetting("--acme-email, --acme-directory: they are for --domain; add it, or leave them out")
	}
	c.PublicHost = cmp.Or(c.PublicHost, c.Domain)
	switch {
	case c.Listen != "":
	case c.Domain != "":
		c.Listen = domainListen
	case c.LAN:
		c.Listen = lanListen
	default:
		c.Listen = defaultListen
	}
	return nil
}

// secure says whether HTTP is served over TLS.
func (c *Config) secure() bool { return c.TLSCert != "" || c.Domain != "" || c.LAN }

// sharesPort says whether TURN is at the port of HTTP too. Browsers that were told
// to take the certificate of --lan for the page do not take it for TURN.
func (c *Config) sharesPort() bool { return c.TURN && !c.LAN && (c.TURNShared || c.secure()) }

// withoutNetwork is an element of --turn-listen without what may stand in front.
func withoutNetwork(text string) string {
	for _, network := range []string{"udp://", "tcp://"} {
		if address, ok := strings.CutPrefix(text, network); ok {
			return address
		}
	}
	return text
}

// turnListen is TURNListen as turn.Config has it, for a server that serves HTTP at
// this port.
func (c *Config) turnListen(port uint16) (list []string) {
	for _, text := range c.TURNListen {
		if withoutNetwork(text) == text {
			list = append(list, "udp://"+text, "tcp://"+text)
		} else {
			list = append(list, text)
		}
	}
	if c.udpToo {
		host, _, _ := net.SplitHostPort(c.Listen) // checked
		list = append(list, "udp://"+net.JoinHostPort(host, strconv.Itoa(int(port))))
	}
	return list
}

// splitAddress takes HOST:PORT apart.
func splitAddress(setting, address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", "", badSetting("%s %q: not HOST:PORT; use one like localhost:8080, or :8080 for every address of this host", setting, address)
	}
	return host, port, nil
}

func (c *Config) relayPorts() (first, last uint16, err error) {
	from, to, ok := strings.Cut(c.RelayPorts, "-")
	a, errA := strconv.ParseUint(from, 10, 16)
	b, errB := strconv.ParseUint(to, 10, 16)
	if !ok || errA != nil || errB != nil || a == 0 || a > b {
		return 0, 0, badSetting("--relay-ports %q: not a range of ports; use one like 49152-65535", c.RelayPorts)
	}
	return uint16(a), uint16(b), nil
}
