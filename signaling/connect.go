package signaling

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A connectToken lets one client in as a user who was woken by push. It goes into
// hello in place of a credential, and names the invitation, whose entry in the
// roster of the user remembers by whom it was used.
//
// Behind "connect.", sealed:
//
//	version (1) | expires (8) | caller's entry (40) | length of app (1) | app | length of room (1) | room | user
type connectToken struct {
	expires int64 // ms of the wall clock
	caller  string
	app     string
	room    string
	user    string
}

const (
	connectPrefix  = "connect."
	connectVersion = 3 // no resume token has it, and no link to a room
	connectHead    = 1 + 8 + 2*peerLength
	maxConnect     = len(connectPrefix) + (connectHead+2+2*maxApp+maxUser+sha256.Size+2)/3*4
)

func (t *connectToken) sign(key []byte) string {
	b := binary.BigEndian.AppendUint64([]byte{connectVersion}, uint64(t.expires))
	b = append(b, t.caller...)
	b = append(append(b, byte(len(t.app))), t.app...)
	b = append(append(b, byte(len(t.room))), t.room...)
	b = append(b, t.user...)
	return connectPrefix + seal(key, b)
}

var errConnect = errors.New("not a connect token of this server")

// parseConnect decodes s if one of keys has signed it.
func parseConnect(s string, keys [][]byte) (*connectToken, error) {
	text, ok := strings.CutPrefix(s, connectPrefix)
	if !ok || len(s) > maxConnect {
		return nil, errConnect
	}
	payload, sealed := unseal(text, connectVersion, keys)
	if !sealed || len(payload) < connectHead+2 {
		return nil, errConnect
	}
	t := &connectToken{expires: int64(binary.BigEndian.Uint64(payload[1:])), caller: string(payload[9:connectHead])}
	rest := payload[connectHead:]
	for _, field := range []*string{&t.app, &t.room} {
		if len(rest) == 0 {
			return nil, errConnect
		}
		var name []byte
		if name, rest, ok = cutField(rest[1:], int(rest[0])); !ok || !wire.ValidRoom(string(name)) {
			return nil, errConnect
		}
		*field = string(name)
	}
	if t.user = string(rest); t.user == "" || len(t.user) > maxUser {
		return nil, errConnect
	}
	return t, nil
}

// identify says who a hello is of: the user of a connect token, in the call's room
// only, or whom Authenticate says.
func (l *Link) identify(ctx context.Context, token string) (Identity, *connectToken, error) {
	c := &l.srv.cfg
	shown := token
	if shown == "" && l.shown != nil {
		shown = l.shown.token
	}
	if c.Authenticate == nil || !strings.HasPrefix(shown, connectPrefix) {
		id, err := l.authenticate(ctx, token)
		return id, nil, err
	}
	t, err := parseConnect(shown, c.ResumeKeys)
	if err != nil || t.app != l.app || c.Now().UnixMilli() >= t.expires {
		return Identity{}, nil, errConnectOver()
	}
	id, err := l.identifyWoken(ctx, t)
	return id, t, err
}

// connectFor is how long a session of a connect token lasts that nobody has
// renewed with a token: long enough for a call.
const connectFor = time.Hour

// identifyWoken is whom a connect token lets in: its user, with what Config.Woken says of
// it, in the call's room only, and with an end.
func (l *Link) identifyWoken(ctx context.Context, t *connectToken) (id Identity, err error) {
	c := &l.srv.cfg
	if c.Woken != nil {
		defer l.srv.recovered("Woken", &err)
		if id, err = c.Woken(ctx, t.app, t.user); err != nil {
			return Identity{}, err
		}
	}
	grants := Grants{}
	if id.Grants != nil {
		grants = *id.Grants
	}
	grants.Rooms = []string{t.room}
	id.User, id.Grants = t.user, &grants
	if id.Expires.IsZero() {
		id.Expires = c.Now().Add(connectFor)
	}
	return id, id.check()
}

func errConnectOver() error {
	return wire.Refuse(wire.CodeUnauthenticated, "the connect token is over, was used, or is not one of this app")
}

// useConnect makes the session the device for which t was made. It blocks until
// the cluster has judged that it is the first, or its client was: see Ticket.
func (s *session) useConnect(ctx context.Context, l *Link, t *connectToken, nonce string) error {
	used := make(chan wire.Code, 1)
	s.srv.connecting.Store(s.peer, used)
	defer s.srv.connecting.Delete(s.peer)
	s.mu.Lock()
	s.joinUserLocked(&Ticket{Caller: t.caller, Nonce: nonce, Age: s.srv.now() - l.began})
	s.mu.Unlock()
	limit := time.NewTimer(handLimit)
	defer limit.Stop()
	select {
	case code := <-used:
		if code != "" {
			return errConnectOver()
		}
		return nil
	case <-limit.C:
		return wire.Refuse(wire.CodeUnavailable, "it took too long to check the connect token")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// connected tells useConnect what came of it.
func (s *Server) connected(peer string, code wire.Code) {
	if used, ok := s.connecting.LoadAndDelete(peer); ok {
		used.(chan wire.Code) <- code
	}
}
