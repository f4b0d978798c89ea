package signaling

import (
	"encoding/json"
	"sync/atomic"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Code is what the embedding program adds to an app: handlers of events,
// middleware and hooks. All of it is said before clients come; what is added
// later counts from the next frame on. Its methods are for one goroutine at a
// time.
//
// All of it that is about one peer runs one at a time, in order, on a
// goroutine that lives while there is something to run: so code of one peer
// needs no lock against itself, and may block, which holds up nobody but that
// peer. A panic is logged, and the client told internal.
type Code struct {
	now atomic.Pointer[code] // never changed in place; nil: there is none
}

// code is a Code as it is at one time.
type code struct {
	handlers   map[string]Handler
	other      Handler // of events without a handler; nil: they are refused
	middleware []func(Handler) Handler

	connect       []func(*Peer) error
	disconnecting []func(*Peer, DisconnectReason)
	disconnect    []func(*Peer, DisconnectReason)
	fails         []func(*Peer, string, error)

	join   []func(p *Peer, room string, data json.RawMessage) error
	joined []func(p *Peer, room string)
	left   []func(p *Peer, room string, reason wire.Reason)

	created []func(room string)
	deleted []func(room string)
}

// get returns the code as it is now; it may be read, and is never nil.
func (c *Code) get() *code {
	if now := c.now.Load(); now != nil {
		return now
	}
	return &code{}
}

func (c *Code) change(f func(*code)) {
	next := *c.get()
	f(&next)
	c.now.Store(&next)
}

// extend is append that leaves list alone: it may be read at the same time.
func extend[T any](list []T, more T) []T { return append(list[:len(list):len(list)], more) }

// Handle handles the events of that name, which must be 1 to 128 bytes. The
// result is the client's answer, encoded as JSON. A second handler of a name
// takes the place of the first.
func (c *Code) Handle(name string, h Handler) {
	if !wire.ValidEvent(name) {
		panic("signaling: Handle: the name of an event has 1 to 128 bytes")
	}
	c.change(func(next *code) {
		handlers := make(map[string]Handler, len(next.handlers)+1)
		for n, h := range next.handlers {
			handlers[n] = h
		}
		handlers[name] = h
		next.handlers = handlers
	})
}

// HandleAny handles the events that no Handle is for. Without it they are
// refused with unknown_event.
func (c *Code) HandleAny(h Handler) { c.change(func(next *code) { next.other = h }) }

// Use puts middleware around everything that comes from now on: the first one
// is the outermost. It sees connects (Call.Type is wire.TypeHello), events, joins and
// messages, before the hooks and handlers behind it; an error that it returns is
// the client's answer. What is relayed for a negotiation (offers, answers,
// candidates and the like), confirmations, leave and update never come here.
func (c *Code) Use(m func(next Handler) Handler) {
	c.change(func(next *code) { next.middleware = extend(next.middleware, m) })
}

// OnConnect is called for each new session, before it is welcomed. An error
// refuses it, and the link is closed with its code; other hooks will not hear
// of this peer. Emit and Join work already, and arrive behind welcome; a Request
// would wait for an answer in vain. Who resumes is not new.
func (c *Code) OnConnect(f func(*Peer) error) {
	c.change(func(next *code) { next.connect = extend(next.connect, f) })
}

// OnDisconnecting is called when a session has ended, before OnDisconnect.
// Peer.Rooms still says where it was; the others in there have been told.
func (c *Code) OnDisconnecting(f func(*Peer, DisconnectReason)) {
	c.change(func(next *code) { next.disconnecting = extend(next.disconnecting, f) })
}

// OnDisconnect is called when a session has ended for good. A lost link that is
// resumed is none, also when that happens on another node. A Shutdown ends
// no sessions: their clients come back elsewhere. Of those that were on a node that
// has died, and have not come back, nobody is told: neither here nor by OnLeft.
// Members of their rooms are (peer-left{timeout}).
func (c *Code) OnDisconnect(f func(*Peer, DisconnectReason)) {
	c.change(func(next *code) { next.disconnect = extend(next.disconnect, f) })
}

// OnJoin is called when a client asks to join a room in which it is not, also
// when it comes back whose history was lost. An error refuses it.
func (c *Code) OnJoin(f func(p *Peer, room string, data json.RawMessage) error) {
	c.change(func(next *code) { next.join = extend(next.join, f) })
}

// OnJoined is called when a peer has come into a room, on the node where it is.
func (c *Code) OnJoined(f func(p *Peer, room string)) {
	c.change(func(next *code) { next.joined = extend(next.joined, f) })
}

// OnLeft is called when a peer has left a room, also by the end of its session,
// which OnDisconnecting comes before.
func (c *Code) OnLeft(f func(p *Peer, room string, reason wire.Reason)) {
	c.change(func(next *code) { next.left = extend(next.left, f) })
}

// OnRoomCreated is called when somebody is in a room that was empty before, on
// the node where that peer is, before its OnJoined.
func (c *Code) OnRoomCreated(f func(room string)) {
	c.change(func(next *code) { next.created = extend(next.created, f) })
}

// OnRoomDeleted is called when a room has become empty, on the node where the
// last one was, after its OnLeft.
func (c *Code) OnRoomDeleted(f func(room string)) {
	c.change(func(next *code) { next.deleted = extend(next.deleted, f) })
}

// OnError is called when a handler, a hook or middleware has failed with an
// error that is no *Error, or has panicked, and when a Peer.Join was refused,
// beside the line in the log. what is the name of the event, or of the hook, or
// Peer.Join. It runs in the turn of the peer's code, as the others do.
func (c *Code) OnError(f func(p *Peer, what string, err error)) {
	c.change(func(next *code) { next.fails = extend(next.fails, f) })
}

// handler returns what handles an event, without middleware.
func (c *code) handler(name string) Handler {
	if h := c.handlers[name]; h != nil {
		return h
	}
	return c.other
}

// wrap puts the middleware around h.
func (c *code) wrap(h Handler) Handler {
	for i := len(c.middleware) - 1; i >= 0; i-- {
		h = c.middleware[i](h)
	}
	return h
}

// judgesHello reports whether a new session is the application's to let in.
func (c *code) judgesHello() bool { return len(c.middleware)+len(c.connect) > 0 }

// joinHooks asks the OnJoin hooks.
func (c *code) joinHooks(call *Call) (any, error) {
	for _, f := range c.join {
		if err := f(call.Peer, call.Room, call.Data); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// connectHooks asks the OnConnect hooks.
func (c *code) connectHooks(call *Call) (any, error) {
	for _, f := range c.connect {
		if err := f(call.Peer); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
