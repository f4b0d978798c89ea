package client

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A ServerEvent is something that the server's application says, by a name of
// its own.
type ServerEvent struct {
	Name string
	Room string          // "": it is not of one room
	Data json.RawMessage // nil: none
}

// Bind reads Data into v, as json.Unmarshal does; without Data v stays as it
// is. Its error is a refusal that a Handler can return.
func (e *ServerEvent) Bind(v any) error {
	if e.Data == nil {
		return nil
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		return wire.Refuse(wire.CodeBadMessage, "%s: data: %v", e.Name, err)
	}
	return nil
}

// A Handler handles the events of one name. Where the server waits for an
// answer, the result is it, encoded as JSON; a *wire.Error refuses, and any
// other error is told as internal. ctx ends with the client.
type Handler func(ctx context.Context, e *ServerEvent) (any, error)

// On has h handle the events of that name from now on; nil: nobody. Those that
// may come right behind welcome need Config.On. Handlers run one at a time, in the
// order of the events, on a goroutine of the client's, so that they should not
// Close it; the client does not wait for them, and ends with ErrUnread when 16
// MiB of events wait.
func (c *Client) On(name string, h Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h == nil {
		delete(c.handlers, name)
		return
	}
	c.handlers[name] = h
}

// Emit sends the server's application an event and waits for the answer. v is
// encoded as JSON, json.RawMessage as it is. What the application refuses is a
// *wire.Error. If the server is lost meanwhile, the error has
// CodeOutcomeUnknown: the event may have been handled.
func (c *Client) Emit(ctx context.Context, name string, v any) (json.RawMessage, error) {
	if !wire.ValidEvent(name) {
		return nil, wire.Refuse(wire.CodeBadMessage, "emit: the name of the event has %d bytes, want 1 to 128", len(name))
	}
	m := &wire.Message{Type: wire.TypeEvent, Name: name}
	if v != nil {
		data, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		m.Data = data
	}
	answer, err := c.ask(ctx, m, nil)
	if err != nil {
		return nil, err
	}
	return answer.Data, nil
}

// handleEventLocked gives an event to its handler, in its turn.
func (c *Client) handleEventLocked(m *wire.Message) {
	c.events = append(c.events, m)
	if c.unread += len(m.Data) + eventCost; c.unread > maxUnread {
		c.failLocked(ErrUnread)
		return
	}
	if !c.handling {
		c.handling = true
		c.pairs.Go(c.handleEvents)
	}
}

// handleEvents runs handlers until no event waits, or the client has ended.
func (c *Client) handleEvents() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.events) > 0 && c.ctx.Err() == nil {
		m := c.events[0]
		c.events[0] = nil
		c.events = c.events[1:]
		c.unread -= len(m.Data) + eventCost
		h := c.handlers[m.Name]
		c.mu.Unlock()
		reply := c.handleEvent(h, m)
		c.mu.Lock()
		if m.RID != "" && c.endedLocked() == nil {
			c.enqueueLocked(reply)
		}
	}
	c.events, c.handling = nil, false
}

// handleEvent returns the reply, should the server want one.
func (c *Client) handleEvent(h Handler, m *wire.Message) *wire.Message {
	if m.Type == wire.TypeJoined {
		c.mu.Lock()
		r := c.rooms[m.Room]
		c.mu.Unlock()
		if r != nil { // else it has been left again
			c.config.Joined(r)
		}
		return nil
	}
	reply := &wire.Message{Type: wire.TypeReply, RID: m.RID}
	if h == nil {
		c.log.Info("signaling event that nobody handles", "peer", c.ID(), "event", m.Name)
		reply.Code, reply.Text = wire.CodeUnknownEvent, "the client does not handle it"
		return reply
	}
	result, err := h(c.ctx, &ServerEvent{Name: m.Name, Room: m.Room, Data: m.Data})
	if err == nil && result != nil {
		reply.Data, err = json.Marshal(result)
	}
	if err == nil {
		c.mu.Lock()
		err = c.checkLocked(reply)
		c.mu.Unlock()
	}
	if err != nil {
		reply.Data = nil
		reply.Code, reply.Text = wire.CodeInternal, "the client has made a mistake"
		var refusal *wire.Error
		if errors.As(err, &refusal) && refusal != nil && refusal.Code != "" {
			reply.Code, reply.Text = refusal.Code, refusal.Text
		} else {
			c.log.Error("signaling event handler failed", "peer", c.ID(), "event", m.Name, "cause", err)
		}
	}
	return reply
}
