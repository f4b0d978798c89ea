package integration

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
	"github.com/seed-3a7b6cbd/signal/signaling/robot"
)

//go:embed testdata/page/failing.js
var failing string

// browserChanges are what the browser's side does. Camera and microphone need
// no negotiation by design, and have to come through those of the other side; a
// start that a stop overtakes is no failure. The last one restarts ICE.
var browserChanges = []string{
	`signalRoom.me.camera.start().catch(window.overtaken)`,
	`signalRoom.me.camera.stop()`,
	`signalRoom.me.microphone.start().catch(window.overtaken)`,
	`signalRoom.me.microphone.stop()`,
	`signalRoom.me.microphone.mute(!signalRoom.me.microphone.muted)`,
	`[...signalRoom.participants.values()][0].connection.fail()`,
	`[...signalRoom.participants.values()][0].connection.fail()`,
}

var iceUfrag = regexp.MustCompile(`(?m)^a=ice-ufrag:\S+`)

// watchErrors has the page count what it may not meet.
const watchErrors = `(() => {
	window.errors = [];
	window.overtaken = (error) => { if (error.code !== 'aborted') errors.push(String(error)); };
	for (const what of [signalRoom, signalRoom.me.camera, signalRoom.me.microphone]) what.on('error', ({error}) => errors.push(String(error)));
	return true;
})()`

// testMixedRenegotiations has both sides change what they send and restart ICE
// at any moment, whatever is under way, until there were as many offers as the
// promise says.
func testMixedRenegotiations(t *testing.T, b *browser.Browser, robotFirst bool) {
	const rounds, seed = 200, 11
	m := newMixed(t, b, robotFirst, robot.Config{}, "", func(p *person) { p.must(failing) })
	m.ana.must(watchErrors)
	m.wantMedia()
	random := rand.New(rand.NewPCG(seed, seed))
	peak := map[webrtc.RTPCodecType]int{audio: 1, video: 1}
	changes := map[string]int{}
	for len(m.dee.net.tap.descriptions(t)) <= rounds {
		m.ana.must(fmt.Sprintf(`new Promise((resolve) => setTimeout(resolve, %d))`, random.IntN(100)))
		if random.IntN(2) == 0 {
			m.dee.change(random)
			changes["robot"]++
		} else {
			m.ana.must(`void ` + browserChanges[random.IntN(len(browserChanges))] + ` ?? true`)
			changes["browser"]++
		}
		for kind, n := range m.dee.sends() {
			peak[kind] = max(peak[kind], n)
		}
	}
	m.settle()
	m.judge(peak)
	record(t, "changes", changes)
	record(t, "descriptions", len(m.dee.net.tap.descriptions(t)))
	record(t, "most-tracks", peak)
}

// settle waits until the browser has what the robot was asked for, then asks
// for one track of each kind both ways, so that the page has something to show.
func (m *mixed) settle() {
	m.t.Helper()
	m.ana.must(`signalRoom.me.microphone.mute(false)`)
	for _, device := range []string{"camera", "microphone"} {
		m.ana.must(fmt.Sprintf(`signalRoom.me.%s.start()`, device))
	}
	m.wantReceived()
	for _, track := range m.dee.Tracks() {
		m.dee.RemoveTrack(track)
	}
	m.wantReceived() // or else the new ones take the places of the old ones, wherever these were
	for _, kind := range []webrtc.RTPCodecType{audio, video} {
		m.dee.AddTrack(kind)
	}
	m.wantReceived()
	m.wantMedia()
}

// wantReceived waits until the browser gets what the robot is asked to send,
// and nothing else.
func (m *mixed) wantReceived() {
	m.t.Helper()
	ana := m.anaID()
	m.until("the robot has nothing left to negotiate", func() bool { return m.dee.Room().Pair(ana).Stable() })
	sends := m.dee.sends()
	for _, kind := range []webrtc.RTPCodecType{audio, video} {
		m.ana.wait(m.ana.sees(fmt.Sprintf(`receives(%q, %d)`, kind, sends[kind])))
	}
}

// judge looks at how it went.
func (m *mixed) judge(peak map[webrtc.RTPCodecType]int) {
	m.t.Helper()
	if errors := browser.Value[[]string](m.t, m.ana.Page, `window.errors`); len(errors) > 0 {
		m.t.Errorf("the page met %q", errors)
	}
	if made := browser.Value[int](m.t, m.ana.Page, `window.made`); made != 1 {
		m.t.Errorf("the browser made %d connections, want 1", made)
	}
	report, err := m.dee.Peer(m.anaID())
	if err != nil || report.Connections != 1 || report.Err != nil || report.State != "connected" {
		m.t.Errorf("not the one good connection it was: %v\n%s", err, m.dump())
	}
	ufrags := map[string]bool{}
	for i, d := range m.dee.net.tap.descriptions(m.t) {
		ufrags[iceUfrag.FindString(d.Data.SDP)] = true
		if d.PC != 1 || d.Gen != i+1 {
			m.t.Errorf("number %d is %s %d.%d", i+1, d.Type, d.PC, d.Gen)
		}
		if d.mLines("audio") > peak[audio] || d.mLines("video") > peak[video] {
			m.t.Fatalf("%s %d is longer than for %v tracks at a time:\n%s", d.Type, d.Gen, peak, d.Data.SDP)
		}
	}
	if len(ufrags) < 3 {
		m.t.Errorf("ICE was restarted %d times only", len(ufrags)-1)
	}
	record(m.t, "restarts", len(ufrags)-1)
}
