package turn

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// firstBytes of a connection tell a STUN message: they reach to the end of the
// magic cookie.
const firstBytes = 8

// errNeither is for what begins like STUN and is none: no HTTP begins so.
var errNeither = errors.New("turn: neither STUN nor HTTP")

// readFirst reads until it is known whether conn begins with a STUN message
// (RFC 8489 §5), and returns what it has read. The first two bits of one are 0;
// of HTTP a method is the first, in letters. A TURN client cannot begin with
// ChannelData, since it has no channel yet.
func readFirst(conn net.Conn) (first []byte, isTURN bool, err error) {
	var b [firstBytes]byte
	for n := 0; n < len(b); {
		m, err := conn.Read(b[n:])
		n += m
		switch {
		case n > 0 && b[0]>>6 != 0:
			return b[:n], false, nil // an error comes again
		case err != nil:
			return nil, false, err
		}
	}
	if binary.BigEndian.Uint16(b[2:])%4 != 0 || binary.BigEndian.Uint32(b[4:]) != magicCookie {
		return nil, false, errNeither
	}
	return b[:], true, nil
}

// withFirst is conn before first was read from it. Of a TLS connection it
// keeps the methods, by which net/http knows one.
func withFirst(conn net.Conn, first []byte) net.Conn {
	if t, ok := conn.(*tls.Conn); ok {
		return &readTLSConn{t, unread{first}}
	}
	return &readConn{conn, unread{first}}
}

// unread is what is to be read before the rest.
type unread struct{ first []byte }

func (u *unread) read(b []byte, rest io.Reader) (int, error) {
	if len(u.first) == 0 {
		return rest.Read(b)
	}
	n := copy(b, u.first)
	if u.first = u.first[n:]; len(u.first) == 0 {
		u.first = nil
	}
	return n, nil
}

// A readConn is a connection of which something was read.
type readConn struct {
	net.Conn
	unread
}

func (c *readConn) Read(b []byte) (int, error) { return c.read(b, c.Conn) }

// CloseWrite says that nothing follows, where the connection can.
func (c *readConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// A readTLSConn is a TLS connection of which something was read.
type readTLSConn struct {
	*tls.Conn
	unread
}

func (c *readTLSConn) Read(b []byte) (int, error) { return c.read(b, c.Conn) }

// handshake ends the handshake of a TLS connection, in splitTime.
func handshake(conn net.Conn) error {
	t, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), splitTime) // for who looks for a certificate
	defer cancel()
	err := t.HandshakeContext(ctx)
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) && plain.Conn != nil && plain.RecordHeader[0]>>6 != 0 && plain.RecordHeader[0] < 0x80 {
		// A browser that was given the wrong scheme shows this to a person.
		_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis port speaks HTTPS: begin the address with https://\n")
	}
	return err
}

// cut closes a connection at once. TLS would first say goodbye, and wait for a
// client that does not read.
func cut(conn net.Conn) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	_ = conn.Close() // it may be closed already
}
