package robot

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
	"github.com/seed-3a7b6cbd/signal/turn"
)

const (
	audio = webrtc.RTPCodecTypeAudio
	video = webrtc.RTPCodecTypeVideo
)

// A stage is a server and a context for what happens on it.
type stage struct {
	t   *testing.T
	srv *signalingtest.Server
	ctx context.Context
}

func newStage(t *testing.T, opts ...signalingtest.Option) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	t.Cleanup(cancel)
	return &stage{t: t, srv: signalingtest.NewServer(t, opts...), ctx: ctx}
}

func (s *stage) join(cfg Config) *Robot {
	s.t.Helper()
	r, err := Join(s.ctx, s.srv.URL, "r", cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			s.t.Errorf("close: %v", err)
		}
	})
	return r
}

// call waits until media of these kinds comes to both.
func (s *stage) call(a, b *Robot, kinds ...webrtc.RTPCodecType) {
	s.t.Helper()
	for _, pair := range [][2]*Robot{{a, b}, {b, a}} {
		if err := pair[0].WaitConnected(s.ctx, pair[1].ID()); err != nil {
			s.t.Fatal(err)
		}
		if err := pair[0].WaitMedia(s.ctx, pair[1].ID(), kinds...); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *stage) peer(r, of *Robot) PeerReport {
	s.t.Helper()
	report, err := r.Peer(of.ID())
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

// tracks waits until exactly so many tracks of a peer are live, with frames.
func (s *stage) tracks(r, of *Robot, nAudio, nVideo int) {
	s.t.Helper()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		have := map[webrtc.RTPCodecType]int{}
		report, _ := r.Peer(of.ID()) // there may be none as yet
		for _, track := range report.Tracks {
			if !track.Ended && track.Frames > 0 {
				have[track.Kind]++
			}
		}
		if have[audio] == nAudio && have[video] == nVideo {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			s.t.Fatalf("%s has %d audio and %d video tracks of %s, want %d and %d: %+v",
				r.config.Name, have[audio], have[video], of.config.Name, nAudio, nVideo, report)
		}
	}
}

func (s *stage) intact(report PeerReport, name string, kinds ...webrtc.RTPCodecType) {
	s.t.Helper()
	seen := map[webrtc.RTPCodecType]bool{}
	for _, track := range report.Tracks {
		seen[track.Kind] = true
		if err := track.Intact(); err != nil {
			s.t.Error(err)
		}
		if track.Sender != name {
			s.t.Errorf("%s comes from %q, want %q", track.Kind, track.Sender, name)
		}
	}
	for _, k := range kinds {
		if !seen[k] {
			s.t.Errorf("no %s of %s", k, name)
		}
	}
}

func TestTwoRobotsHaveACall(t *testing.T) {
	s := newStage(t)
	a, b := s.join(Config{}), s.join(Config{Name: "ben"})
	s.call(a, b, audio, video)
	waitFrames(s, a, b, 60)
	waitFrames(s, b, a, 60)
	for _, pair := range [][2]*Robot{{a, b}, {b, a}} {
		report := s.peer(pair[0], pair[1])
		s.intact(report, pair[1].config.Name, audio, video)
		if report.Connections != 1 || report.MLines != 2 || report.Rejected != 0 || report.Connected <= 0 {
			t.Errorf("%+v", report)
		}
		path, err := pair[0].SelectedPair(pair[1].ID())
		if err != nil || path.Local != webrtc.ICECandidateTypeHost || path.Relayed() || path.Protocol != "udp" {
			t.Errorf("path %+v, %v", path, err)
		}
	}
	if report := a.Report(); report.Name != "ana" || len(report.Peers) != 1 || report.Sent.Video == 0 || report.Sent.Errors != 0 {
		t.Errorf("%+v", report)
	}
}

func waitFrames(s *stage, r, of *Robot, n int) {
	s.t.Helper()
	waitFramesOf(s, r, of, video, n)
}

func waitFramesOf(s *stage, r, of *Robot, kind webrtc.RTPCodecType, n int) {
	s.t.Helper()
	receiver := r.newest(of.ID(), kind)
	if receiver == nil {
		s.t.Fatalf("no %s", kind)
	}
	if report, err := receiver.Wait(s.ctx, func(rep media.Report) bool { return rep.Frames >= n }); err != nil {
		s.t.Fatalf("%d frames of %s, want %d: %v: %+v", report.Frames, of.config.Name, n, err, report)
	}
}

func TestTracksComeAndGoOnBothSides(t *testing.T) {
	s := newStage(t)
	a, b := s.join(Config{NoVideo: true}), s.join(Config{Name: "ben", NoVideo: true})
	s.call(a, b, audio)
	for i := range 10 {
		ta := a.AddTrack(video)
		tb := b.AddTrack(video)
		s.tracks(a, b, 1, 1)
		s.tracks(b, a, 1, 1)
		a.RemoveTrack(ta)
		b.RemoveTrack(tb)
		s.tracks(a, b, 1, 0)
		s.tracks(b, a, 1, 0)
		if n := s.peer(a, b).MLines; n != 2 {
			t.Fatalf("round %d: %d m-lines, want 2", i, n)
		}
	}
	for _, pair := range [][2]*Robot{{a, b}, {b, a}} {
		report := s.peer(pair[0], pair[1])
		s.intact(report, pair[1].config.Name, audio, video)
		if report.Connections != 1 || report.Err != nil {
			t.Errorf("%+v", report)
		}
	}
}

func TestAnswererSendsMoreThanTheOffererHasRoomFor(t *testing.T) {
	s := newStage(t)
	a := s.join(Config{NoVideo: true, NoAudio: true})
	b := s.join(Config{Name: "ben"})
	b.AddTrack(video)
	b.AddTrack(video)
	s.tracks(a, b, 1, 3)
	if n := s.peer(a, b).MLines; n != 4 {
		t.Errorf("%d m-lines, want 4", n)
	}
}

func TestPeerThatAsksForDataGetsAnMLine(t *testing.T) {
	s := newStage(t)
	a, b := s.join(Config{NoVideo: true}), s.join(Config{Name: "ben", NoVideo: true})
	s.call(a, b, audio)
	b.Room().Pair(a.ID()).Needed(client.Need{Audio: 1, Data: 1})
	c, err := a.call(b.ID())
	if err != nil {
		t.Fatal(err)
	}
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if d := c.current().pc.CurrentRemoteDescription(); d != nil && strings.Contains(d.SDP, "m=application") {
			tick.Stop()
			break
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			t.Fatal("no m-line for data")
		}
	}
	waitFramesOf(s, a, b, audio, 100)
	s.intact(s.peer(a, b), "ben", audio)
}

