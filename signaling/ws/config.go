package ws

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// Subprotocol is the WebSocket subprotocol that a client has to offer.
const Subprotocol = "signal.v1"

// tokenPrefix begins a subprotocol entry that carries a credential, encoded
// in base64url, since browsers let a page set no other header.
const tokenPrefix = "signal.token."

// maxToken bounds a credential, in bytes, as that of hello is: it is kept as long
// as the connection.
const maxToken = 4096

// closeTime is what Conn.Close has for what can still be written and for the
// client's close frame.
const closeTime = time.Second

// Config configures a Handler. The zero Config serves pages of the same
// origin, and clients that are no browsers.
type Config struct {
	// Origins are the origins of other pages that may connect, each exactly as
	// a browser sends it: "https://app.example" or "https://app.example:8443".
	// A page of the server's own host and port always may, and so may a client
	// that sends no Origin: it is no browser, which is what the check protects.
	Origins []string

	// AnyLoopback also allows pages of every port of localhost, 127.0.0.0/8 and
	// [::1]. It is for development.
	AnyLoopback bool

	// WriteTimeout is how long one write to a client may take before the
	// connection is cut. Zero means 5 s.
	WriteTimeout time.Duration

	// Remote says where a request comes from. Nil means from the address of its
	// TCP connection; behind a proxy that would be the proxy's.
	Remote func(*http.Request) netip.AddrPort

	// Context makes of a request what Config.Authenticate of the server sees as
	// Hello.Context, such as the user of a cookie session; signaling.FromRequest
	// takes a signaling.Identity. Cookies are as safe
	// as the check of Origin, which browsers cannot leave out: it refuses pages of
	// other sites, to whose requests the browser adds the cookies too. It runs
	// before the upgrade, for connections that the limits let in, and should not block for long; what it returns is kept as
	// long as the connection. Nil: nothing is seen.
	Context func(*http.Request) any

	// Logger gets a line, at debug level, for each connection that ends. Nil:
	// nothing is logged.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 5*time.Second)
	if c.Remote == nil {
		c.Remote = remoteOf
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// remoteOf is the other end of r's TCP connection; zero if that is not known.
func remoteOf(r *http.Request) netip.AddrPort {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
}
