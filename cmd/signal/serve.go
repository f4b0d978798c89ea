package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/jwt"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
	"github.com/seed-3a7b6cbd/signal/turn"
)

const (
	// drainTime is what a clean stop may take: clients are told to come back,
	// and requests end. Container platforms kill after 10 s and more.
	drainTime = 10 * time.Second
	// headerTime and maxHeader bound what somebody without a request costs, the
	// others what one request does, and a connection that waits for its next. The
	// files of the page have to get over a bad network in writeTime. A WebSocket has
	// limits of its own.
	headerTime = 5 * time.Second
	readTime   = 10 * time.Second
	writeTime  = time.Minute
	idleTime   = 2 * time.Minute
	maxHeader  = 16 << 10
)

// A node is a running server: the parts, joined.
type node struct {
	cfg       Config
	log       *slog.Logger
	signaling *signaling.Server
	turn      *turn.Server  // nil: without
	tokens    *jwt.Verifier // nil: everybody is let in
	issued    *issued       // nil: without --domain
	listener  net.Listener  // of HTTP
	http      *http.Server
	health    health
}

// Run serves until the environment's context ends.
func (c Config) Run(env *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	n, err := newNode(c, newLogger(c, env.stderr))
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "signal is ready: %s\n", n.url())
	if c.LAN {
		fmt.Fprint(env.stdout, lanGuide(n.url()))
	}
	if c.Domain != "" {
		fmt.Fprint(env.stdout, n.firewall())
	}
	return n.serve(env.ctx)
}

func newLogger(c Config, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // kong has checked it
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// newNode binds everything and starts nothing.
func newNode(c Config, log *slog.Logger) (*node, error) {
	keys, err := resumeKeys(c, log)
	if err != nil {
		return nil, err
	}
	tokens, err := c.verifier(log)
	if err != nil {
		return nil, err
	}
	n := &node{cfg: c, log: log, tokens: tokens}
	relay, err := n.listen()
	if err != nil {
		return nil, err
	}
	if c.TURN {
		if err := n.newTURN(relay); err != nil {
			n.listener.Close()
			if relay != nil {
				relay.Close()
			}
			return nil, err
		}
	}
	core := signaling.Config{
		ICEServers:   n.iceServers,
		Ended:        n.endRelay,
		Revoked:      n.revokeRelay,
		Candidates:   wire.Policy(c.Candidates),
		Relays:       n.relays(),
		ResumeKeys:   keys,
		ResumeWindow: sessionWindow(c.ResumeWindow),
		Logger:       log,
	}
	if n.tokens != nil {
		core.Authenticate = n.tokens.Authenticate
	}
	c.Rules.apply(&core)
	c.Times.apply(&core)
	c.Limits.apply(&core)
	n.signaling = signaling.New(core)
	n.http = &http.Server{
		Handler:           n.routes(),
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ConnState:         newSilent(c.MaxIPLinks, c.Proxies.isTrusted).note,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // has the addresses of clients
	}
	return n, nil
}

// sessionWindow makes of no window what signaling.Config takes for it.
func sessionWindow(window time.Duration) time.Duration {
	if window == 0 {
		return -1
	}
	return window
}

// resumeKeys are those of the configuration, or the one that is kept.
func resumeKeys(c Config, log *slog.Logger) (keys [][]byte, err error) {
	for _, key := range c.ResumeKey {
		keys = append(keys, []byte(key))
	}
	if len(keys) > 0 {
		return keys, nil
	}
	key, file, err := loadKey(c.StateDir)
	switch {
	case errors.As(err, new(usageError)):
		return nil, err
	case err != nil:
		log.Warn("the key of resume tokens cannot be kept: clients of this process become new peers when it is restarted; set --state-dir to a directory that can be written, or --resume-key", "error", err)
		return nil, nil
	}
	log.Debug("resume tokens are signed with a key that is kept", "file", file)
	return [][]byte{key}, nil
}

// relays are where relayed candidates can be. Nil: there is no TURN here, so
// that clients bring their own.
func (n *node) relays() []netip.Prefix {
	if n.turn == nil {
		return nil
	}
	ip := n.turn.PublicIP()
	return []netip.Prefix{netip.PrefixFrom(ip, ip.BitLen())}
}

// endRelay implements signaling.Config.Ended: what a peer that is gone still relays
// ends at once.
func (n *node) endRelay(peer string) {
	if n.turn != nil {
		n.turn.CloseAllocations(peer)
	}
}

// revokeRelay implements signaling.Config.Revoked: what a peer relays that a room
// has put out, or that has left its last one, ends at once, and with it the
// credentials that it has.
func (n *node) revokeRelay(peer string) {
	if n.turn != nil {
		n.turn.Revoke(peer)
	}
}

// iceServers implements signaling.Config.ICEServers with TURN's.
func (n *node) iceServers(peer string, _ signaling.Identity) wire.ICE {
	var ice wire.ICE
	if n.turn == nil {
		return ice
	}
	for _, s := range n.turn.ICEServers(peer) {
		ice.List = append(ice.List, wire.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
		if !s.Expires.IsZero() {
			ice.TTL = max(1, time.Until(s.Expires).Milliseconds())
		}
	}
	return ice
}

// serve runs everything until ctx ends or a part fails, then stops in order:
// no new clients, the old ones are told to come back, TURN last.
func (n *node) serve(ctx context.Context) error {
	n.announce()
	turnCtx, stopTURN := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTURN()
	failed := make(chan error, 3)
	var running sync.WaitGroup
	running.Go(func() { failed <- n.serveHTTP() })
	if n.tokens != nil {
		running.Go(func() { _ = n.tokens.Refresh(ctx) }) // that it fails is logged; the first token tries again
	}
	if n.turn != nil {
		running.Go(func() { failed <- n.turn.Serve(turnCtx) })
	}
	test := func() {
		if err := n.selfTest(ctx); err != nil {
			failed <- err
		}
	}
	running.Go(func() {
		if n.issued != nil {
			n.issued.keep(ctx, test)
		} else {
			test()
		}
	})
	var err error
	select {
	case <-ctx.Done():
		n.log.Info("stopping; a second signal stops at once")
	case err = <-failed:
	}
	err = errors.Join(err, n.drain())
	stopTURN()
	running.Wait()
	for range len(failed) {
		err = errors.Join(err, <-failed)
	}
	return err
}

func (n *node) serveHTTP() error {
	if err := n.http.Serve(n.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// drain says goodbye to all clients, in drainTime.
func (n *node) drain() error {
	n.health.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	err := n.signaling.Shutdown(ctx)
	err = errors.Join(err, n.http.Shutdown(ctx))
	if err != nil {
		n.http.Close()
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}
