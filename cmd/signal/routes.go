package main

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
	"github.com/seed-3a7b6cbd/signal/web"
)

// hsts is for how long browsers use nothing but HTTPS for the name of --domain.
const hsts = 180 * 24 * time.Hour

// routes is everything that is served over HTTP.
func (n *node) routes() http.Handler {
	base := n.cfg.BasePath
	mux := http.NewServeMux()
	mux.Handle(base+"ws", ws.Handler(n.signaling, ws.Config{
		Origins:     n.cfg.Origins,
		AnyLoopback: n.loopback(),
		Remote:      n.remote(),
		Logger:      n.log,
	}))
	var page web.Config
	if n.cfg.Domain != "" {
		page.HSTS = hsts
	}
	mux.Handle(base, http.StripPrefix(strings.TrimSuffix(base, "/"), web.Handler(page)))
	mux.HandleFunc("GET /healthz", n.health.alive)
	mux.HandleFunc("GET /readyz", n.ready)
	return mux
}

// health answers the probes of whatever runs the process.
type health struct{ draining atomic.Bool }

// alive says that the process works; it never asks to be restarted.
func (h *health) alive(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") }

// ready says whether to send new clients here.
func (n *node) ready(w http.ResponseWriter, _ *http.Request) {
	if n.health.draining.Load() {
		answer(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	if err := n.signaling.Ready(); err != nil {
		answer(w, http.StatusServiceUnavailable, err.Error()+"\n")
		return
	}
	answer(w, http.StatusOK, "ok\n")
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// address is where HTTP is served, with the port that was chosen.
func (n *node) address() netip.AddrPort {
	at := n.listener.Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// loopback reports whether only this machine can reach the server, or a proxy
// on it.
func (n *node) loopback() bool { return n.address().Addr().IsLoopback() }

// url is where a person finds the page: on this machine, or in the network that
// the server is for.
func (n *node) url() string {
	host, _, _ := net.SplitHostPort(n.cfg.Listen)
	at := n.address()
	if host == "" || at.Addr().IsUnspecified() {
		host = "localhost"
		if n.cfg.LAN {
			host = lanIP().String()
		}
	}
	_, port, _ := net.SplitHostPort(at.String())
	if !n.cfg.secure() {
		return "http://" + net.JoinHostPort(host, port) + n.cfg.BasePath
	}
	host = net.JoinHostPort(cmp.Or(n.cfg.PublicHost, host), port)
	return "https://" + strings.TrimSuffix(host, ":443") + n.cfg.BasePath
}

// announce logs what an operator has to know of how the server was set up.
func (n *node) announce() {
	n.log.Info("serving", "listen", n.address(), "base", n.cfg.BasePath, "tls", n.cfg.secure(), "turn", n.turn != nil)
	switch {
	case n.loopback():
		n.log.Info("development: listening on a loopback address, so pages of every port of this machine may connect")
	case !n.cfg.secure():
		n.log.Info("browsers give a page the camera only over https:// or from localhost: give --tls-cert and --tls-key, or put a proxy with TLS in front", "origins", n.cfg.Origins)
	}
	n.announceAuth()
	if n.turn == nil {
		n.log.Warn("without TURN: calls through some NATs will not connect")
		if n.cfg.Candidates == string(wire.PolicyRelay) {
			n.log.Warn("--candidates relay with --no-turn: clients need TURN servers of their own, and what they say is relayed cannot be checked")
		}
		return
	}
	n.log.Info("TURN", "listen", n.cfg.TURNListen, "urls", n.turnURLs(), "relay", n.cfg.Relay)
	if n.loopback() && n.cfg.TURNPublicIP == "" {
		n.log.Info("TURN is for clients on this machine; for others set --turn-listen and --turn-public-ip")
	}
}

func (n *node) turnURLs() (urls []string) {
	for _, s := range n.turn.ICEServers("") {
		urls = append(urls, s.URLs...)
	}
	return urls
}
