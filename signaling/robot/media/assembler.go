package media

import (
	"strings"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// maxFrame bounds what a sender can make us hold that never ends its frame.
const maxFrame = 4 << 20

// wholeFrame is what the packets of one frame carry.
type wholeFrame struct {
	data       []byte
	timestamp  uint32
	continuity continuity // between this frame and the one before
}

// assembler makes frames of packets that come in order. It knows where a VP8
// frame begins, takes each packet of audio for a frame, and of other codecs
// knows only that the marker is the end.
type assembler struct {
	vp8, audio bool
	emit       func(wholeFrame)

	begun    bool       // a frame has begun; what came before is a tail and not our loss
	open     bool       // frame is being put together
	frame    wholeFrame // while open
	pending  continuity // worst since the last frame
	brokenAt uint32     // timestamp of the last broken frame, if broken > 0
	broken   int
	padding  int
}

func (a *assembler) setCodec(kind webrtc.RTPCodecType, mime string) {
	a.abandon()
	a.audio = kind == webrtc.RTPCodecTypeAudio
	a.vp8 = strings.EqualFold(mime, webrtc.MimeTypeVP8)
}

func (a *assembler) push(p *rtp.Packet, c continuity) {
	a.pending = max(a.pending, c)
	if c != contiguous {
		a.abandon()
	}
	if len(p.Payload) == 0 { // sent to probe for bandwidth
		a.padding++
		return
	}
	if a.audio {
		a.begin(p.Timestamp)
		a.finish(p.Payload)
		return
	}
	if a.open && a.frame.timestamp != p.Timestamp {
		a.finish(nil) // nothing is missing between: the marker is only a SHOULD
	}
	payload, start, err := a.depacketize(p, c)
	if err != nil {
		a.breakFrame(p.Timestamp)
		return
	}
	if !a.open {
		if !start {
			a.breakFrame(p.Timestamp)
			return
		}
		a.begin(p.Timestamp)
	}
	if len(a.frame.data)+len(payload) > maxFrame {
		a.breakFrame(p.Timestamp)
		return
	}
	if p.Marker {
		a.finish(payload)
		return
	}
	a.frame.data = append(a.frame.data, payload...)
}

// depacketize says what a packet carries and whether a frame may start there.
func (a *assembler) depacketize(p *rtp.Packet, c continuity) (payload []byte, start bool, err error) {
	if !a.vp8 {
		torn := c != contiguous || a.broken > 0 && p.Timestamp == a.brokenAt
		return p.Payload, !a.begun || !torn, nil
	}
	var vp8 codecs.VP8Packet
	payload, err = vp8.Unmarshal(p.Payload)
	return payload, vp8.S == 1 && vp8.PID == 0, err
}

func (a *assembler) begin(timestamp uint32) {
	a.begun, a.open = true, true
	a.frame = wholeFrame{timestamp: timestamp, continuity: a.pending}
	a.pending = contiguous
}

func (a *assembler) finish(last []byte) {
	a.open = false
	a.frame.data = append(a.frame.data, last...)
	a.emit(a.frame)
	a.frame = wholeFrame{}
}

// abandon gives up the frame being put together, if there is one.
func (a *assembler) abandon() {
	if a.open {
		a.breakFrame(a.frame.timestamp)
	}
}

// breakFrame counts a frame as broken, once for all of its packets.
func (a *assembler) breakFrame(timestamp uint32) {
	if a.open {
		a.pending = max(a.pending, a.frame.continuity)
	}
	a.open, a.frame = false, wholeFrame{}
	if !a.begun || a.broken > 0 && timestamp == a.brokenAt {
		return
	}
	a.broken++
	a.brokenAt = timestamp
}
