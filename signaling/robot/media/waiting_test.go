package media

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// scriptedTrack is a remote track whose packets a test sends.
type scriptedTrack struct {
	kind     webrtc.RTPCodecType
	mime     string
	packets  chan []byte   // closed: the track has ended
	deadline chan struct{} // closed by SetReadDeadline
	fail     error
}

func (s *scriptedTrack) Kind() webrtc.RTPCodecType { return s.kind }

func (s *scriptedTrack) Codec() webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: s.mime}}
}

func (s *scriptedTrack) Read(b []byte) (int, interceptor.Attributes, error) {
	if s.fail != nil {
		return 0, nil, s.fail
	}
	select {
	case p, ok := <-s.packets:
		if !ok {
			return 0, nil, io.EOF
		}
		return copy(b, p), nil, nil
	case <-s.deadline:
		return 0, nil, os.ErrDeadlineExceeded
	}
}

func (s *scriptedTrack) SetReadDeadline(time.Time) error {
	close(s.deadline)
	return nil
}

// running is a receiver at work in a bubble, with packets to send it.
func running(ctx context.Context, t *testing.T) (r *Receiver, track *scriptedTrack, packets [][]byte, result chan error) {
	t.Helper()
	b := newBench(t, "ana", webrtc.RTPCodecTypeAudio, 10, Config{})
	for _, p := range b.frames(0, 9) {
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, raw)
	}
	track = &scriptedTrack{kind: webrtc.RTPCodecTypeAudio, mime: webrtc.MimeTypeOpus, packets: make(chan []byte), deadline: make(chan struct{})}
	r, result = NewReceiver(track, Config{}), make(chan error, 1)
	go func() { result <- r.Run(ctx) }() // ends with ctx or the track; the test takes its result
	return r, track, packets, result
}

func TestWaitingEndsWithTheFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, track, packets, result := running(t.Context(), t)
		start := time.Now()
		go func() { // ends when all are sent
			for _, p := range packets {
				time.Sleep(time.Second)
				track.packets <- p
			}
			close(track.packets)
		}()
		if f, err := r.FirstFrame(t.Context()); err != nil || f.Number != 0 || time.Since(start) != time.Second || !f.Arrived.Equal(time.Now()) {
			t.Errorf("first frame %+v, %v after %v", f, err, time.Since(start))
		}
		if report, err := r.WaitFrames(t.Context(), 5); err != nil || report.Frames != 5 || time.Since(start) != 5*time.Second {
			t.Errorf("%d frames, %v after %v", report.Frames, err, time.Since(start))
		}
		if report, err := r.WaitFrames(t.Context(), 11); !errors.Is(err, ErrEnded) || report.Frames != 10 || !report.Ended {
			t.Errorf("%+v, %v, want ErrEnded", report, err)
		}
		if err := <-result; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, track, _, result := running(t.Context(), t)
		impatient := errors.New("impatient")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, impatient)
		defer cancel()
		if _, err := r.FirstFrame(ctx); !errors.Is(err, impatient) {
			t.Errorf("FirstFrame: %v", err)
		}
		close(track.packets)
		if err := <-result; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestReceiverEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := errors.New("the call is over")
		ctx, cancel := context.WithCancelCause(t.Context())
		r, track, packets, result := running(ctx, t)
		track.packets <- packets[0]
		track.packets <- packets[2] // waits for its predecessor, until the end
		synctest.Wait()
		if got := r.Report().Frames; got != 1 {
			t.Errorf("%d frames, want 1", got)
		}
		cancel(over)
		if err := <-result; !errors.Is(err, over) {
			t.Errorf("Run: %v", err)
		}
		if got := r.Report(); got.Frames != 2 || got.Missing != 1 || !got.Ended {
			t.Errorf("%+v, want the frame that was waiting", got)
		}
	})
}

func TestReadErrorIsReported(t *testing.T) {
	broken := errors.New("broken")
	r := NewReceiver(&scriptedTrack{kind: webrtc.RTPCodecTypeVideo, fail: broken}, Config{})
	if err := r.Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Run: %v", err)
	}
}

// FuzzReceiver feeds what no sender should send.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte{0x80, 0x60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x10, 1, 2, 3}, byte(16))
	f.Add([]byte("\x80\xe0\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x10\x01\x02\x03\x80\xe0\xff\x01\x00\x00\x00\x01\x00\x00\x00\x01\x10\x01\x02\x03"), byte(16))
	f.Fuzz(func(t *testing.T, data []byte, size byte) {
		for _, mime := range []string{webrtc.MimeTypeVP8, webrtc.MimeTypeH264} {
			r := NewReceiver(&scriptedTrack{kind: webrtc.RTPCodecTypeVideo, mime: mime}, Config{MaxHeld: 4})
			for rest := data; len(rest) > 0; {
				n := min(len(rest), max(int(size), 1))
				r.handle(append([]byte(nil), rest[:n]...), time.Now())
				rest = rest[n:]
			}
			r.end()
			got := r.Report()
			if got.Frames != got.Matched+got.Repeated+got.Mixed+got.Corrupt+got.Foreign {
				t.Errorf("verdicts do not add up: %+v", got)
			}
			if len(r.packets.held) > 0 {
				t.Errorf("%d packets are held at the end", len(r.packets.held))
			}
		}
	})
}
