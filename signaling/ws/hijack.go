package ws

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// writers are w and all that it wraps, as http.ResponseController finds them:
// the outermost first, and last the one that unwraps to no other.
func writers(w http.ResponseWriter) []http.ResponseWriter {
	list := []http.ResponseWriter{w}
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return list
		}
		w = u.Unwrap()
		list = append(list, w)
	}
}

// checkHijack names what stands between w and the connection: of all that w
// wraps, the last can do what it was made for and no more. A Hijack further out
// would end there, too.
func checkHijack(w http.ResponseWriter) *wire.Error {
	list := writers(w)
	last := list[len(list)-1]
	if _, ok := last.(http.Hijacker); ok {
		return nil
	}
	return wire.Refuse(wire.CodeInternal, "the connection cannot be upgraded: a middleware wrapped the http.ResponseWriter into %T, which has neither Hijack nor Unwrap; give it one, or mount the handler outside", last)
}

// upgrading is a ResponseWriter that gives gorilla our socket.
type upgrading struct {
	http.ResponseWriter
	socket  *socket
	refusal error // why there was no connection
}

// Hijack asks the outermost writer first, since routers keep count of what
// became of a request. But many a Hijack looks only at the next writer, and not at
// what that wraps: then those further in are asked.
func (u *upgrading) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	var failed []error
	for _, w := range writers(u.ResponseWriter) {
		h, ok := w.(http.Hijacker)
		if !ok {
			continue
		}
		conn, rw, err := hijack(h)
		if err == nil {
			u.socket.Conn = conn
			return u.socket, rw, nil
		}
		failed = append(failed, fmt.Errorf("%T: %w", w, err))
	}
	err := errors.Join(failed...)
	u.refusal = wire.Refuse(wire.CodeInternal, "the connection cannot be upgraded: the Hijack of a middleware's http.ResponseWriter failed: %s; it hides a wrapper without Hijack: give that one, or mount the handler outside",
		strings.ReplaceAll(err.Error(), "\n", "; "))
	return nil, nil, err
}

// hijack calls h. Some wrappers assert that what they wrap is a Hijacker, and
// panic if it is not.
func hijack(h http.Hijacker) (conn net.Conn, rw *bufio.ReadWriter, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return h.Hijack()
}

// A socket is the connection below gorilla, which writes on its own where it
// finds a mistake. Once the upgrade is done, that is caught here: only
// writeLoop writes, so that nothing comes between its frames, and nobody
// moves its deadline.
type socket struct {
	net.Conn
	upgraded atomic.Bool
	last     []byte // what gorilla wanted to write: a close frame; owned by the reader

	// charge is told of frames that only gorilla sees; nil: nobody is. It is the
	// reader's, as the meter is.
	charge func(frames, size int) error
	meter  meter
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if s.charge == nil {
		return n, err
	}
	if frames, size := s.meter.scan(p[:n]); frames > 0 {
		if err := s.charge(frames, size); err != nil {
			return 0, err
		}
	}
	return n, err
}

func (s *socket) Write(p []byte) (int, error) {
	if !s.upgraded.Load() {
		return s.Conn.Write(p)
	}
	s.last = append(s.last[:0], p...)
	return len(p), nil
}

func (s *socket) SetWriteDeadline(t time.Time) error {
	if !s.upgraded.Load() {
		return s.Conn.SetWriteDeadline(t)
	}
	return nil
}

// cut ends the connection at once. TLS would first try to say goodbye, and
// wait for a client that does not read.
func (s *socket) cut() {
	if t, ok := s.Conn.(interface{ NetConn() net.Conn }); ok { // *tls.Conn, or one around it
		t.NetConn().Close()
		return
	}
	s.Conn.Close()
}

// closeWrite tells the client that nothing follows, where the connection can.
func (s *socket) closeWrite() {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
