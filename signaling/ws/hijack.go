package ws

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// hijacker finds who can take over the connection behind w, as
// http.ResponseController does; nil if nobody can.
func hijacker(w http.ResponseWriter) http.Hijacker {
	for {
		switch t := w.(type) {
		case http.Hijacker:
			return t
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return nil
		}
	}
}

// upgrading is a ResponseWriter that gives gorilla our socket.
type upgrading struct {
	http.ResponseWriter
	hijacker http.Hijacker
	socket   *socket
}

func (u *upgrading) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := u.hijacker.Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.socket.Conn = conn
	return u.socket, rw, nil
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
	if t, ok := s.Conn.(*tls.Conn); ok {
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
