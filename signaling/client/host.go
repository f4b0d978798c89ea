package client

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// MuteRequest says that a host asks the client to mute. Data is what the host
// says about it. Nothing is enforced.
type MuteRequest struct {
	From string
	Data json.RawMessage
}

func (MuteRequest) event() {}

// moderate asks for what only a host may, and waits until it is done. The error
// of who is none is a *wire.Error with wire.CodeForbidden.
func (r *Room) moderate(ctx context.Context, m *wire.Message) error {
	_, err := r.ask(ctx, m)
	return err
}

// ask sends a request about the room and waits for its answer.
func (r *Room) ask(ctx context.Context, m *wire.Message) (*wire.Message, error) {
	c := r.client
	m.Room = r.name
	c.mu.Lock()
	if r.state == roomOver {
		defer c.mu.Unlock()
		return nil, r.err
	}
	request, err := c.askLocked(m, r)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return request.wait(ctx)
}

// SetRules changes those rules of the room that are not nil.
func (r *Room) SetRules(ctx context.Context, rules wire.RulesUpdate) error {
	return r.moderate(ctx, &wire.Message{Type: wire.TypeSetRules, Mod: &wire.Moderation{Set: &rules}})
}

// SetRole gives a peer, or the client itself, another role. The last host is
// refused to be none.
func (r *Room) SetRole(ctx context.Context, peer string, role wire.Role) error {
	return r.moderate(ctx, &wire.Message{Type: wire.TypeSetRole, To: peer, Role: role})
}

// Kick takes a peer out of the room; it can't join as the same peer for a minute.
// Text is for people; "": none.
func (r *Room) Kick(ctx context.Context, peer, text string) error {
	return r.moderate(ctx, &wire.Message{Type: wire.TypeKick, To: peer, Text: text})
}

// Ban takes a peer and all others of its user out of the room, and keeps them
// out for a time; 0: an hour. Text is for people; "": none.
func (r *Room) Ban(ctx context.Context, peer string, d time.Duration, text string) error {
	return r.ban(ctx, &wire.Message{To: peer, Text: text}, d)
}

// BanUser is Ban for a user, who may have no peer in the room.
func (r *Room) BanUser(ctx context.Context, user string, d time.Duration, text string) error {
	return r.ban(ctx, &wire.Message{User: user, Text: text}, d)
}

func (r *Room) ban(ctx context.Context, m *wire.Message, d time.Duration) error {
	m.Type, m.Mod = wire.TypeBan, &wire.Moderation{For: d.Milliseconds()}
	return r.moderate(ctx, m)
}

// Unban ends the ban of a peer.
func (r *Room) Unban(ctx context.Context, peer string) error {
	return r.moderate(ctx, &wire.Message{Type: wire.TypeUnban, To: peer})
}

// UnbanUser ends the ban of a user.
func (r *Room) UnbanUser(ctx context.Context, user string) error {
	return r.moderate(ctx, &wire.Message{Type: wire.TypeUnban, User: user})
}

// End takes everybody out of the room, also the client. Text is for people; "":
// none.
func (r *Room) End(ctx context.Context, text string) error {
	return r.moderate(ctx, &wire.Message{Type: wire.TypeEnd, Text: text})
}

// RequestMute asks a peer to mute; data, which must be JSON or nil, says what is
// meant. It returns when the client has taken it. Only a host may.
func (r *Room) RequestMute(_ context.Context, peer string, data json.RawMessage) error {
	c := r.client
	m := &wire.Message{Type: wire.TypeMuteRequest, Room: r.name, To: peer, Data: bytes.Clone(data)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.endedLocked(); err != nil {
		return err
	}
	switch {
	case r.state == roomOver:
		return r.err
	case r.role != wire.RoleHost:
		return wire.Refuse(wire.CodeForbidden, "%s: you are no host of room %q", m.Type, r.name)
	case r.members[peer] == nil:
		return wire.Refuse(wire.CodeNoSuchPeer, "%s: %q is not in room %q", m.Type, peer, r.name)
	}
	if err := c.checkLocked(m); err != nil {
		return err
	}
	c.enqueueLocked(m)
	return nil
}
