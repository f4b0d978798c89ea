package ws

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Handler serves srv's clients. It panics if an element of cfg.Origins cannot
// be an origin: see ParseOrigin.
func Handler(srv *signaling.Server, cfg Config) http.Handler {
	h := &handler{srv: srv, cfg: cfg.withDefaults(), origins: map[origin]bool{}}
	for _, s := range cfg.Origins {
		o, err := parseOrigin(s)
		if err != nil {
			panic("ws: Config.Origins: " + err.Error())
		}
		h.origins[o] = true
	}
	h.upgrader = websocket.Upgrader{
		Subprotocols:     []string{Subprotocol},
		HandshakeTimeout: h.cfg.WriteTimeout,
		CheckOrigin:      func(*http.Request) bool { return true }, // checked before, with a better answer
		Error:            h.refuseHandshake,
		WriteBufferPool:  &h.unused,
	}
	return h
}

type handler struct {
	srv      *signaling.Server
	cfg      Config
	origins  map[origin]bool
	upgrader websocket.Upgrader
	unused   sync.Pool // keeps gorilla from holding a write buffer per connection: it writes no data frames here
}

// refuseHandshake answers for gorilla, which found what check did not.
func (h *handler) refuseHandshake(w http.ResponseWriter, _ *http.Request, status int, err error) {
	if u := w.(*upgrading); u.refusal != nil {
		err = u.refusal
		h.cfg.Logger.Error("a middleware hides the connection from ws.Handler", "error", err)
	} else if status < http.StatusInternalServerError {
		err = wire.Refuse(wire.CodeBadMessage, "the WebSocket handshake is not right: %s", strings.TrimPrefix(err.Error(), "websocket: "))
	}
	h.refuse(w, err)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	plain := !websocket.IsWebSocketUpgrade(r)
	if plain {
		// The answer to a check is for every page to read: it has no secrets.
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	info, err := h.check(w, r, plain)
	if err != nil {
		h.refuse(w, err)
		return
	}
	if plain {
		if err := h.srv.Ask(info); err != nil {
			h.refuse(w, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h.upgrade(w, r, info)
}

// check judges a request by all that can be known without the core.
func (h *handler) check(w http.ResponseWriter, r *http.Request, plain bool) (signaling.LinkInfo, error) {
	info := signaling.LinkInfo{App: r.URL.Query().Get("app"), Remote: h.cfg.Remote(r)}
	switch {
	case r.Method != http.MethodGet:
		return info, wire.Refuse(wire.CodeMethodNotAllowed, "the method is %s; connect with GET", r.Method)
	case plain && !wantsCheck(r):
		return info, wire.Refuse(wire.CodeUpgradeRequired, "here is a WebSocket; connect with new WebSocket(url, %q), or ask whether that would work with \"Accept: application/problem+json\"", Subprotocol)
	case !plain && r.Header.Get("Sec-WebSocket-Version") != "13":
		return info, wire.Refuse(wire.CodeUpgradeRequired, "Sec-WebSocket-Version is %q; use 13", r.Header.Get("Sec-WebSocket-Version"))
	}
	if err := checkQuery(r); err != nil {
		return info, err
	}
	if err := h.checkOrigin(r); err != nil {
		return info, err
	}
	if err := checkHijack(w); err != nil {
		h.cfg.Logger.Error("a middleware hides the connection from ws.Handler", "error", err.Text)
		return info, err
	}
	if plain {
		return info, nil
	}
	offered := subprotocols(r)
	if !slices.Contains(offered, Subprotocol) {
		return info, wire.Refuse(wire.CodeUnsupportedVersion, "the subprotocols offered are %q; offer %q, as in new WebSocket(url, %q)", withoutTokens(offered), Subprotocol, Subprotocol)
	}
	var err error
	if info.Token, err = tokenOf(offered); err != nil || h.cfg.Context == nil {
		return info, err
	}
	if err := h.srv.Check(info); err != nil { // who is too fast does not cost a look into the sessions
		return info, err
	}
	info.Context = h.cfg.Context(r)
	return info, nil
}

// checkQuery refuses a credential in the URL, which logs, histories and
// proxies would keep: whoever sends it there should notice. URL.Query leaves out
// what it cannot read, and so does not see what a log has all the same.
func checkQuery(r *http.Request) error {
	for pair := range strings.FieldsFuncSeq(r.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = strings.TrimSpace(plain)
		}
		switch strings.ToLower(name) {
		case "token", "access_token", "jwt":
			return wire.Refuse(wire.CodeBadMessage, "a token stands in the URL, as %s=…, where logs keep it; put it into hello, or into the subprotocol list as %s<base64url>, and get a new one", name, tokenPrefix)
		}
	}
	return nil
}

// upgrade admits a client, upgrades its connection and serves it to its end.
func (h *handler) upgrade(w http.ResponseWriter, r *http.Request, info signaling.LinkInfo) {
	link, err := h.srv.Admit(info)
	if err != nil {
		h.refuse(w, err)
		return
	}
	socket := &socket{}
	ws, err := h.upgrader.Upgrade(&upgrading{ResponseWriter: w, socket: socket}, r, nil)
	if err != nil {
		link.Detach(err)
		return
	}
	cause := newConn(ws, socket, h.cfg.WriteTimeout).serve(link, h.srv.MaxMessage())
	h.cfg.Logger.Debug("websocket closed", "cause", cause)
}

// wantsCheck reports whether a plain GET is the readable check.
func wantsCheck(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			kind, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(kind), "application/problem+json") {
				return true
			}
		}
	}
	return false
}

// subprotocols are all that the request offers, over all its headers.
func subprotocols(r *http.Request) (offered []string) {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for entry := range strings.SplitSeq(line, ",") {
			if entry = strings.TrimSpace(entry); entry != "" {
				offered = append(offered, entry)
			}
		}
	}
	return offered
}

// withoutTokens is what of offered may be told and logged.
func withoutTokens(offered []string) []string {
	return slices.DeleteFunc(slices.Clone(offered), func(s string) bool { return strings.HasPrefix(s, tokenPrefix) })
}

func tokenOf(offered []string) (string, error) {
	for _, entry := range offered {
		encoded, ok := strings.CutPrefix(entry, tokenPrefix)
		if !ok {
			continue
		}
		token, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
		if err != nil {
			return "", wire.Refuse(wire.CodeBadMessage, "the subprotocol %s… is not base64url (RFC 4648 §5); encode the token with it", tokenPrefix)
		}
		if len(token) > maxToken {
			return "", wire.Refuse(wire.CodeBadMessage, "the token in the subprotocol list has %d bytes, more than %d", len(token), maxToken)
		}
		return string(token), nil
	}
	return "", nil
}
