package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"
)

// recorder is a track that notes what is written to it, and when.
type recorder struct {
	kind   webrtc.RTPCodecType
	stall  func(n int) time.Duration // how long write n takes
	err    error
	frames [][]byte
	at     []time.Duration
	start  time.Time
}

func (r *recorder) Kind() webrtc.RTPCodecType { return r.kind }

func (r *recorder) WriteSample(s pionmedia.Sample) error {
	r.frames = append(r.frames, s.Data)
	r.at = append(r.at, time.Since(r.start))
	if r.stall != nil {
		time.Sleep(r.stall(len(r.frames) - 1))
	}
	return r.err
}

func (r *recorder) want(t *testing.T, s *Stream, i, k int, at time.Duration) {
	t.Helper()
	if i >= len(r.frames) {
		t.Fatalf("%d frames written, want one more", len(r.frames))
	}
	if !bytes.Equal(r.frames[i], s.Frame(k)) || r.at[i] != at {
		t.Errorf("write %d at %v, want frame %d at %v", i, r.at[i], k, at)
	}
}

func newPlayer(t *testing.T, name string) *Player {
	t.Helper()
	clip, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return NewPlayer(clip)
}

func TestFramesAreWrittenWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer(t, "ana")
		video := &recorder{kind: webrtc.RTPCodecTypeVideo, start: time.Now()}
		audio := &recorder{kind: webrtc.RTPCodecTypeAudio, start: time.Now()}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute+time.Nanosecond)
		defer cancel()
		var wg sync.WaitGroup
		for _, track := range []*recorder{video, audio} {
			wg.Go(func() {
				if err := p.Play(ctx, track); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Play: %v", err)
				}
			})
		}
		wg.Wait()
		for k := range 12001 {
			video.want(t, p.clip.Video, k, k, time.Duration(k)*50*time.Millisecond)
		}
		for k := range 30001 {
			audio.want(t, p.clip.Audio, k, k, time.Duration(k)*20*time.Millisecond)
		}
		if got, want := p.Sent(), (Sent{Video: 12001, Audio: 30001}); got != want {
			t.Errorf("sent %+v, want %+v", got, want)
		}
	})
}

func TestLateTrackBeginsWithKeyframe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer(t, "ben")
		video := &recorder{kind: webrtc.RTPCodecTypeVideo, start: time.Now()}
		audio := &recorder{kind: webrtc.RTPCodecTypeAudio, start: time.Now()}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		time.Sleep(7123 * time.Millisecond)
		var wg sync.WaitGroup
		wg.Go(func() { _ = p.Play(ctx, video) })
		wg.Go(func() { _ = p.Play(ctx, audio) })
		wg.Wait()
		video.want(t, p.clip.Video, 0, 160, 8*time.Second) // the same frame as all others have then
		video.want(t, p.clip.Video, 1, 161, 8*time.Second+50*time.Millisecond)
		audio.want(t, p.clip.Audio, 0, 357, 7140*time.Millisecond)
	})
}

func TestDelaysDoNotAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer(t, "cem")
		video := &recorder{kind: webrtc.RTPCodecTypeVideo, start: time.Now(), stall: func(n int) time.Duration {
			return map[int]time.Duration{3: 120 * time.Millisecond, 30: 10 * time.Second}[n]
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		_ = p.Play(ctx, video)
		ms := time.Millisecond
		video.want(t, p.clip.Video, 3, 3, 150*ms)
		video.want(t, p.clip.Video, 4, 4, 270*ms) // late, but there
		video.want(t, p.clip.Video, 5, 5, 270*ms)
		video.want(t, p.clip.Video, 6, 6, 300*ms) // on time again
		video.want(t, p.clip.Video, 30, 30, 1500*ms)
		video.want(t, p.clip.Video, 31, 240, 12000*ms) // ten seconds are not made up for
		if got := p.Sent().Skipped; got != 240-31 {
			t.Errorf("skipped %d frames, want %d", got, 240-31)
		}
	})
}

func TestFailedWritesDoNotEndPlaying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlayer(t, "dee")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second-1)
		defer cancel()
		_ = p.Play(ctx, &recorder{kind: webrtc.RTPCodecTypeVideo, err: errors.New("network is unreachable")})
		if got, want := p.Sent(), (Sent{Errors: 20}); got != want {
			t.Errorf("sent %+v, want %+v", got, want)
		}
	})
}

func TestPlayRefusesUnknownKind(t *testing.T) {
	p := newPlayer(t, "eva")
	if err := p.Play(t.Context(), &recorder{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Play: %v", err)
	}
	if _, err := p.NewTrack(0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("NewTrack: %v", err)
	}
}

// Chromium refuses a description in which two tracks have one stream and id.
func TestTracksDifferByID(t *testing.T) {
	p := newPlayer(t, "fin")
	first, err := p.NewTrack(webrtc.RTPCodecTypeVideo)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.NewTrack(webrtc.RTPCodecTypeVideo)
	if err != nil {
		t.Fatal(err)
	}
	if first.ID() == second.ID() || first.StreamID() != second.StreamID() {
		t.Errorf("%s of %s and %s of %s, want two tracks of one stream", first.ID(), first.StreamID(), second.ID(), second.StreamID())
	}
}

// rtcpScript is a sender whose peer sends what is in it.
type rtcpScript struct {
	packets [][]rtcp.Packet
	end     error
}

func (s *rtcpScript) Read(b []byte) (int, interceptor.Attributes, error) {
	if len(s.packets) == 0 {
		return 0, nil, s.end
	}
	p := s.packets[0]
	s.packets = s.packets[1:]
	if p == nil {
		return copy(b, "not RTCP"), nil, nil
	}
	raw, err := rtcp.Marshal(p)
	return copy(b, raw), nil, err
}

func TestFeedbackIsCounted(t *testing.T) {
	var f Feedback
	err := f.Run(&rtcpScript{end: io.ErrClosedPipe, packets: [][]rtcp.Packet{
		{&rtcp.TransportLayerNack{Nacks: []rtcp.NackPair{{PacketID: 7, LostPackets: 0b101}}}, &rtcp.PictureLossIndication{}},
		nil,
		{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{FractionLost: 12}, {FractionLost: 3}}}},
		{&rtcp.SenderReport{Reports: []rtcp.ReceptionReport{{FractionLost: 4}}}, &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 1}}}},
	}})
	if got, want := f.Report(), (FeedbackReport{Nacked: 3, KeyframeAsks: 2, Reports: 3, WorstLoss: 12, Malformed: 1}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	broken := errors.New("broken")
	if err := f.Run(&rtcpScript{end: broken}); !errors.Is(err, broken) {
		t.Errorf("Run: %v, want the sender's error", err)
	}
}
