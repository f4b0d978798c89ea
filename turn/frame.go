package turn

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"time"

	"github.com/pion/stun/v3"
)

const (
	stunHeader    = 20
	channelHeader = 4
	magicCookie   = 0x2112A442

	// writeTimeout is how long a client may take no bytes from its TCP
	// connection before it is closed. Packets queue and are dropped meanwhile.
	writeTimeout = 2 * time.Second
)

var errNoFrame = errors.New("turn: neither STUN nor ChannelData")

// frameLength returns how long the frame is that begins with these 4 bytes,
// without padding: STUN begins with the bits 00, ChannelData with a channel
// number, 0x4000 to 0x4FFF (RFC 8656 §12).
func frameLength(header []byte) (int, error) {
	length := int(binary.BigEndian.Uint16(header[2:]))
	switch {
	case header[0]>>6 == 0 && length%4 == 0: // RFC 8489 §5
		return stunHeader + length, nil
	case isChannelData(header):
		return channelHeader + length, nil
	}
	return 0, errNoFrame
}

func isChannelData(b []byte) bool { return b[0]>>4 == 4 }

// wellFormed says whether b is one frame that pion can make something of. Over
// UDP, ChannelData may have padding behind it.
func wellFormed(b []byte) bool {
	if len(b) < channelHeader {
		return false
	}
	n, err := frameLength(b)
	switch {
	case err != nil:
		return false
	case isChannelData(b):
		return n <= len(b)
	default:
		return n == len(b) && binary.BigEndian.Uint32(b[4:]) == magicCookie
	}
}

// messageType is the STUN message type of b, or a value that is none.
func messageType(b []byte) uint16 {
	if len(b) < stunHeader {
		return 0xffff
	}
	return binary.BigEndian.Uint16(b)
}

// decode reads a STUN message. It copies b.
func decode(b []byte) (*stun.Message, error) {
	m := new(stun.Message)
	return m, m.UnmarshalBinary(b)
}

// A stream makes a packet connection of a TCP connection. It takes the place of
// pion's STUNConn, which a header with a length of 0xFFEC makes spin for ever,
// and which holds back ChannelData of less than five bytes.
type stream struct {
	net.Conn
	in   *bufio.Reader // keeps half a frame when a deadline passes
	skip int           // bytes still to be thrown away

	leave func() // nil: it is not counted; may be called more than once
}

func newStream(conn net.Conn) *stream {
	return &stream{Conn: conn, in: bufio.NewReaderSize(conn, 2*maxPacket)}
}

// ReadFrom returns one frame. A frame that is too long for b is skipped, and
// shows as one that fills b. What is no frame at all ends the connection, since
// nobody knows where the next one begins.
func (s *stream) ReadFrom(b []byte) (int, net.Addr, error) {
	if s.skip > 0 {
		n, err := s.in.Discard(s.skip)
		s.skip -= n
		if err != nil {
			return 0, nil, err
		}
	}
	header, err := s.in.Peek(channelHeader)
	if err != nil {
		return 0, nil, err
	}
	n, err := frameLength(header)
	if err != nil {
		return 0, nil, err
	}
	padded := (n + 3) &^ 3 // RFC 8656 §12.5: over TCP, to a multiple of four
	if n >= len(b) || padded > s.in.Size() {
		s.skip = padded
		return len(b), s.RemoteAddr(), nil
	}
	frame, err := s.in.Peek(padded)
	if err != nil {
		return 0, nil, err
	}
	copy(b, frame[:n])
	_, err = s.in.Discard(padded)
	return n, s.RemoteAddr(), err
}

// WriteTo writes one frame to the one client there is. It closes the connection
// if it can't write all of it, since what follows could not be understood.
func (s *stream) WriteTo(b []byte, _ net.Addr) (int, error) {
	err := s.SetWriteDeadline(time.Now().Add(writeTimeout))
	n := 0
	if err == nil {
		n, err = s.Write(b)
	}
	if err != nil {
		_ = s.Close() // the write error is the one to report
	}
	return n, err
}

// Close implements net.Conn.
func (s *stream) Close() error {
	cut(s.Conn)
	if s.leave != nil {
		s.leave()
	}
	return nil
}
