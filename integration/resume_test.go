package integration

import (
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
)

// Three are in a call. The signaling of one is cut three times: two of them too
// short to be told, one long, during which another leaves. Media goes on.
func TestSignalingThatIsCutIsNoLeave(t *testing.T) {
	noLeaks(t)
	s := newScene(t, signalingtest.NewServer(t).URL)
	ana, ben := s.join("ana", nil), s.join("ben", nil)
	s.calling(audio, video)
	cem := s.join("cem", nil)
	s.calling(audio, video)
	id := cem.ID()

	for links := 2; links <= 3; links++ {
		cem.net.blip()
		cem.waitLinks(links)
		// What cem says now comes behind anything that was told of the blip.
		cem.say(ana, `"after the blip"`)
		cem.say(ben, `"after the blip"`)
		ana.say(cem, `"after the blip"`)
	}
	for _, a := range s.actors {
		s.until(a.name+" hears of both blips", func() bool { got, _ := a.messages(); return len(got) == 2 })
	}

	cut := time.Now()
	cem.net.fail()
	ana.say(cem, `"while you were away"`)
	ana.waitEvent("away cem")
	if after := time.Since(cut); after < time.Second {
		t.Errorf("away after %v, want 1s", after)
	}
	record(t, "away-after", time.Since(cut))
	ben.waitEvent("away cem")
	cem.say(ana, `"while I was away"`)
	s.moreFrames(40) // of cem as well
	s.allIntact(audio, video)
	s.actors = []*actor{ana, cem}
	ben.leave()
	ana.waitEvent("left ben left")

	cem.net.restore()
	cem.waitLinks(4)
	cem.waitEvent("left ben left")
	ana.waitEvent("back cem resumed")
	ana.waitEvent(`message cem "while I was away"`)
	cem.waitEvent(`message ana "while you were away"`)
	s.moreFrames(40)
	s.allIntact(audio, video)

	ana.wantEvents("joined ben", "joined cem", "away cem", "left ben left", "back cem resumed")
	ben.wantEvents("joined ana", "joined cem", "away cem")
	cem.wantEvents("joined ana", "joined ben", "left ben left")
	ana.wantMessages(`"after the blip"`, `"after the blip"`, `"while I was away"`)
	ben.wantMessages(`"after the blip"`, `"after the blip"`)
	cem.wantMessages(`"after the blip"`, `"after the blip"`, `"while you were away"`)
	if stats := cem.Client().Stats(); cem.ID() != id || stats.Resumed != 3 || stats.Lost != 0 {
		t.Errorf("cem is %s, was %s; %+v", cem.ID(), id, stats)
	}
	if report := ana.Report(); len(report.Peers) != 2 || report.Peers[0].ID != ben.ID() {
		t.Errorf("ana's report: %+v", report)
	}
}

// waitLinks waits for the robot's n-th connection to the server.
func (a *actor) waitLinks(n int) {
	a.scene.t.Helper()
	a.scene.until("connected again", func() bool {
		stats := a.Client().Stats()
		return stats.Links >= n && stats.Linked
	})
}

// wantMessages compares all messages.
func (a *actor) wantMessages(want ...string) {
	a.scene.t.Helper()
	got, _ := a.messages()
	wantSame(a.scene.t, a.name+"'s messages", got, want)
}
