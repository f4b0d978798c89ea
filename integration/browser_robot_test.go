package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
	"github.com/seed-3a7b6cbd/signal/signaling/robot"
	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
	"github.com/seed-3a7b6cbd/signal/turn"
)

// TestBrowserAndRobot has a browser at the page and a headless Pion peer in one
// room: two implementations of WebRTC, and of the negotiation.
func TestBrowserAndRobot(t *testing.T) {
	b := startBrowser(t, browser.Options{CameraFile: cameraFile(t, red), Wait: stepTime})
	for _, robotFirst := range []bool{true, false} {
		t.Run(fmt.Sprintf("a call, robot first %v", robotFirst), func(t *testing.T) { testMixedCall(t, b, robotFirst) })
	}
	for _, robotFirst := range []bool{true, false} {
		t.Run(fmt.Sprintf("renegotiations, robot first %v", robotFirst), func(t *testing.T) { testMixedRenegotiations(t, b, robotFirst) })
	}
	t.Run("relay only", func(t *testing.T) { testMixedRelay(t, b) })
	for _, defiant := range []bool{false, true} {
		t.Run(fmt.Sprintf("candidate policy relay, defiant browser %v", defiant), func(t *testing.T) { testMixedPolicy(t, b, defiant) })
	}
}

// A mixed is a browser and a robot in one room of a server with TURN.
type mixed struct {
	*scene
	dee *actor
	ana *person
}

// newMixed has both enter, in one order or the other: who is first offers.
// Before is what Ana does before she joins.
func newMixed(t *testing.T, b *browser.Browser, robotFirst bool, config robot.Config, options string, before func(*person)) *mixed {
	t.Helper()
	noLeaks(t)
	return mixedAt(t, signalingtest.NewServer(t, signalingtest.WithTURN(turn.Config{})), b, robotFirst, config, options, before)
}

// mixedAt is newMixed at a server that runs.
func mixedAt(t *testing.T, srv *signalingtest.Server, b *browser.Browser, robotFirst bool, config robot.Config, options string, before func(*person)) *mixed {
	t.Helper()
	m := &mixed{scene: newScene(t, srv.URL)}
	enter := []func(){
		func() { m.dee = m.join("dee", func(c *robot.Config) { c.RelayOnly = config.RelayOnly }) },
		func() {
			m.ana = visit(t, b, srv.PageURL+"?room=stage&debug=1"+options)
			before(m.ana)
			m.ana.join("Ana")
		},
	}
	if !robotFirst {
		slices.Reverse(enter)
	}
	for _, f := range enter {
		f()
	}
	m.ana.wait(people(2))
	m.ana.wait(tileSays("state", "connected"))
	answers := browser.Value[string](t, m.ana.Page, `[...signalRoom.participants.values()][0].connection.localDescription.type`) == "answer"
	if answers != robotFirst {
		t.Errorf("the robot was first: %v, but the browser answers: %v", robotFirst, answers)
	}
	return m
}

func nothing(*person) {}

// anaID is the id by which the robot knows the browser.
func (m *mixed) anaID() string {
	m.t.Helper()
	return browser.Value[string](m.t, m.ana.Page, `signalRoom.me.id`)
}

// wantMedia waits until pictures and sound flow both ways, and looks whose they are.
func (m *mixed) wantMedia() {
	m.t.Helper()
	ana := m.anaID()
	if err := m.dee.WaitMedia(m.ctx, ana, audio, video); err != nil {
		m.t.Fatalf("the robot gets no media: %v\n%s", err, m.dump())
	}
	frames := func() (n int) {
		report, err := m.dee.Peer(ana)
		if err != nil {
			m.t.Fatal(err)
		}
		for _, track := range report.Tracks {
			if track.Kind == video {
				n += track.Frames
			}
			if track.Sender != "" {
				m.t.Errorf("a browser sends the clip of %q", track.Sender)
			}
		}
		return n
	}
	before := frames()
	m.until("the robot gets more of the browser's pictures", func() bool { return frames() > before+20 })
	m.ana.wantFlow()
	m.wantStrips()
}

// A strip is what look.js reads in a robot's picture.
type strip struct {
	Sender, Frame int
	At            float64 // in ms
}

