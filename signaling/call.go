package signaling

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A Handler handles a Call. Its result is the answer, encoded as JSON; nil: an
// answer without data. An *Error refuses it, with a code of the protocol or of
// the application; any other error is logged, and the client told internal.
type Handler func(*Call) (any, error)

// A Call is something that a client asks for: an event, or what else
// middleware sees. It is for the goroutine that it was given to.
type Call struct {
	Peer *Peer
	Type wire.Type       // event; in middleware also hello (a connect), join and message
	Name string          // event: its name
	Room string          // join, message
	To   string          // message: the peer's id; "": the whole room, or User
	User string          // message: to all devices of a user; "": it is not
	Data json.RawMessage // nil: none

	ctx context.Context
}

// Context ends with the session, or earlier if the server stops.
func (c *Call) Context() context.Context { return c.ctx }

// Bind reads Data into v, as json.Unmarshal does; without Data v stays as it
// is. Its error is a refusal that a handler can return.
func (c *Call) Bind(v any) error {
	if c.Data == nil {
		return nil
	}
	if err := json.Unmarshal(c.Data, v); err != nil {
		return wire.Refuse(wire.CodeBadMessage, "%s: data: %v", c.what(), err)
	}
	return nil
}

// what names the call in texts and logs.
func (c *Call) what() string {
	switch c.Type {
	case wire.TypeEvent:
		return c.Name
	case wire.TypeHello:
		return "OnConnect"
	}
	return string(c.Type)
}

// Handle handles events whose data is a T. What cannot be read as one is
// refused with bad_message, and fn not called. to is an App, or what
// AppPattern returned.
func Handle[T any](to interface{ Handle(string, Handler) }, name string, fn func(c *Call, arg T) (any, error)) {
	to.Handle(name, func(c *Call) (any, error) {
		var arg T
		if err := c.Bind(&arg); err != nil {
			return nil, err
		}
		return fn(c, arg)
	})
}

// Refuse makes a refusal that a client is told: a code, for programs, and a
// text for people. Codes of an application are best put before a dot or colon
// with its name, so that none of the protocol is ever the same.
func Refuse(code wire.Code, format string, args ...any) *Error {
	return wire.Refuse(code, format, args...)
}

// serve runs h for c, and turns whatever it does into an answer.
func (p *Peer) serve(h Handler, c *Call) (data json.RawMessage, refusal *wire.Error) {
	err := p.try(c.what(), func() error {
		result, err := h(c)
		if err == nil {
			data, err = encode(result) // which may call code, too
		}
		return err
	})
	if err == nil {
		if limit := p.app.srv.cfg.MaxMessage; len(data) <= limit {
			return data, nil
		}
		err = wire.Refuse(wire.CodeTooBig, "%s: the answer has %d bytes, more than a message may have", c.what(), len(data))
	}
	if refusal = refusalIn(err); refusal != nil {
		return nil, refusal
	}
	p.failed(c.what(), err)
	return nil, wire.Refuse(wire.CodeInternal, "%s: the server has made a mistake", c.what())
}

// refusalIn returns the *Error that err is or wraps; nil: there is none. One that is
// nil refuses nothing: it is the mistake of code that returned it as an error.
func refusalIn(err error) *wire.Error {
	var refusal *wire.Error
	if errors.As(err, &refusal) && refusal != nil && refusal.Code != "" {
		return refusal
	}
	return nil
}

// try calls f; a panic is an error.
func (p *Peer) try(what string, f func() error) (err error) {
	defer p.app.srv.recovered(what, &err)
	return f()
}

// failed tells the log and OnError of an error that is ours.
func (p *Peer) failed(what string, err error) {
	p.app.srv.cfg.Logger.Error("handler failed", "in", what, "peer", p.id, "app", p.app.name, "error", err)
	for _, f := range p.app.get().fails {
		func() {
			defer p.app.srv.recovered("OnError", nil)
			f(p, what, err)
		}()
	}
}

// encode encodes a value for data. RawMessage goes as it is, if it is JSON.
func encode(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}
