package client

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// CodeOutcomeUnknown is the code of a request that was under way when the
// server lost the session's history: it may have been done or not. It is the
// client's own and never on the wire.
const CodeOutcomeUnknown = wire.CodeOutcomeUnknown

var (
	// ErrClosed is what everything returns after Close.
	ErrClosed = errors.New("client: closed")
	// ErrLeft is what a Room returns after Leave.
	ErrLeft = errors.New("client: left the room")
	// ErrJoined is what Join returns for a room that the client is in.
	ErrJoined = errors.New("client: in this room already")
	// ErrUnread ends a client whose application has left more than 16 MiB of
	// one room's events unread. They are never dropped in silence.
	ErrUnread = errors.New("client: the events of a room are not read")

	errSuspect  = errors.New("client: no answer to a probe")
	errProtocol = errors.New("client: the server broke the protocol")
)

// A refusal is a *wire.Error with what the server said about coming back.
type refusal struct {
	cause *wire.Error
	after time.Duration
	ours  bool // it is a signal server's word, not that of something before it
}

func (r *refusal) Error() string { return r.cause.Error() }
func (r *refusal) Unwrap() error { return r.cause }

// refused reads the answer to an upgrade that was refused.
func refused(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10))
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	cause, ours := problem(body)
	if !ours {
		cause = &wire.Error{Code: codeOfStatus(resp.StatusCode), Text: resp.Status}
	}
	return &refusal{cause: cause, after: time.Duration(seconds) * time.Second, ours: ours}
}

// problem reads the RFC 9457 body of a refusal.
func problem(body []byte) (*wire.Error, bool) {
	var p struct {
		Code   wire.Code `json:"code"`
		Detail string    `json:"detail"`
	}
	if json.Unmarshal(body, &p) != nil || p.Code == "" {
		return nil, false
	}
	return &wire.Error{Code: p.Code, Text: p.Detail}, true
}

func codeOfStatus(status int) wire.Code {
	switch {
	case status == http.StatusUnauthorized:
		return wire.CodeUnauthenticated
	case status == http.StatusTooManyRequests:
		return wire.CodeRateLimited
	case status == http.StatusNotFound:
		return wire.CodeUnknownApp
	case status >= 500:
		return wire.CodeUnavailable
	}
	return wire.CodeForbidden
}

// refusedBy makes a refusal of an error message.
func refusedBy(m *wire.Message) *refusal {
	return &refusal{
		cause: &wire.Error{Code: m.Code, Text: m.Text},
		after: time.Duration(m.After) * time.Millisecond,
		ours:  true,
	}
}

// closedBy makes a refusal of a close frame; other errors stay as they are.
func closedBy(err error, after time.Duration) error {
	var c *websocket.CloseError
	if !errors.As(err, &c) {
		return err
	}
	code, ok := codeOfClose(c)
	if !ok {
		return err
	}
	return &refusal{cause: &wire.Error{Code: code, Text: "the server closed the connection"}, after: after, ours: true}
}

// codeOfClose finds the code of a close frame: its reason, or what its number
// says about one that is not known here.
func codeOfClose(c *websocket.CloseError) (wire.Code, bool) {
	code := wire.Code(c.Text)
	if code.Info().Close == c.Code {
		return code, true
	}
	switch {
	case c.Code == websocket.CloseNormalClosure:
		return wire.CodeBye, true
	case c.Code == websocket.CloseServiceRestart:
		return wire.CodeGoingAway, true
	case c.Code == websocket.CloseTryAgainLater:
		return wire.CodeUnavailable, true
	case c.Code >= 4400 && c.Code < 4500:
		return wire.CodeForbidden, true
	}
	return "", false // 1001, 1006, 1011 …: the network, or a proxy
}

// retryOf says what to do about why a connection ended.
func retryOf(err error) (retry wire.Retry, after time.Duration) {
	var r *refusal
	if !errors.As(err, &r) {
		return wire.RetryNow, 0
	}
	if retry = r.cause.Code.Info().Retry; !r.ours && retry == wire.RetryNever {
		retry = wire.RetryAfter // a proxy's 404 while a server is replaced
	}
	return retry, r.after
}
