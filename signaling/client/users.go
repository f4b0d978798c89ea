package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A UserEvent is what the client is told of users: Presence, UserMessage,
// Invited, Cancelled, Missed or Ringing.
type UserEvent interface{ userEvent() }

// Presence is how a user that is watched is there.
type Presence struct {
	User string
	wire.Presence
}

// UserMessage is data of SendUser, from another client.
type UserMessage struct {
	From, User string // User is empty if the sender has none
	Data       json.RawMessage
}

// Invited says that a user rings this one: Accept or Decline it before its TTL
// ends, unless Cancelled comes. It comes again, with the same Invite, from a
// server that had lost it.
type Invited struct {
	Invite     string
	From, User string
	Name       string // the caller's, as the server knows it
	Room       string // of the call: join it behind Accept
	Data       json.RawMessage
	TTL        time.Duration
}

// Cancelled says that an invitation rings no more.
type Cancelled struct {
	Invite string
	Reason wire.Reason
}

// Missed says that somebody rang while the user had no client; Ago is how long
// ago that ended.
type Missed struct {
	Invited
	Ago time.Duration
}

// Ringing says how a user is rung: on a device, or by push.
type Ringing struct {
	Invite string
	Via    wire.Via
}

func (Presence) userEvent()    {}
func (UserMessage) userEvent() {}
func (Invited) userEvent()     {}
func (Cancelled) userEvent()   {}
func (Missed) userEvent()      {}
func (Ringing) userEvent()     {}

// UserEvents returns what is told of users, in its order; it ends with ctx or the
// client. What holds for Room.Events holds for it.
func (c *Client) UserEvents(ctx context.Context) iter.Seq[UserEvent] {
	return func(yield func(UserEvent) bool) {
		for {
			e, err := c.told.next(ctx)
			if err != nil || !yield(e) {
				return
			}
		}
	}
}

// Watch has Presence told of users from now on, also by another server that
// takes over. It returns when the server has said how they are. Who may not be
// watched looks offline.
func (c *Client) Watch(ctx context.Context, users ...string) error {
	c.mu.Lock()
	for _, u := range users {
		c.watched[u] = true
	}
	c.mu.Unlock()
	_, err := c.ask(ctx, &wire.Message{Type: wire.TypeWatch, Users: users}, nil)
	return err
}

// Unwatch ends Watch.
func (c *Client) Unwatch(ctx context.Context, users ...string) error {
	c.mu.Lock()
	for _, u := range users {
		delete(c.watched, u)
	}
	c.mu.Unlock()
	_, err := c.ask(ctx, &wire.Message{Type: wire.TypeUnwatch, Users: users}, nil)
	return err
}

// SetBusy says whether this client's user is in a call, and so is not rung. An
// application that has calls says so before Accept, and when Call.Wait returns.
func (c *Client) SetBusy(ctx context.Context, busy bool) error {
	c.mu.Lock()
	c.busy = busy
	c.mu.Unlock()
	_, err := c.ask(ctx, &wire.Message{Type: wire.TypeStatus, Presence: &wire.Presence{Busy: busy}}, nil)
	return err
}

