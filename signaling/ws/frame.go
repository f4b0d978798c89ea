package ws

import (
	"encoding/binary"
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// First bytes of the frames that a server writes (RFC 6455 §5.2): the last
// fragment, and an opcode. A server does not mask.
const (
	finText  = 0x81
	finClose = 0x88
	finPong  = 0x8a
)

// maxControl is what a control frame may carry (RFC 6455 §5.5).
const maxControl = 125

// appendText appends out as one text frame. Frames are made here and not with
// gorilla, so that several of them are one write.
func appendText(b []byte, out signaling.Outgoing) []byte {
	start := len(b)
	b = append(b, finText, 126, 0, 0) // the header of most frames
	b = wire.AppendServer(b, out.Seq, out.Ack, out.Body.JSON())
	size := len(b) - start - 4
	switch {
	case size <= maxControl:
		b[start+1] = byte(size)
		return slices.Delete(b, start+2, start+4)
	case size <= 0xffff:
		binary.BigEndian.PutUint16(b[start+2:], uint16(size))
		return b
	}
	b[start+1] = 127
	b = slices.Insert(b, start+4, 0, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint64(b[start+2:], uint64(size))
	return b
}

// appendControl appends a control frame; payload has at most maxControl bytes.
func appendControl(b []byte, first byte, payload string) []byte {
	return append(append(b, first, byte(len(payload))), payload...)
}

// closeFrame is a close frame with a status and a reason; status 0 means
// without both.
func closeFrame(status int, reason string) []byte {
	if status == 0 {
		return appendControl(nil, finClose, "")
	}
	payload := string(binary.BigEndian.AppendUint16(nil, uint16(status))) + reason
	return appendControl(nil, finClose, payload[:min(len(payload), maxControl)])
}
