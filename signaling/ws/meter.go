package ws

import "encoding/binary"

// A meter finds, in what comes in, the frames that never become a message of
// their own: pings, pongs and small continuations (RFC 6455 §5.2). gorilla deals
// with these itself, also with ones without end, so they are counted below it. It
// judges nothing: that is gorilla's.
type meter struct {
	skip uint64 // bytes of payload to come
	head [14]byte
	n    int // bytes of head
}

// Opcodes that are not charged: the first frame of a message is, by
// Link.Receive, and a close frame is the last one anyway.
const (
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
)

// smallPart is the size in bytes below which a continuation counts. Clients cut
// large messages into parts as large as their buffers, 4 KiB in gorilla's, and a
// small rest, the last part; that these are many their bytes see to.
const smallPart = 512

// scan returns how many such frames begin in p, and their bytes; of
// continuations only the heads, since the rest is counted with the message.
func (m *meter) scan(p []byte) (frames, size int) {
	for len(p) > 0 {
		if m.skip > 0 {
			n := min(m.skip, uint64(len(p)))
			m.skip -= n
			p = p[n:]
			continue
		}
		m.head[m.n] = p[0]
		m.n++
		p = p[1:]
		if m.n < m.headSize() {
			continue
		}
		m.skip = m.payload()
		switch op := m.head[0] & 0xf; {
		case op == opText || op == opBinary || op == opClose:
		case op > opClose:
			frames++
			size += m.n + int(min(m.skip, maxControl))
		case m.head[0]&0x80 != 0 || m.skip >= smallPart:
		default:
			frames++
			size += m.n
		}
		m.n = 0
	}
	return frames, size
}

// headSize is how long the head is, as far as it is known.
func (m *meter) headSize() int {
	if m.n < 2 {
		return 2
	}
	size := 2
	switch m.head[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if m.head[1]&0x80 != 0 {
		size += 4
	}
	return size
}

func (m *meter) payload() uint64 {
	switch n := m.head[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(m.head[2:]))
	case 127:
		return binary.BigEndian.Uint64(m.head[2:])
	default:
		return uint64(n)
	}
}
