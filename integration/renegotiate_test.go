package integration

import (
	"math/rand/v2"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
)

// Both sides add and remove tracks and restart ICE, at moments that have
// nothing to do with how far the last time has come, until there have been two
// hundred offers.
func TestTwoHundredRenegotiationsFromBothSides(t *testing.T) {
	const rounds, seed = 200, 7
	noLeaks(t)
	s := newScene(t, signalingtest.NewServer(t).URL)
	ana, ben := s.join("ana", nil), s.join("ben", nil)
	s.calling(audio, video)

	random := rand.New(rand.NewPCG(seed, seed))
	peak := map[webrtc.RTPCodecType]int{audio: 1, video: 1}
	changes := 0
	for len(ben.net.tap.descriptions(t)) <= rounds {
		moments := random.IntN(3) * random.IntN(3) // mostly none: at once
		s.until("the next moment", func() bool { moments--; return moments < 0 })
		a := s.actors[random.IntN(2)]
		a.change(random)
		changes++
		for kind, n := range a.sends() {
			peak[kind] = max(peak[kind], n)
		}
	}
	s.until("all is as asked", func() bool {
		return ana.Room().Pair(ben.ID()).Stable() && ben.Room().Pair(ana.ID()).Stable() && ana.getsAll(ben) && ben.getsAll(ana)
	})
	s.moreFrames(20)

	for _, pair := range [][2]*actor{{ana, ben}, {ben, ana}} {
		a, b := pair[0], pair[1]
		if !a.getsAll(b) {
			t.Errorf("%s does not get what %s sends\n%s", a.name, b.name, s.dump())
		}
		a.wantEvents("joined " + b.name)
		if report := a.peer(b); report.Connections != 1 || report.Err != nil || report.State != "connected" {
			t.Errorf("%s to %s is not the one good connection it was\n%s", a.name, b.name, s.dump())
		}
		for i, d := range a.net.tap.descriptions(t) {
			if d.PC != 1 || d.Gen != i+1 {
				t.Errorf("%s: number %d is %s %d.%d", a.name, i+1, d.Type, d.PC, d.Gen)
			}
			if d.mLines("audio") > peak[audio] || d.mLines("video") > peak[video] {
				t.Fatalf("%s: %s %d is longer than for %v tracks at a time:\n%s", a.name, d.Type, d.Gen, peak, d.Data.SDP)
			}
		}
	}
	record(t, "changes", changes)
	record(t, "offers", len(ben.net.tap.descriptions(t)))
	record(t, "most-tracks", peak)
}

// change asks for one renegotiation.
func (a *actor) change(random *rand.Rand) {
	kind := []webrtc.RTPCodecType{audio, video}[random.IntN(2)]
	sends := a.sends()[kind]
	switch what := random.IntN(5); {
	case what == 4:
		other := a.Room().Peers()[0].ID
		if err := a.RestartICE(other); err != nil {
			a.scene.t.Fatal(err)
		}
	case sends < 1 || what < 2 && sends < 3:
		a.AddTrack(kind)
	case sends == 1 && kind == audio: // without any media there would be no moments
		a.AddTrack(kind)
	default:
		tracks := a.Tracks()
		random.Shuffle(len(tracks), func(i, j int) { tracks[i], tracks[j] = tracks[j], tracks[i] })
		for _, track := range tracks {
			if track.Kind() == kind {
				a.RemoveTrack(track)
				return
			}
		}
	}
}

// sends is how many tracks of each kind the robot is asked to send.
func (a *actor) sends() map[webrtc.RTPCodecType]int {
	n := map[webrtc.RTPCodecType]int{}
	for _, track := range a.Tracks() {
		n[track.Kind()]++
	}
	return n
}

// getsAll reports whether a frame has come on each track that another is asked
// to send, and no other track goes on.
func (a *actor) getsAll(b *actor) bool {
	want := b.sends()
	got := map[webrtc.RTPCodecType]int{}
	for _, track := range a.peer(b).Tracks {
		if track.Ended {
			continue
		}
		if track.Frames == 0 {
			return false
		}
		got[track.Kind]++
	}
	return got[audio] == want[audio] && got[video] == want[video]
}
