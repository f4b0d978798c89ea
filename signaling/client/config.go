package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Config configures a Client. The zero Config is an anonymous client of the
// default app that negotiates nothing.
type Config struct {
	// App is the namespace. Empty means the default one.
	App string

	// Token returns a credential: for the hello of each connection, so that one
	// that comes back after hours has a fresh one, and again when three quarters
	// of the time are over for which the server says that it holds. It may block
	// until ctx ends. Nil means no credential; the session then ends with what the
	// server knows the client by.
	Token func(ctx context.Context) (string, error)

	// Nonce goes with Token into hello, until the first welcome: 16 to 64 of
	// A-Z a-z 0-9 _ -, random, and told to nobody. Whoever calls Dial again with the
	// same connect token, because the welcome was lost, keeps it; for other
	// tokens it means nothing. Empty means a new one.
	Nonce string

	// Connect makes the Driver for one pair, which is a peer in a room, as
	// soon as the client knows of it. It runs on the pair's own goroutine and
	// may block until ctx ends, which it does when the pair is over. An error
	// gives up the pair. Nil means that offers and all that belongs to them are
	// ignored.
	Connect func(ctx context.Context, p *Pair) (Driver, error)

	// On handles events of the server's application, by name, from the first one
	// on: see Client.On.
	On map[string]Handler

	// Joined is called, with Handlers in their order, when the server has made the
	// client join a room. Nil means that such rooms are left again.
	Joined func(r *Room)

	// NetDial opens the connection below HTTP. Nil means a net.Dialer.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)

	// TLS is for wss. Nil means the system's roots.
	TLS *tls.Config

	// Header goes with the upgrade, such as Origin or a proxy's credential.
	Header http.Header

	// HandshakeTimeout bounds one attempt, from the first packet to welcome.
	// Zero means 10 seconds.
	HandshakeTimeout time.Duration

	// Logger gets one line per transition of the connection, without tokens and
	// content. Nil means silence.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.HandshakeTimeout = cmp.Or(c.HandshakeTimeout, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// address is the WebSocket URL for base, which may have a ws or http scheme.
func (c Config) address(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", wire.Refuse(wire.CodeBadMessage, "client: %q is not a ws, wss, http or https URL", base)
	}
	if c.App != "" {
		q := u.Query()
		q.Set("app", c.App)
		u.RawQuery = q.Encode()
	}
	return u.String(), nil
}
