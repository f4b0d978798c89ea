package signaling_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// A splitter reads one direction of a connection frame by frame: the head of
// the upgrade or of its answer, then WebSocket frames.
type splitter struct {
	r      *bufio.Reader
	headed bool // the head has been
}

func newSplitter(r io.Reader) *splitter { return &splitter{r: bufio.NewReader(r)} }

// next returns the next frame, or what there was of it and why it ended.
func (s *splitter) next() ([]byte, error) {
	if !s.headed {
		s.headed = true
		return s.head()
	}
	frame, err := s.read(nil, 2)
	if err != nil {
		return frame, err
	}
	size := int(frame[1] & 0x7f)
	switch size {
	case 126:
		if frame, err = s.read(frame, 2); err == nil {
			size = int(binary.BigEndian.Uint16(frame[2:]))
		}
	case 127:
		if frame, err = s.read(frame, 8); err == nil {
			size = int(binary.BigEndian.Uint64(frame[2:]))
		}
	}
	if err != nil {
		return frame, err
	}
	if frame[1]&0x80 != 0 {
		size += 4 // the mask
	}
	return s.read(frame, size)
}

// read appends n bytes to frame.
func (s *splitter) read(frame []byte, n int) ([]byte, error) {
	before := len(frame)
	frame = append(frame, make([]byte, n)...)
	had, err := io.ReadFull(s.r, frame[before:])
	return frame[:before+had], err
}

func (s *splitter) head() (head []byte, err error) {
	for !strings.HasSuffix(string(head), "\r\n\r\n") {
		line, err := s.r.ReadSlice('\n')
		head = append(head, line...)
		if err != nil {
			return head, err
		}
	}
	return head, nil
}

// show is what a frame says, for people.
func show(frame []byte) string {
	if len(frame) < 2 || frame[0] < 0x80 {
		line, _, _ := strings.Cut(string(frame), "\r\n")
		return line
	}
	at := 2
	switch frame[1] & 0x7f {
	case 126:
		at += 2
	case 127:
		at += 8
	}
	payload := frame[min(at, len(frame)):]
	if frame[1]&0x80 != 0 && len(payload) >= 4 {
		mask := payload[:4]
		plain := make([]byte, len(payload)-4)
		for i := range plain {
			plain[i] = payload[4+i] ^ mask[i%4]
		}
		payload = plain
	}
	switch {
	case frame[0]&0x0f == 8 && len(payload) >= 2:
		return "close " + string(payload[2:])
	case frame[0] != 0x81:
		return fmt.Sprintf("a frame that begins with %#x", frame[0])
	case len(payload) > 240:
		return string(payload[:240]) + "…"
	}
	return strings.ToValidUTF8(string(payload), "?")
}

// heartbeat reports whether a frame, as shown, says nothing but that its side lives.
func heartbeat(text string) bool {
	return strings.HasSuffix(text, `"type":"ping"}`) || strings.HasSuffix(text, `"type":"pong"}`)
}
