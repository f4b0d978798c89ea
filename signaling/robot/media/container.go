package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

const (
	ivfHeaderSize      = 32
	ivfFrameHeaderSize = 12
	longestFrame       = 10 // seconds; keeps the arithmetic in range
	opusFrame          = 20 * time.Millisecond
)

// parseIVF reads a VP8 loop. Pion's ivfreader allocates what a frame's header
// asks for, up to 4 GiB, before it looks whether that is there.
func parseIVF(data []byte) (*Stream, error) {
	if len(data) < ivfHeaderSize || string(data[:4]) != "DKIF" || string(data[8:12]) != "VP80" {
		return nil, errors.New("ivf: no VP8 header")
	}
	rate, scale := binary.LittleEndian.Uint32(data[16:]), binary.LittleEndian.Uint32(data[20:])
	if rate == 0 || scale/rate > longestFrame {
		return nil, fmt.Errorf("ivf: time base %d/%d", scale, rate)
	}
	s := &Stream{
		Codec: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000},
		Every: time.Duration(int64(time.Second) * int64(scale) / int64(rate)),
	}
	if s.ticks() == 0 {
		return nil, fmt.Errorf("ivf: frames of %d/%d s are shorter than an RTP tick", scale, rate)
	}
	for rest := data[ivfHeaderSize:]; len(rest) > 0; {
		if len(rest) < ivfFrameHeaderSize {
			return nil, errors.New("ivf: truncated frame header")
		}
		size := uint64(binary.LittleEndian.Uint32(rest))
		rest = rest[ivfFrameHeaderSize:]
		if size > uint64(len(rest)) {
			return nil, errors.New("ivf: truncated frame")
		}
		h, err := parseVP8Header(rest[:size])
		if err != nil {
			return nil, fmt.Errorf("ivf: frame %d: %w", len(s.frames), err)
		}
		s.frames = append(s.frames, clipFrame{rest[:size], h.key})
		rest = rest[size:]
	}
	if len(s.frames) == 0 || !s.frames[0].key {
		return nil, errors.New("ivf: does not begin with a keyframe")
	}
	return s, nil
}

// parseOgg reads an Opus loop with one packet of 20 ms on each page.
func parseOgg(data []byte) (*Stream, error) {
	r, _, err := oggreader.NewWith(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("ogg: %w", err)
	}
	s := &Stream{
		Codec: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2},
		Every: opusFrame,
	}
	for {
		page, header, err := r.ParseNextPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("ogg: page: %w", err)
		}
		if _, isHeader := header.HeaderType(page); isHeader || len(page) == 0 {
			continue
		}
		s.frames = append(s.frames, clipFrame{page, true})
	}
	if len(s.frames) == 0 {
		return nil, errors.New("ogg: no packets")
	}
	return s, nil
}

// vp8Header is what a VP8 frame says about itself in the clear.
type vp8Header struct {
	key           bool
	shown         bool
	width, height int // of a keyframe
}

// parseVP8Header reads the uncompressed data chunk, RFC 6386 §9.1.
func parseVP8Header(frame []byte) (vp8Header, error) {
	if len(frame) < 3 {
		return vp8Header{}, errors.New("vp8: frame shorter than its tag")
	}
	h := vp8Header{key: frame[0]&1 == 0, shown: frame[0]>>4&1 == 1}
	if !h.key {
		return h, nil
	}
	if len(frame) < 10 || !bytes.Equal(frame[3:6], []byte{0x9d, 0x01, 0x2a}) {
		return vp8Header{}, errors.New("vp8: keyframe without start code")
	}
	h.width = int(binary.LittleEndian.Uint16(frame[6:])) & 0x3fff // the top bits are scaling
	h.height = int(binary.LittleEndian.Uint16(frame[8:])) & 0x3fff
	return h, nil
}
