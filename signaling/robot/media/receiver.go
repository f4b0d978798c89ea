package media

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// ErrEnded is what waiting for a receiver returns when its track has ended.
var ErrEnded = errors.New("media: the track has ended")

// maxPacket is more than any path carries.
const maxPacket = 9000

// Track is where a Receiver reads: *webrtc.TrackRemote.
type Track interface {
	Kind() webrtc.RTPCodecType
	Codec() webrtc.RTPCodecParameters
	Read([]byte) (int, interceptor.Attributes, error)
	SetReadDeadline(time.Time) error
}

// Config configures a Receiver. The zero Config will do.
type Config struct {
	// OnFrame is called for each complete frame, in order, by Run, which
	// reads no further meanwhile.
	OnFrame func(Frame)
	// MaxWait is how long a missing packet is waited for while others come
	// behind it. Zero means 1 s: some attempts of pion's NACK, each 100 ms.
	MaxWait time.Duration
	// MaxHeld is how many packets may wait behind a missing one. Zero means
	// 512, which are 2 s of a browser's camera.
	MaxHeld int
}

func (c Config) withDefaults() Config {
	c.MaxWait = cmp.Or(c.MaxWait, time.Second)
	c.MaxHeld = cmp.Or(c.MaxHeld, 512)
	return c
}

// A Receiver reads one remote track and judges what comes. Run does the work;
// the other methods may be called from any goroutine, before, during and
// after it.
type Receiver struct {
	track Track
	cfg   Config

	// owned by Run
	payloadType int // of the last packet; -1 before the first
	comparable  bool
	packets     reorder
	frames      assembler
	order       order
	clip        *Clip // set once
	arrived     time.Time

	mu      sync.Mutex // guards the following
	report  Report
	first   Frame
	changed chan struct{} // closed at the next change; nil while nobody waits
}

// NewReceiver returns a receiver of the track. Nothing is read before Run.
func NewReceiver(track Track, cfg Config) *Receiver {
	cfg = cfg.withDefaults()
	r := &Receiver{track: track, cfg: cfg, payloadType: -1}
	r.packets = reorder{maxHeld: cfg.MaxHeld, maxWait: cfg.MaxWait}
	r.frames.emit = r.judge
	r.report.Kind = track.Kind()
	return r
}

// Run reads until the track ends, which is no error, or ctx does. It is to be
// called once, since the end of ctx leaves the track with a read deadline in
// the past.
func (r *Receiver) Run(ctx context.Context) error {
	defer r.end()
	defer context.AfterFunc(ctx, func() { _ = r.track.SetReadDeadline(time.Now()) })()
	buf := make([]byte, maxPacket)
	for {
		n, _, err := r.track.Read(buf)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("media: read %s: %w", r.track.Kind(), err)
		}
		r.handle(bytes.Clone(buf[:n]), time.Now())
	}
}

// handle takes one packet in, of which it keeps the bytes.
func (r *Receiver) handle(raw []byte, now time.Time) {
	var p rtp.Packet
	if err := p.Unmarshal(raw); err != nil {
		r.mu.Lock()
		r.report.Malformed++
		r.mu.Unlock()
		return
	}
	if int(p.PayloadType) != r.payloadType {
		r.setCodec(int(p.PayloadType))
	}
	r.arrived = now
	r.packets.push(&p, now, r.frames.push)
	r.mu.Lock()
	r.countLocked()
	r.mu.Unlock()
}

func (r *Receiver) setCodec(payloadType int) {
	r.payloadType = payloadType
	codec := r.track.Codec()
	r.frames.setCodec(r.track.Kind(), codec.MimeType)
	r.comparable = r.frames.vp8 || strings.EqualFold(codec.MimeType, webrtc.MimeTypeOpus)
	r.mu.Lock()
	r.report.MimeType = codec.MimeType
	r.mu.Unlock()
}

func (r *Receiver) countLocked() {
	r.report.setPackets(r.packets.counts)
	r.report.Padding, r.report.Broken = r.frames.padding, r.frames.broken
}

// judge identifies a frame and counts it. It is called by the assembler.
func (r *Receiver) judge(w wholeFrame) {
	f := Frame{Verdict: Foreign, Size: len(w.data), Timestamp: w.timestamp, Arrived: r.arrived}
	if r.frames.vp8 {
		if h, err := parseVP8Header(w.data); err == nil {
			f.Key, f.Width, f.Height = h.key, h.width, h.height
		}
	}
	missing := r.compare(&f, w)

	r.mu.Lock()
	if r.clip != nil && r.report.Sender == "" {
		r.report.carries(r.clip.Name)
	}
	if r.report.Frames == 0 {
		r.first = f
	}
	r.report.add(f, missing)
	r.countLocked()
	r.wakeLocked()
	r.mu.Unlock()
	if r.cfg.OnFrame != nil {
		r.cfg.OnFrame(f)
	}
}

// compare finds the frame's place in a clip, and what is missing before it.
func (r *Receiver) compare(f *Frame, w wholeFrame) (missing int64) {
	var id Identity
	known := false
	if r.comparable {
		id, known = Identify(w.data)
	}
	if !known {
		if r.clip != nil {
			f.Verdict = Corrupt
		}
		return 0
	}
	f.Sender, f.Index = id.Clip.Name, id.Index
	if r.clip == nil {
		r.clip = id.Clip
	}
	if r.clip != id.Clip {
		f.Verdict = Mixed
		return 0
	}
	var forward bool
	f.Verdict = Matched
	f.Number, missing, forward = r.order.place(id.stream(), id.Index, w.timestamp, w.continuity)
	if !forward {
		f.Verdict = Repeated
	}
	return missing
}

// end hands on what still waits for missing packets, and wakes who waits for it.
func (r *Receiver) end() {
	r.packets.flush(r.frames.push)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.countLocked()
	r.report.Ended = true
	r.wakeLocked()
}

func (r *Receiver) wakeLocked() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Report returns what was seen so far.
func (r *Receiver) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reportLocked()
}

func (r *Receiver) reportLocked() Report {
	report := r.report
	report.Gaps = slices.Clone(report.Gaps)
	return report
}

// Wait blocks until a report is enough, looking after each frame, and returns
// that report. It fails with the cause of ctx's end, or with ErrEnded.
func (r *Receiver) Wait(ctx context.Context, enough func(Report) bool) (Report, error) {
	for {
		r.mu.Lock()
		report := r.reportLocked()
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		if enough(report) {
			return report, nil
		}
		if report.Ended {
			return report, ErrEnded
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return report, context.Cause(ctx)
		}
	}
}

// WaitFrames waits until n complete frames have come, whatever they are.
func (r *Receiver) WaitFrames(ctx context.Context, n int) (Report, error) {
	return r.Wait(ctx, func(report Report) bool { return report.Frames >= n })
}

// FirstFrame waits for the first complete frame.
func (r *Receiver) FirstFrame(ctx context.Context) (Frame, error) {
	if _, err := r.WaitFrames(ctx, 1); err != nil {
		return Frame{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first, nil
}
