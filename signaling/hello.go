package signaling

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// recovered, deferred, turns a panic of a function in Config into a log line and, if
// err is not nil, an error.
func (s *Server) recovered(what string, err *error) {
	if r := recover(); r != nil {
		s.stats.panics.Add(1)
		s.cfg.Logger.Error("panic", "in", what, "value", r, "stack", string(debug.Stack()))
		if err != nil {
			*err = fmt.Errorf("signaling: panic in %s: %v", what, r)
		}
	}
}

// refusal is what the client is told of err: a refusal as it is, anything else
// as internal.
func (s *Server) refusal(err error) *wire.Error {
	if refused := refusalIn(err); refused != nil {
		return refused
	}
	s.cfg.Logger.Error("hello failed", "error", err)
	if errors.Is(err, context.DeadlineExceeded) {
		return wire.Refuse(wire.CodeUnavailable, "it took too long to check who you are")
	}
	return wire.Refuse(wire.CodeInternal, "the server has made a mistake")
}

// checkHello judges the form of a link's first frame.
func checkHello(f frame) *wire.Error {
	m := f.m
	switch {
	case f.bad != nil && f.bad.Code != wire.CodeUnknownType && (m.Type == wire.TypeHello || m.Type == ""):
		return f.bad
	case m.Type != wire.TypeHello:
		return wire.Refuse(wire.CodeHelloExpected, "the first frame must be hello")
	}
	h := m.Hello
	if h.Versions != nil && !slices.Contains(h.Versions, "signal.v1") {
		return wire.Refuse(wire.CodeUnsupportedVersion, "this server speaks signal.v1")
	}
	return nil
}

// slowHello reports whether judging h may take time, or calls code that is not
// ours.
func (l *Link) slowHello(h *wire.Hello) bool {
	c := &l.srv.cfg
	if c.ICEServers != nil || !l.srv.immediate {
		return true
	}
	if c.Authenticate != nil {
		return true
	}
	if h.Resume == nil {
		return l.srv.reach(l.app).get().judgesHello()
	}
	tok, err := parseToken(h.Resume.Token, c.ResumeKeys)
	if err != nil {
		return false
	}
	s := l.srv.session(tok.peer)
	return s == nil || !s.here()
}

// hello lets a client in, or refuses it and closes the link.
func (l *Link) hello(ctx context.Context, h *wire.Hello, mayWait bool, fx *effects) {
	defer l.srv.hold(l.app)()
	var err error
	if h.Resume != nil {
		err = l.resume(ctx, h, mayWait, fx)
	} else {
		err = l.begin(ctx, h, fx)
	}
	if err != nil && !l.isClosed() {
		l.refuse(l.srv.refusal(err), fx)
	}
}

// begin makes a new session.
func (l *Link) begin(ctx context.Context, h *wire.Hello, fx *effects) error {
	id, ticket, err := l.identify(ctx, h.Token)
	if err != nil {
		l.slowDown(ctx, err)
		return err
	}
	srv := l.srv
	s := &session{
		srv: srv, app: srv.lookup(l.app), peer: newPeerID(), user: id.User, identity: &id,
		rank: srv.nextRank(), start: srv.cfg.Now().UnixMilli(), epoch: 1, unmet: true,
	}
	if err := srv.add(s, l.src); err != nil {
		return err
	}
	if ticket != nil {
		if err := s.useConnect(ctx, l, ticket, h.Nonce); err != nil {
			s.endSession(wire.ReasonLeft, wire.CodeBye, fx)
			return err
		}
	}
	ice := srv.iceServers(s.peer, s.identity)
	if err := s.connect(ctx, fx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != living { // another hello with its connect token
		return s.expelledLocked()
	}
	srv.stats.welcomed.Add(1)
	if !s.attachLocked(l, 0, false, ice, fx) {
		s.endSessionLocked(wire.ReasonLeft, wire.CodeBye, fx)
	}
	return nil
}

// attachLocked gives the session its new link, behind seq, and welcomes it.
// The caller holds recv too, unless nobody knows the session yet. It reports
// false if the link has ended meanwhile.
func (s *session) attachLocked(l *Link, seq uint64, resumed bool, ice wire.ICE, fx *effects) bool {
	now := s.srv.now()
	welcome := &Body{Message: s.welcomeLocked(resumed, ice)}
	if s.link != nil {
		s.dropLinkLocked(s.link, wire.CodeReplaced, fx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed != "" {
		return false
	}
	l.stopTimerLocked()
	s.generation++
	s.link, s.linkBegan = l, l.began
	l.generation, l.epoch, l.cursor = s.generation, uint32(s.epoch), seq
	s.out.ack(seq)
	s.weighLocked()
	s.unread = s.out.bytes
	s.lastHeard, s.lastSent, s.doneTold, s.ackAt = now, now, 0, 0
	l.sess.Store(s)
	if l.pace != nil {
		s.pace.add(l.pace.debts(now), now)
		l.pace = nil
	}
	s.srv.recount(s, l.src)
	if s.self != nil {
		s.self.connectedLocked()
	}
	l.control = append(l.control, welcome)
	l.holdLocked(sizeOf(welcome.Message))
	l.wakeLocked(fx)
	s.srv.node.Register(s.peer, s.epoch, now-l.began)
	s.setICELocked(ice.TTL)
	s.setExpiryLocked()
	s.armLocked(now + s.srv.cfg.PingAfter)
	s.armLocked(now + s.srv.cfg.DeadAfter)
	if s.away {
		s.away = false
		for _, m := range s.rooms {
			if m.tellsAway() {
				m.change(ChangeBack, "")
			}
		}
	}
	s.enterUserLocked()
	s.tickRingingLocked(now)
	fx.log(s, "session linked", "user", s.user, "resumed", resumed, "epoch", s.epoch)
	return true
}

func (s *session) welcomeLocked(resumed bool, ice wire.ICE) *wire.Message {
	c := &s.srv.cfg
	w := &wire.Welcome{
		Peer: s.peer, User: s.user, Resumed: resumed, Window: c.ResumeWindow.Milliseconds(),
		Expires: s.identity.left(c.Now()),
		Ping:    c.PingAfter.Milliseconds(), Dead: c.DeadAfter.Milliseconds(), Limits: c.limits(), ICE: ice,
		Candidates: s.app.policyOf(s.identity),
	}
	if c.ResumeWindow > 0 {
		tok := resumeToken{peer: s.peer, id: s.identity, app: s.app.name, rank: s.rank, epoch: s.epoch, start: s.start}
		w.Token = tok.sign(c.ResumeKeys[0])
	}
	return &wire.Message{Type: wire.TypeWelcome, Welcome: w}
}