// late is by how much this picture came later after the one before than the
// clip has it; a negative one came sooner. The clip is a loop.
func (s strip) late(before strip, clip *media.Stream) time.Duration {
	loop := time.Duration(clip.Len()) * clip.Every
	took := time.Duration((s.At - before.At) * float64(time.Millisecond))
	late := (took - time.Duration(s.Frame-before.Frame)*clip.Every + loop/2) % loop
	return (late+loop)%loop - loop/2
}

// wantStrips reads what is written in the robot's picture.
func (m *mixed) wantStrips() {
	m.t.Helper()
	clip, err := media.Lookup(m.dee.name)
	if err != nil {
		m.t.Fatal(err)
	}
	m.ana.wait(m.ana.sees(fmt.Sprintf(`strip(%q)`, tile)) + ` !== null`)
	strips := browser.Value[[]strip](m.t, m.ana.Page, m.ana.sees(fmt.Sprintf(`strips(%q, 20)`, tile)))
	for i, s := range strips {
		if s.Sender != clip.Sender {
			m.t.Errorf("picture %d is of sender %d, want %d", i, s.Sender, clip.Sender)
		}
		if i > 0 && s.late(strips[i-1], clip.Video).Abs() > time.Second {
			m.t.Errorf("the pictures do not go on as the clip does: %+v", strips)
		}
	}
	if first, last := strips[0].Frame, strips[len(strips)-1].Frame; first == last {
		m.t.Errorf("the picture stands still: %v", strips)
	}
}

func testMixedCall(t *testing.T, b *browser.Browser, robotFirst bool) {
	m := newMixed(t, b, robotFirst, robot.Config{}, "", nothing)
	m.wantMedia()
	m.ana.wait(says(tile+" .name-text", "dee"))
	m.ana.wait(tileSays("path", "direct"))
	m.ana.shoot(fmt.Sprintf("robot-first-%v.png", robotFirst))
	if report, err := m.dee.Peer(m.anaID()); err != nil || report.Connections != 1 || report.Err != nil {
		t.Errorf("%d connections, want 1; %v, %v", report.Connections, report.Err, err)
	}
	m.ana.Click(hook("leave"))
	m.dee.waitEvent("left Ana left")
}

func testMixedRelay(t *testing.T, b *browser.Browser) {
	m := newMixed(t, b, true, robot.Config{RelayOnly: true}, "&relay=1", nothing)
	m.wantMedia()
	m.wantRelayed()
}

// testMixedPolicy is a call that nobody wants to be relayed, but the server.
// The browser may be one that does not heed it.
func testMixedPolicy(t *testing.T, b *browser.Browser, defiant bool) {
	noLeaks(t)
	before := nothing
	if defiant {
		before = func(ana *person) {
			browser.Value[bool](t, ana.Page, `!!(globalThis.RTCPeerConnection = class extends RTCPeerConnection {
				constructor(config) { super({ ...config, iceTransportPolicy: 'all' }); }
			})`)
		}
	}
	m := mixedAt(t, hiding(t), b, !defiant, robot.Config{}, "", before)
	m.wantMedia()
	own := browser.Value[string](t, m.ana.Page, `[...signalRoom.participants.values()][0].connection.localDescription.sdp`)
	if gathered := strings.Contains(own, " typ host"); gathered != defiant {
		t.Errorf("the browser has gathered its host's addresses: %v, want %v", gathered, defiant)
	}
	if !defiant {
		m.wantRelayed()
	}
	m.dee.wantNoAddress()
}

// wantRelayed wants the path to be relayed at both ends, as each end sees it.
func (m *mixed) wantRelayed() {
	t := m.t
	t.Helper()
	m.ana.wait(tileSays("path", "relay"))
	if path := browser.Value[string](t, m.ana.Page, m.ana.sees(`path()`)); path != "relay udp relay" {
		t.Errorf("the browser's pair is %q, want relayed at both ends", path)
	}
	path, err := m.dee.SelectedPair(m.anaID())
	if err != nil || path.Local != webrtc.ICECandidateTypeRelay || path.Remote != webrtc.ICECandidateTypeRelay {
		t.Errorf("the robot's pair is %+v, %v, want relayed at both ends", path, err)
	}
}