// SendUser sends data, which must be JSON, to all other clients of a user. It
// returns when the client has taken it; if the user has none the log says so.
func (c *Client) SendUser(_ context.Context, user string, data json.RawMessage) error {
	m := &wire.Message{Type: wire.TypeMessage, User: user, Data: bytes.Clone(data)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.endedLocked(); err != nil {
		return err
	}
	if err := c.checkLocked(m); err != nil {
		return err
	}
	c.enqueueLocked(m)
	return nil
}

// InviteOptions are what an invitation may say.
type InviteOptions struct {
	Room   string          // of the call; "": the server makes one
	Data   json.RawMessage // for the devices
	Anyway bool            // rings a user who is busy, too
}

// A Call is an invitation of this client's.
type Call struct {
	ID     string
	client *Client
	over   chan struct{} // closed when the following are set
	answer Accepted
	err    error
}

// Accepted says who has accepted, and the room of the call.
type Accepted struct{ Peer, User, Room string }

// Declined is the error of a call that came to nothing.
type Declined struct{ Reason wire.Reason }

func (d *Declined) Error() string { return fmt.Sprintf("client: the call was not taken: %s", d.Reason) }

// Invite rings a user on all devices. It returns when the server has made the
// invitation; Wait waits for the answer.
func (c *Client) Invite(ctx context.Context, user string, o InviteOptions) (*Call, error) {
	call := &Call{client: c, over: make(chan struct{})}
	m := &wire.Message{Type: wire.TypeInvite, User: user, Room: o.Room, Data: bytes.Clone(o.Data), Call: &wire.Call{Anyway: o.Anyway}}
	c.mu.Lock()
	r, err := c.askLocked(m, nil)
	if r != nil {
		r.call = call
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if _, err := r.wait(ctx); err != nil {
		return nil, err
	}
	return call, nil
}

// Wait waits for the answer: who has accepted, in which room, which both then
// join; or a *Declined, what ended the client, or that its server was lost. Where the
// other user rang this one at the same time, both are accepted, with one room.
func (call *Call) Wait(ctx context.Context) (Accepted, error) {
	select {
	case <-call.over:
		return call.answer, call.err
	case <-ctx.Done():
		return Accepted{}, context.Cause(ctx)
	}
}

// Cancel ends the ringing. Of a call that was answered meanwhile it returns
// invite_over.
func (call *Call) Cancel(ctx context.Context) error {
	c := call.client
	_, err := c.ask(ctx, &wire.Message{Type: wire.TypeCancel, Call: &wire.Call{Invite: call.ID}}, nil)
	if err == nil {
		c.mu.Lock()
		c.callOverLocked(call.ID, Accepted{}, &Declined{Reason: wire.ReasonCancelled})
		c.mu.Unlock()
	}
	return err
}

// Accept takes a call that rings here; the first client of the user that does has
// it, and joins its room. Of any other, Accept returns invite_over.
func (c *Client) Accept(ctx context.Context, invite string) error {
	_, err := c.ask(ctx, &wire.Message{Type: wire.TypeAccept, Call: &wire.Call{Invite: invite}}, nil)
	return err
}

// Decline ends the ringing on all of the user's clients, with ReasonDeclined or
// ReasonBusy.
func (c *Client) Decline(ctx context.Context, invite string, reason wire.Reason) error {
	_, err := c.ask(ctx, &wire.Message{Type: wire.TypeDecline, Reason: reason, Call: &wire.Call{Invite: invite}}, nil)
	return err
}

// handleUsersLocked takes in what the server says of users. It reports false
// for what is about something else.
func (c *Client) handleUsersLocked(m *wire.Message) bool {
	switch m.Type {
	case wire.TypePresence:
		if c.watched[m.User] {
			c.tellLocked(Presence{m.User, *m.Presence}, len(m.User))
		}
	case wire.TypeMessage:
		if m.Room != "" {
			return false
		}
		c.tellLocked(UserMessage{From: m.From, User: m.User, Data: m.Data}, len(m.Data))
	case wire.TypeInvited:
		c.tellLocked(invited(m), len(m.Data))
	case wire.TypeMissed:
		c.tellLocked(Missed{invited(m), time.Duration(m.Call.TTL) * time.Millisecond}, len(m.Data))
	case wire.TypeCancelled:
		c.tellLocked(Cancelled{m.Call.Invite, m.Reason}, 0)
	case wire.TypeRinging:
		c.tellLocked(Ringing{m.Call.Invite, m.Call.Via}, 0)
	case wire.TypeAccepted:
		c.callOverLocked(m.Call.Invite, Accepted{Peer: m.From, User: m.User, Room: m.Room}, nil)
	case wire.TypeDeclined:
		c.callOverLocked(m.Call.Invite, Accepted{}, &Declined{m.Reason})
	default:
		return false
	}
	return true
}

func invited(m *wire.Message) Invited {
	return Invited{
		Invite: m.Call.Invite, From: m.From, User: m.User, Name: m.Call.Name, Room: m.Room, Data: m.Data,
		TTL: time.Duration(m.Call.TTL) * time.Millisecond,
	}
}

func (c *Client) tellLocked(e UserEvent, size int) {
	if c.told.push(e, size+eventCost) > maxUnread {
		c.failLocked(ErrUnread)
	}
}

func (c *Client) callOverLocked(id string, a Accepted, err error) {
	if call := c.calls[id]; call != nil {
		delete(c.calls, id)
		call.answer, call.err = a, err
		close(call.over)
	}
}

// endCallsLocked ends all calls that ring.
func (c *Client) endCallsLocked(err error) {
	for id := range c.calls {
		c.callOverLocked(id, Accepted{}, err)
	}
}

// usersLostLocked says again what a lost server has forgotten; the calls that it
// carried are over.
func (c *Client) usersLostLocked() {
	c.endCallsLocked(wire.Refuse(CodeOutcomeUnknown, "the server lost the call"))
	if len(c.watched) > 0 {
		c.enqueueLocked(&wire.Message{Type: wire.TypeWatch, Users: slices.Sorted(maps.Keys(c.watched))})
	}
	if c.busy {
		c.enqueueLocked(&wire.Message{Type: wire.TypeStatus, Presence: &wire.Presence{Busy: true}})
	}
}

// ofUsers reports whether a frame that a lost server had not taken in is not sent to the
// next one: what it is about went with the server, or is said anew.
func ofUsers(t wire.Type) bool {
	switch t {
	case wire.TypeInvite, wire.TypeAccept, wire.TypeDecline, wire.TypeCancel, wire.TypeWatch, wire.TypeUnwatch, wire.TypeStatus:
		return true
	}
	return false
}