func TestCloseDoesNotWaitForADeadTURNServer(t *testing.T) {
	hole, err := net.ListenPacket("udp", "127.0.0.1:0") // nobody reads it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hole.Close() }()
	dead := func([]wire.ICEServer) []wire.ICEServer {
		return []wire.ICEServer{{URLs: []string{"turn:" + hole.LocalAddr().String() + "?transport=udp"}, Username: "u", Credential: "c"}}
	}
	s := newStage(t)
	a, b := s.join(Config{ICEServers: dead}), s.join(Config{Name: "ben", ICEServers: dead})
	s.call(a, b, audio)
	for _, r := range []*Robot{a, b} {
		start := time.Now()
		if err := r.Close(s.ctx); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("close took %v", d)
		}
	}
}

func TestTrackThatReplacesAnother(t *testing.T) {
	s := newStage(t)
	a, b := s.join(Config{NoAudio: true}), s.join(Config{Name: "ben", NoAudio: true})
	s.call(a, b, video)
	for _, r := range []*Robot{a, b} {
		for range 5 {
			r.RemoveTrack(r.Tracks()[0])
			r.AddTrack(video)
		}
	}
	before := s.peer(a, b).Tracks[0].Frames
	s.call(a, b, video)
	waitFrames(s, a, b, before+20)
	s.tracks(a, b, 0, 1)
	s.tracks(b, a, 0, 1)
	if n := s.peer(a, b).MLines; n != 1 {
		t.Errorf("%d m-lines, want 1", n)
	}
}

func TestICERestart(t *testing.T) {
	s := newStage(t)
	a, b := s.join(Config{}), s.join(Config{Name: "ben"})
	s.call(a, b, video)
	for _, r := range []*Robot{a, b} {
		other := map[*Robot]*Robot{a: b, b: a}[r]
		path, err := r.SelectedPair(other.ID())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.RestartICE(other.ID()); err != nil {
			t.Fatal(err)
		}
		err = r.wait(s.ctx, func() (bool, error) { // a state change follows a restart
			now, err := r.SelectedPair(other.ID())
			return err == nil && now != path && s.peer(r, other).State == "connected", nil
		})
		if err != nil {
			t.Fatalf("no new path: %v", err)
		}
	}
	waitFrames(s, a, b, 40)
	waitFrames(s, b, a, 40)
	for _, pair := range [][2]*Robot{{a, b}, {b, a}} {
		report := s.peer(pair[0], pair[1])
		// pion drops the old pair before it has a new one: video is sent again on
		// NACK, audio is not.
		for _, track := range report.Tracks {
			if track.Kind == video && track.Intact() != nil || track.Missing > 50 {
				t.Errorf("after the restart: %v", track.Intact())
			}
		}
		if report.Connections != 1 {
			t.Errorf("%d connections, want 1", report.Connections)
		}
	}
}

