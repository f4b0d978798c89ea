package integration

import "encoding/binary"

// A place is somewhere in what one side sends on a link: behind so many whole
// WebSocket frames, and so many bytes of the next. Behind -1 frames: in the HTTP head.
type place struct{ frames, bytes int }

func (p place) reached(by place) bool {
	return by.frames > p.frames || by.frames == p.frames && by.bytes >= p.bytes
}

// A meter tells the place of each byte that one side sends on a link.
type meter struct {
	at    place
	last  [4]byte  // of the HTTP head
	start [14]byte // of the frame, as much of it as there is
}

func newMeter() *meter { return &meter{at: place{frames: -1}} }

// pass takes in the next byte.
func (m *meter) pass(b byte) {
	if m.at.frames < 0 {
		m.at.bytes++
		copy(m.last[:], m.last[1:])
		m.last[3] = b
		if string(m.last[:]) == "\r\n\r\n" {
			m.at = place{}
		}
		return
	}
	if m.at.bytes < len(m.start) {
		m.start[m.at.bytes] = b
	}
	m.at.bytes++
	if size, known := frameSize(m.start[:min(m.at.bytes, len(m.start))]); known && m.at.bytes == size {
		m.at = place{frames: m.at.frames + 1}
	}
}

// frameSize is what a frame that begins like that has in all; see RFC 6455 §5.2.
func frameSize(start []byte) (size int, known bool) {
	if len(start) < 2 {
		return 0, false
	}
	head, payload := 2, int(start[1]&0x7f)
	switch {
	case payload == 126 && len(start) >= 4:
		head, payload = 4, int(binary.BigEndian.Uint16(start[2:]))
	case payload == 127 && len(start) >= 10:
		head, payload = 10, int(binary.BigEndian.Uint64(start[2:]))
	case payload >= 126:
		return 0, false
	}
	if start[1]&0x80 != 0 {
		head += 4 // the mask
	}
	return head + payload, true
}
