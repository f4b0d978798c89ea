package signaling

import (
	"cmp"
	"context"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// maxLife bounds the life of an identity as timers know it.
const maxLife = 100 * 365 * 24 * time.Hour

// expired reports whether id is over at the wall-clock time now.
func (id *Identity) expired(now time.Time) bool {
	return !id.Expires.IsZero() && !id.Expires.After(now)
}

// left is for how many ms id holds; 0: for ever.
func (id *Identity) left(now time.Time) int64 {
	if id.Expires.IsZero() {
		return 0
	}
	return max(1, id.Expires.Sub(now).Milliseconds())
}

// authenticate asks user code who the client is: by token, else by what came
// with the request.
func (l *Link) authenticate(ctx context.Context, token string) (id Identity, err error) {
	c := &l.srv.cfg
	if c.Authenticate == nil {
		return Identity{}, nil
	}
	defer l.srv.recovered("Authenticate", &err)
	shown := cmp.Or(l.shown, &credential{})
	id, err = c.Authenticate(ctx, Hello{
		App: l.app, Token: cmp.Or(token, shown.token), Remote: l.remote, Context: shown.context,
	})
	if err != nil {
		return id, err
	}
	if err := id.check(); err != nil {
		return id, err
	}
	if id.expired(c.Now()) {
		return id, wire.Refuse(wire.CodeUnauthenticated, "the token has expired; get a new one")
	}
	return id, nil
}

// renew has the token of a hello that resumes judged. One that is not good
// stops only who needs it, because the identity has expired: whoever has the
// resume token could leave it out.
func (l *Link) renew(ctx context.Context, h *wire.Hello, a *asking) error {
	c := &l.srv.cfg
	a.refused = wire.Refuse(wire.CodeUnauthenticated, "the identity of the session has expired; say hello with a new token")
	given := h.Token != "" || l.shown != nil
	if c.Authenticate == nil || !given && !a.tok.id.expired(c.Now()) {
		return nil
	}
	id, err := l.authenticate(ctx, h.Token)
	switch {
	case err != nil:
		a.refused = l.srv.refusal(err)
		forbidden := a.refused.Code == wire.CodeForbidden
		if forbidden || given && a.tok.id.expired(c.Now()) { // else many who come back with what they had would look like one who guesses
			l.slowDown(ctx, a.refused)
		}
		if forbidden {
			return a.refused
		}
	case id.User != a.tok.id.User:
		return otherUser()
	default:
		a.identity = &id
	}
	return nil
}

func otherUser() *wire.Error {
	return wire.Refuse(wire.CodeForbidden, "the token is for another user than the session")
}

// handleToken lets user code judge a new token, on a goroutine, which ends with
// it, and what follows waits.
func (s *session) handleToken(l *Link, m *wire.Message) *wire.Error {
	req := s.request(answer{re: m.ID})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.srv.cfg.DeadAfter)
		defer cancel()
		id, err := l.authenticate(ctx, m.Token)
		l.slowDown(ctx, err)
		var refused *wire.Error
		switch {
		case err != nil:
			refused = s.srv.refusal(err)
		case id.User != s.user:
			refused = otherUser()
		}
		var fx effects
		s.settle(req, func(a answer) *Body {
			if refused != nil {
				fx.refused(s.srv, s.peer, refused.Code, a.re)
				return errorBody(refused, a.re)
			}
			s.adoptLocked(&id, &fx)
			return &Body{Message: &wire.Message{Type: wire.TypeOK, Re: a.re, Expires: id.left(s.srv.cfg.Now())}}
		}, &fx)
		fx.flush()
		s.kick()
	}()
	return nil
}

// adoptLocked replaces the session's identity by a newer one of the same user,
// and takes back what that does not grant any more.
func (s *session) adoptLocked(id *Identity, fx *effects) {
	was := s.identity
	s.identity = id
	s.setExpiryLocked()
	for _, list := range [][]*member{s.rooms, s.stale} {
		for _, m := range list {
			m.judgeLocked(was, id)
		}
	}
	fx.log(s, "identity renewed", "user", s.user)
}

// judgeLocked takes an entry of the session out of where its identity does not
// allow it to be any more: a room, or the watchers of a user.
func (m *member) judgeLocked(was, id *Identity) {
	allowed := true
	switch name := m.room.name; m.Kind {
	case KindMember, KindKnocker:
		allowed = m.room.app.srv.allows(id, m.room.app.name, name)
	case KindWatcher:
		user := name[1:]
		allowed = user == id.User || !was.reaches(user) || id.reaches(user)
	}
	if !allowed {
		m.change(ChangeLeave, wire.ReasonForbidden)
	}
	if was.role() != id.role() {
		m.grantLocked(id)
	}
}

// grantLocked gives m the role that its identity has by now.
func (m *member) grantLocked(id *Identity) {
	if m.Kind == KindMember || m.Kind == KindKnocker {
		m.room.app.srv.node.Change(Change{
			Kind: ChangeGrant, App: m.room.app.name, Room: m.room.name,
			Member: Member{ID: m.ID, Node: m.Node, Since: m.Since, Granted: id.role()},
		})
	}
}

// setExpiryLocked notes when the identity ends, and with it the link.
func (s *session) setExpiryLocked() {
	s.expiresAt = 0
	if exp := s.identity.Expires; !exp.IsZero() {
		s.expiresAt = s.srv.now() + min(max(exp.Sub(s.srv.cfg.Now()), 1), maxLife)
		s.armLocked(s.expiresAt)
	}
}

// expireLinkLocked ends the link of a session whose identity is over, and says
// why.
func (s *session) expireLinkLocked(l *Link, fx *effects) {
	l.mu.Lock()
	if l.closed == "" && len(l.control) < maxControl {
		b := errorBody(wire.Refuse(wire.CodeUnauthenticated, "your token has expired; resume with a new one"), 0)
		l.control = append(l.control, b)
		l.holdLocked(sizeOf(b.Message))
		l.wakeLocked(fx)
	}
	l.mu.Unlock()
	s.dropLinkLocked(l, wire.CodeUnauthenticated, fx)
}
