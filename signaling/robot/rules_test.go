package robot

import (
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
	"github.com/seed-3a7b6cbd/signal/turn"
)

func TestRobotThatIsAViewerSendsNothing(t *testing.T) {
	s := newStage(t)
	a, b := s.join(Config{}), s.join(Config{Name: "ben"})
	s.call(a, b, audio, video)
	setRole := func(role wire.Role) {
		t.Helper()
		if err := a.Room().SetRole(s.ctx, b.ID(), role); err != nil {
			t.Fatal(err)
		}
	}
	setRole(wire.RoleViewer)
	s.tracks(a, b, 0, 0)
	s.tracks(b, a, 1, 1)
	setRole(wire.RoleParticipant)
	s.tracks(a, b, 1, 1)
	if report := s.peer(b, a); report.Connections != 1 {
		t.Errorf("%d connections, want 1", report.Connections)
	}
}

func TestRoomsCandidatePolicyIsObeyed(t *testing.T) {
	s := newStage(t, signalingtest.WithTURN(turn.Config{}))
	a := s.join(Config{})
	relay := wire.PolicyRelay
	if err := a.Room().SetRules(s.ctx, wire.RulesUpdate{Candidates: &relay}); err != nil {
		t.Fatal(err)
	}
	b := s.join(Config{Name: "ben"})
	s.call(a, b, audio, video)
	for _, pair := range [][2]*Robot{{a, b}, {b, a}} {
		c, err := pair[0].call(pair[1].ID())
		if err != nil {
			t.Fatal(err)
		}
		if sdp := c.current().pc.LocalDescription().SDP; strings.Contains(sdp, " typ host") || strings.Contains(sdp, " typ srflx") {
			t.Errorf("%s has gathered more than the relay:\n%s", pair[0].config.Name, sdp)
		}
		if path := s.peer(pair[0], pair[1]).Path; path.Local != webrtc.ICECandidateTypeRelay {
			t.Errorf("%s has the path %+v", pair[0].config.Name, path)
		}
	}
}
