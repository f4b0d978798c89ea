package signaling

import (
	"context"
	"sync"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A Peer is one client, as the embedding program meets it. Its methods may be
// called from any goroutine and return at once, but for Request.
//
// A Peer that hooks and handlers were given, or that App.Peers returned, is on
// this node. When its client resumes on another node, that has a Peer of its
// own for it, and this one goes on as one that App.Peer returned: what it
// sends is passed on.
type Peer struct {
	app  *App
	id   string
	sess *session // nil: not on this node when the Peer was made

	ctx    context.Context // ends with the session; nil without sess
	cancel context.CancelFunc

	refused bool // its hello was; owned by calls

	// guarded by sess.mu
	askedAt    string      // the node that works on the session's frame
	forced     []uint64    // joins under way that the client did not ask for
	connecting bool        // its hello is being judged
	late       []*Event    // for when it is welcome
	askers     []string    // the nodes that have asked its client something
	expelled   *wire.Error // why the server has ended the session

	mu      sync.Mutex // guards the following; taken behind all others
	values  map[string]any
	calls   []func() // code that waits for its turn
	running bool     // a goroutine runs calls
	left    []string // the rooms of a session that has ended
}

// peerLocked is the session as code meets it.
func (s *session) peerLocked() *Peer {
	if s.self == nil {
		p := &Peer{app: s.app, id: s.peer, sess: s}
		p.ctx, p.cancel = context.WithCancel(context.Background())
		s.self = p
	}
	return s.self
}

func (s *session) asPeer() *Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peerLocked()
}

// ID returns the peer's id.
func (p *Peer) ID() string { return p.id }

// App returns the app that the peer is in.
func (p *Peer) App() *App { return p.app }

// User returns who the peer is; "": it is anonymous, or not known on this node.
func (p *Peer) User() string {
	if p.sess == nil {
		return ""
	}
	return p.sess.user
}

// Identity returns who the peer is, as Config.Authenticate has said; the zero
// Identity if it is not known on this node. What its Grants point to must not
// be changed.
func (p *Peer) Identity() Identity {
	if p.sess == nil {
		return Identity{}
	}
	return *p.sess.who()
}

// Rooms returns the rooms that the peer is in, as far as it is on this node; of
// a session that has ended, those that it was in at its end.
func (p *Peer) Rooms() []string {
	if p.sess == nil {
		return nil
	}
	p.sess.mu.Lock()
	rooms := p.sess.roomNamesLocked()
	p.sess.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(rooms, p.left...)
}

func (s *session) roomNamesLocked() []string {
	names := make([]string, 0, len(s.rooms))
	for _, m := range s.rooms {
		if m.Kind == KindMember {
			names = append(names, m.room.name)
		}
	}
	return names
}

// Here reports whether the peer's session lives, and on this node.
func (p *Peer) Here() bool { return p.sess != nil && p.sess.alive() }

// Set keeps a value with the peer, for as long as its session is on this node.
// Nil forgets it. On another node it is not there.
func (p *Peer) Set(key string, value any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if value == nil {
		delete(p.values, key)
		return
	}
	if p.values == nil {
		p.values = make(map[string]any)
	}
	p.values[key] = value
}

// Get returns what Set has kept; nil: nothing.
func (p *Peer) Get(key string) any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.values[key]
}

// Value returns what p.Set has kept under key, if that is a T.
func Value[T any](p *Peer, key string) (value T, ok bool) {
	value, ok = p.Get(key).(T)
	return value, ok
}

// Emit sends the peer an event, in order with what else it is sent by this
// node, on whatever node it is. To a peer that nobody knows it is lost. An
// error says that v cannot be sent.
func (p *Peer) Emit(name string, v any) error { return p.emit(name, v, false) }

// EmitVolatile is Emit for what is soon worth nothing, such as a position: a peer
// that is behind, as Broadcast.Volatile has it, does not get it.
func (p *Peer) EmitVolatile(name string, v any) error { return p.emit(name, v, true) }

func (p *Peer) emit(name string, v any, volatile bool) error {
	b, err := p.app.eventBody(name, v)
	if err == nil {
		p.tell(&Tell{Body: b, Volatile: volatile})
	}
	return err
}

// eventBody encodes an event.
func (a *App) eventBody(name string, v any) (*Body, error) {
	if !wire.ValidEvent(name) {
		return nil, wire.Refuse(wire.CodeBadMessage, "emit: the name of the event has %d bytes, want 1 to 128", len(name))
	}
	data, err := encode(v)
	if err != nil {
		return nil, err
	}
	if limit := a.srv.cfg.MaxMessage; len(data) > limit {
		return nil, wire.Refuse(wire.CodeTooBig, "emit %q: data has %d bytes, more than %d", name, len(data), limit)
	}
	return &Body{Message: &wire.Message{Type: wire.TypeEvent, Name: name, Data: data}}, nil
}

// Join makes the peer a member of a room, on whatever node it is, whatever its
// token, the room's lock, password and lobby, middleware and OnJoin would say to
// its client; one that waits in the lobby is let in. Two things it does not pass: a
// ban, and the number of members that the room may have (Config.MaxPeers, or less
// by the rules of the room). The client is told with a joined that answers
// nothing; OnJoined tells that it is done, and OnError that it could not be. In
// OnConnect it waits for the welcome.
func (p *Peer) Join(room string) error {
	if !wire.ValidRoom(room) {
		return wire.Refuse(wire.CodeBadRoom, "join: %.128q is not a room: use 1 to 128 of A-Z a-z 0-9 _ . ~ -", room)
	}
	p.tell(&Tell{Join: room})
	return nil
}

// Leave takes the peer out of a room, on whatever node it is. All members are
// told with peer-left{forbidden}, and the peer itself is.
func (p *Peer) Leave(room string) {
	if wire.ValidRoom(room) {
		p.tell(&Tell{Leave: room})
	}
}

// Disconnect ends the peer's session, on whatever node it is: its link is closed
// with the code of why, others see that it has left, and it cannot be resumed.
// Nil is CodeForbidden.
func (p *Peer) Disconnect(why *Error) {
	if why == nil {
		why = wire.Refuse(wire.CodeForbidden, "the server has ended this session")
	}
	p.tell(&Tell{End: why})
}
