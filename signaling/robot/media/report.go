package media

import (
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"
)

// Verdict says what a frame turned out to be.
type Verdict string

const (
	Matched  Verdict = "matched"  // the very bytes of the sender's clip, and newer than the last
	Repeated Verdict = "repeated" // bytes of the clip that have come before
	Mixed    Verdict = "mixed"    // bytes of another sender's clip
	Corrupt  Verdict = "corrupt"  // bytes of no clip, on a track that carries one
	Foreign  Verdict = "foreign"  // bytes of no clip, on a track that has carried none so far
)

// Frame is one complete frame that arrived: a picture, or a packet of audio.
type Frame struct {
	Verdict   Verdict
	Sender    string // matched, repeated and mixed frames only
	Number    int64  // matched and repeated ones: rises by one per frame, modulo the loop it is the clip's index
	Index     int    // in the clip; matched, repeated and mixed ones only
	Key       bool   // a VP8 keyframe
	Width     int    // of a VP8 keyframe
	Height    int
	Size      int // bytes
	Timestamp uint32
	Arrived   time.Time // when the last of its packets was in order
}

// Report is what a Receiver has seen, at one moment.
type Report struct {
	Kind     webrtc.RTPCodecType
	MimeType string
	Sender   string // of the first frame of a clip; empty if there was none
	Ended    bool   // Run has returned

	// Complete frames; the sum of the five after it. Frames of no clip turn
	// from foreign to corrupt when the track is found to carry one.
	Frames                                     int
	Matched, Repeated, Mixed, Corrupt, Foreign int

	First, Last int64 // numbers of matched frames, if there are any
	Missing     int64 // numbers between them that were not matched
	Gaps        []Gap // the last 64 of the runs that make up Missing
	Broken      int   // frames that lost packets; of a clip, these are missing too
	Keyframes   int   // VP8
	Width       int   // of the last keyframe
	Height      int

	Packets    int
	Padding    int // packets without payload
	Malformed  int // not RTP
	Bytes      int // of complete frames
	Lost       int // packets given up on
	Late       int // of these, came after all
	Duplicates int // came twice, or before the first
	Reordered  int // came after their successors, and in time
	Restarts   int // the sender began new sequence numbers

	FirstFrame time.Time // arrivals
	LastFrame  time.Time
	MaxGap     time.Duration // the longest time from one frame to the next
}

// Intact returns nil if frames of a clip came, each from the first to the last,
// once, in order and unharmed; else what is wrong.
func (r Report) Intact() error {
	switch {
	case r.Matched == 0:
		return fmt.Errorf("media: %s: none of %d frames is of a clip", r.Kind, r.Frames)
	case r.Missing > 0 || r.Broken > 0:
		return fmt.Errorf("media: %s of %s: %d frames missing of %d … %d (%d broken, %d packets lost): %v",
			r.Kind, r.Sender, r.Missing, r.First, r.Last, r.Broken, r.Lost, r.Gaps)
	case r.Matched != r.Frames:
		return fmt.Errorf("media: %s of %s: %d frames corrupt, %d repeated, %d of others",
			r.Kind, r.Sender, r.Corrupt, r.Repeated, r.Mixed)
	}
	return nil
}

// add counts a frame that was judged.
func (r *Report) add(f Frame, missing int64) {
	switch f.Verdict {
	case Matched:
		if r.Matched == 0 {
			r.First = f.Number
		}
		r.Matched++
		r.addGap(f.Number, missing)
		r.Last = f.Number
	case Repeated:
		r.Repeated++
	case Mixed:
		r.Mixed++
	case Corrupt:
		r.Corrupt++
	case Foreign:
		r.Foreign++
	}
	if r.Frames == 0 {
		r.FirstFrame = f.Arrived
	} else {
		r.MaxGap = max(r.MaxGap, f.Arrived.Sub(r.LastFrame))
	}
	r.LastFrame = f.Arrived
	r.Frames++
	r.Bytes += f.Size
	if f.Key {
		r.Keyframes++
		r.Width, r.Height = f.Width, f.Height
	}
}

func (r *Report) addGap(number, missing int64) {
	if missing == 0 {
		return
	}
	r.Missing += missing
	if len(r.Gaps) == maxGaps {
		r.Gaps = r.Gaps[1:]
	}
	r.Gaps = append(r.Gaps, Gap{number - missing, missing})
}

// carries notes that the track carries a sender's clip.
func (r *Report) carries(sender string) {
	r.Sender = sender
	r.Corrupt, r.Foreign = r.Corrupt+r.Foreign, 0
}

func (r *Report) setPackets(c packetCounts) {
	r.Packets, r.Lost, r.Late = c.packets, c.lost, c.late
	r.Duplicates, r.Reordered, r.Restarts = c.duplicates, c.reordered, c.restarts
}
