package media

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// newPC returns a PeerConnection on loopback; near, if not nil, is the
// interceptor closest to the network.
func newPC(t *testing.T, near interceptor.Factory) *webrtc.PeerConnection {
	t.Helper()
	var codecs webrtc.MediaEngine
	if err := codecs.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	var chain interceptor.Registry
	if near != nil {
		chain.Add(near)
	}
	if err := webrtc.RegisterDefaultInterceptors(&codecs, &chain); err != nil {
		t.Fatal(err)
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	api := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(&codecs), webrtc.WithInterceptorRegistry(&chain))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

// connect negotiates and waits until media can flow.
func connect(ctx context.Context, t *testing.T, offerer, answerer *webrtc.PeerConnection) {
	t.Helper()
	up := make(chan struct{}, 2)
	for _, pc := range []*webrtc.PeerConnection{offerer, answerer} {
		pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
			if s == webrtc.PeerConnectionStateConnected {
				up <- struct{}{}
			}
		})
	}
	offer, err := offerer.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := answerer.SetRemoteDescription(gathered(ctx, t, offerer, offer)); err != nil {
		t.Fatal(err)
	}
	answer, err := answerer.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := offerer.SetRemoteDescription(gathered(ctx, t, answerer, answer)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case <-up:
		case <-ctx.Done():
			t.Fatal("not connected in time")
		}
	}
}

func gathered(ctx context.Context, t *testing.T, pc *webrtc.PeerConnection, d webrtc.SessionDescription) webrtc.SessionDescription {
	t.Helper()
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("candidates not gathered in time")
	}
	return *pc.LocalDescription()
}

// side is one end of a call: plays its clip, and judges what it gets.
type side struct {
	pc        *webrtc.PeerConnection
	player    *Player
	feedback  Feedback
	tracks    []*webrtc.TrackLocalStaticSample
	receivers chan *Receiver
	wg        sync.WaitGroup
}

func newSide(ctx context.Context, t *testing.T, name string, near interceptor.Factory) *side {
	t.Helper()
	s := &side{pc: newPC(t, near), player: newPlayer(t, name), receivers: make(chan *Receiver, 2)}
	s.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		r := NewReceiver(track, Config{})
		s.wg.Go(func() {
			if err := r.Run(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s receives: %v", name, err)
			}
		})
		s.receivers <- r
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		track, err := s.player.NewTrack(kind)
		if err != nil {
			t.Fatal(err)
		}
		sender, err := s.pc.AddTrack(track)
		if err != nil {
			t.Fatal(err)
		}
		s.tracks = append(s.tracks, track)
		s.wg.Go(func() {
			if err := s.feedback.Run(sender); err != nil {
				t.Errorf("feedback of %s: %v", name, err)
			}
		})
	}
	t.Cleanup(s.wg.Wait)
	t.Cleanup(func() { _ = s.pc.Close() }) // first, so that the feedback ends
	return s
}

func (s *side) play(ctx context.Context) {
	for _, track := range s.tracks {
		s.wg.Go(func() { _ = s.player.Play(ctx, track) })
	}
}

// wantIntact waits for over two seconds of both kinds of media from sender.
func (s *side) wantIntact(ctx context.Context, t *testing.T, sender string) (video Report) {
	t.Helper()
	enough := map[webrtc.RTPCodecType]int{webrtc.RTPCodecTypeVideo: 45, webrtc.RTPCodecTypeAudio: 110}
	for range 2 {
		var r *Receiver
		select {
		case r = <-s.receivers:
		case <-ctx.Done():
			t.Fatal("no track in time")
		}
		report, err := r.WaitFrames(ctx, enough[r.track.Kind()])
		if err != nil {
			t.Fatalf("%v after %+v", err, report)
		}
		if err := report.Intact(); err != nil || report.Sender != sender || report.Lost > 0 {
			t.Errorf("%v: %v, %+v", report.Kind, err, report)
		}
		if first, err := r.FirstFrame(ctx); err != nil || first.Verdict != Matched || first.Number != report.First {
			t.Errorf("%v: first frame %+v, %v", report.Kind, first, err)
		}
		if report.Kind == webrtc.RTPCodecTypeVideo {
			video = report
		}
	}
	return video
}

func TestCallCarriesEveryFrame(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ana, ben := newSide(ctx, t, "ana", nil), newSide(ctx, t, "ben", nil)
	connect(ctx, t, ana.pc, ben.pc)
	ana.play(ctx)
	ben.play(ctx)
	for s, name := range map[*side]string{ana: "ben", ben: "ana"} {
		video := s.wantIntact(ctx, t, name)
		if video.First%20 != 0 || video.Width != Width || video.Height != Height || video.Keyframes < 3 {
			t.Errorf("video of %s: %+v", name, video)
		}
	}
	cancel() // ends playing and receiving; the cleanup waits for it
}

// lossy drops every seventh packet of VP8 on its way in.
type lossy struct{ interceptor.NoOp }

func (*lossy) NewInterceptor(string) (interceptor.Interceptor, error) { return &lossy{}, nil }

func (*lossy) BindRemoteStream(info *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	if info.MimeType != webrtc.MimeTypeVP8 {
		return r
	}
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attributes, err := r.Read(b, a)
			var h rtp.Header
			if err == nil {
				if _, err := h.Unmarshal(b[:n]); err == nil && h.SequenceNumber%7 == 0 {
					continue
				}
			}
			return n, attributes, err
		}
	})
}

func TestLostPacketsAreAskedForAgain(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cem, dee := newSide(ctx, t, "cem", nil), newSide(ctx, t, "dee", &lossy{})
	connect(ctx, t, cem.pc, dee.pc)
	cem.play(ctx)
	video := dee.wantIntact(ctx, t, "cem")
	if video.Reordered == 0 || cem.feedback.Report().Nacked == 0 {
		t.Errorf("%d packets out of order, feedback %+v: nothing was lost", video.Reordered, cem.feedback.Report())
	}
	cancel()
}
