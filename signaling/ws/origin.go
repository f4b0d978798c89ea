package ws

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// An origin is what a browser sends as Origin (RFC 6454 §6.1), taken apart.
// Scheme and host are in lower case, the port is never empty.
type origin struct{ scheme, host, port string }

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// ParseOrigin checks that s can be an element of Config.Origins.
func ParseOrigin(s string) error {
	_, err := parseOrigin(s)
	return err
}

func parseOrigin(s string) (origin, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return origin{}, fmt.Errorf("origin %q is not a URL", s)
	case u.Scheme != "http" && u.Scheme != "https":
		return origin{}, fmt.Errorf("origin %q does not begin with http:// or https://", s)
	case u.Hostname() == "" || strings.Contains(u.Hostname(), "*"):
		return origin{}, fmt.Errorf("origin %q does not name one host", s)
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return origin{}, fmt.Errorf("origin %q has more than scheme, host and port", s)
	}
	port := u.Port()
	if port == "" {
		port = defaultPorts[u.Scheme]
	}
	return origin{u.Scheme, strings.ToLower(u.Hostname()), port}, nil
}

// sameHost reports whether o is at the host and port that a request was sent
// to. The scheme is not compared: a proxy that terminates TLS hides it.
func (o origin) sameHost(host string) bool {
	to, err := parseOrigin(o.scheme + "://" + host)
	return err == nil && to == o
}

func (o origin) loopback() bool {
	ip, err := netip.ParseAddr(o.host)
	return o.host == "localhost" || err == nil && ip.IsLoopback()
}

// checkOrigin refuses a request that a page of a foreign origin makes (a
// WebSocket is not bound by the same-origin policy, so a server has to do it).
func (h *handler) checkOrigin(r *http.Request) *wire.Error {
	all := r.Header.Values("Origin")
	if len(all) == 0 && !websocket.IsWebSocketUpgrade(r) {
		// Browsers send none with a GET to the origin of the page itself, and
		// behind a proxy that changes the Host that is not the one seen here.
		all = r.URL.Query()["origin"]
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
	default:
		return wire.Refuse(wire.CodeOriginNotAllowed, "the request has %d Origin headers; send one", len(all))
	}
	if all[0] == "null" {
		return wire.Refuse(wire.CodeOriginNotAllowed, "the origin is \"null\", as of a file or a sandboxed frame; serve the page over http:// or https://")
	}
	o, err := parseOrigin(all[0])
	if err != nil {
		return wire.Refuse(wire.CodeOriginNotAllowed, "%v; send it as a browser does, like https://app.example", err)
	}
	if o.sameHost(r.Host) || h.origins[o] || h.cfg.AnyLoopback && o.loopback() {
		return nil
	}
	return wire.Refuse(wire.CodeOriginNotAllowed, "origin %q is not allowed here; start the server with --origins %s", all[0], all[0])
}