func TestCallSurvivesTheServer(t *testing.T) {
	s := newStage(t)
	a, b := s.join(Config{}), s.join(Config{Name: "ben"})
	s.call(a, b, video)
	s.srv.CutLinks()
	a.AddTrack(video)
	s.tracks(b, a, 1, 2)
	s.srv.Restart()
	b.AddTrack(video)
	s.tracks(a, b, 1, 2)
	for _, pair := range [][2]*Robot{{a, b}, {b, a}} {
		report := s.peer(pair[0], pair[1])
		s.intact(report, pair[1].config.Name, audio, video)
		if report.Connections != 1 {
			t.Errorf("%d connections, want 1", report.Connections)
		}
	}
}

func TestPeerThatLeavesAndThreeInARoom(t *testing.T) {
	s := newStage(t)
	left := make(chan string, 10)
	a := s.join(Config{NoVideo: true, OnEvent: func(e client.Event) {
		if e, ok := e.(client.PeerLeft); ok {
			left <- e.Peer.ID
		}
	}})
	b, c := s.join(Config{Name: "ben", NoVideo: true}), s.join(Config{Name: "cem", NoVideo: true})
	s.call(a, b, audio)
	s.call(a, c, audio)
	s.call(b, c, audio)
	if first, err := c.WaitPeer(s.ctx); err != nil || first != a.ID() {
		t.Errorf("%q is first for c, %v; want a", first, err)
	}
	if err := b.Close(s.ctx); err != nil {
		t.Error(err)
	}
	select {
	case id := <-left:
		if id != b.ID() {
			t.Errorf("%s left, want b", id)
		}
	case <-s.ctx.Done():
		t.Error("a was not told that b left")
	}
	report := a.Report() // who came one after the other may be called the other way round
	if i := slices.IndexFunc(report.Peers, func(p PeerReport) bool { return p.ID == b.ID() }); len(report.Peers) != 2 || i < 0 || len(report.Peers[i].Tracks) != 1 {
		t.Errorf("%+v", report)
	}
}

func TestOverTCPLeavesOnlyTURNOverTCP(t *testing.T) {
	got, err := json.Marshal(OverTCP([]wire.ICEServer{
		{URLs: []string{"stun:x"}},
		{URLs: []string{"turn:x?transport=udp", "turn:x?transport=tcp", "turns:x"}, Username: "u"},
	}))
	if want := `[{"urls":["turn:x?transport=tcp","turns:x"],"username":"u"}]`; err != nil || string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func overUDP(list []wire.ICEServer) []wire.ICEServer {
	var chosen []wire.ICEServer
	for _, s := range list {
		s.URLs = slices.DeleteFunc(slices.Clone(s.URLs), func(u string) bool { return strings.Contains(u, "transport=tcp") })
		if len(s.URLs) > 0 {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

func TestRelayOnlyCallOverUDPAndTCP(t *testing.T) {
	for name, choose := range map[string]func([]wire.ICEServer) []wire.ICEServer{"udp": overUDP, "tcp": OverTCP} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, signalingtest.WithTURN(turn.Config{}))
			a := s.join(Config{RelayOnly: true, ICEServers: choose})
			b := s.join(Config{Name: "ben", RelayOnly: true, ICEServers: choose})
			s.call(a, b, audio, video)
			for _, pair := range [][2]*Robot{{a, b}, {b, a}} {
				report := s.peer(pair[0], pair[1])
				s.intact(report, pair[1].config.Name, audio, video)
				if p := report.Path; p.Local != webrtc.ICECandidateTypeRelay || p.Remote != webrtc.ICECandidateTypeRelay || !p.Relayed() {
					t.Errorf("path %+v, want both ends relayed", p)
				}
				if got := report.Path.RelayProtocol; got != name {
					t.Errorf("relay over %q, want %q", got, name)
				}
				if report.Connected > 2*time.Second {
					t.Errorf("connected after %v; there was nothing to wait for", report.Connected)
				}
			}
		})
	}
}
