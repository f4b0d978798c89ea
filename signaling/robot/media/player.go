package media

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"
)

// maxBehind is how late a frame may be written. A player that was held up for
// longer (a suspended machine) leaves frames out, and counts them, rather than
// writing hours of them at once.
const maxBehind = 2 * time.Second

// SampleWriter is a track to play to: *webrtc.TrackLocalStaticSample.
type SampleWriter interface {
	Kind() webrtc.RTPCodecType
	WriteSample(pionmedia.Sample) error
}

// A Player is one clip running since NewPlayer. Frame k is due at the start
// plus k times the frame's duration, whoever plays it: the clock is asked
// anew for each, so that delays do not add up. All methods may be called from
// any goroutine.
type Player struct {
	clip   *Clip
	start  time.Time // with its monotonic reading
	sent   sentCounters
	tracks atomic.Int64 // made so far
}

type sentCounters struct{ video, audio, errors, skipped atomic.Int64 }

// Sent is what a player has written, to all of its tracks together.
type Sent struct {
	Video   int64 // frames
	Audio   int64 // packets
	Errors  int64 // writes that failed; the player went on
	Skipped int64 // frames left out because the player was held up for over two seconds
}

// NewPlayer returns a player of the clip, which starts now.
func NewPlayer(clip *Clip) *Player { return &Player{clip: clip, start: time.Now()} }

// Clip is what is played.
func (p *Player) Clip() *Clip { return p.clip }

// Sent returns the counts so far.
func (p *Player) Sent() Sent {
	return Sent{p.sent.video.Load(), p.sent.audio.Load(), p.sent.errors.Load(), p.sent.skipped.Load()}
}

// NewTrack returns a track for one connection, of the stream with the sender's
// name. Any other track of the same codec will do as well. Connections should
// have their own, as each begins at another frame. Its id is its own as well:
// two alike in one description are an error to browsers (RFC 8830 §2).
func (p *Player) NewTrack(kind webrtc.RTPCodecType) (*webrtc.TrackLocalStaticSample, error) {
	s, err := p.stream(kind)
	if err != nil {
		return nil, err
	}
	id := fmt.Sprintf("%s-%d", kind, p.tracks.Add(1))
	return webrtc.NewTrackLocalStaticSample(s.Codec, id, p.clip.Name)
}

// Play feeds one track until ctx ends, and returns why that ended. Video
// begins with the next keyframe, within a second; audio with the next packet. Call
// it when the connection is up: pion drops what is written before. A write
// that fails is counted and does not end the playing, since the network may
// come back; a write that blocks holds up this track alone.
func (p *Player) Play(ctx context.Context, track SampleWriter) error {
	s, err := p.stream(track.Kind())
	if err != nil {
		return err
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for k := p.nextKey(s); ; k++ {
		behind := time.Since(p.due(s, k))
		if behind > maxBehind {
			next := p.nextKey(s)
			p.sent.skipped.Add(int64(next - k))
			k, behind = next, time.Since(p.due(s, next))
		}
		if behind < 0 {
			timer.Reset(-behind)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
		}
		if ctx.Err() != nil { // even if the frame is due as well
			return context.Cause(ctx)
		}
		p.write(track, s, k)
	}
}

func (p *Player) write(track SampleWriter, s *Stream, k int) {
	if err := track.WriteSample(pionmedia.Sample{Data: s.Frame(k), Duration: s.Every}); err != nil {
		p.sent.errors.Add(1)
		return
	}
	if s == p.clip.Video {
		p.sent.video.Add(1)
	} else {
		p.sent.audio.Add(1)
	}
}

func (p *Player) due(s *Stream, k int) time.Time {
	return p.start.Add(time.Duration(k) * s.Every)
}

// nextKey is the number of the first keyframe that is not overdue.
func (p *Player) nextKey(s *Stream) int {
	k := int((time.Since(p.start) + s.Every - 1) / s.Every)
	for !s.Key(k) {
		k++
	}
	return k
}

func (p *Player) stream(kind webrtc.RTPCodecType) (*Stream, error) {
	switch kind {
	case webrtc.RTPCodecTypeVideo:
		return p.clip.Video, nil
	case webrtc.RTPCodecTypeAudio:
		return p.clip.Audio, nil
	}
	return nil, fmt.Errorf("media: play %s: %w", kind, errors.ErrUnsupported)
}
