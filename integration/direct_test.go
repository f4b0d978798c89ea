package integration

import (
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/robot"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
	"github.com/seed-3a7b6cbd/signal/turn"
)

// ipv4 leaves IPv6 out: pion uses link-local addresses without telling them as
// candidates (RFC 8445 §5.1.1.1), and the other side then calls them prflx.
func ipv4(c *robot.Config) {
	c.Settings = func(e *webrtc.SettingEngine) {
		e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	}
}

func TestTwoPeersCallDirectly(t *testing.T) {
	noLeaks(t)
	// There is a relay as well: it must not be chosen.
	srv := signalingtest.NewServer(t, signalingtest.WithTURN(turn.Config{}))
	s := newScene(t, srv.URL)
	ana, ben := s.join("ana", ipv4), s.join("ben", ipv4)
	s.calling(audio, video)
	s.moreFrames(60)
	ana.wantPath(ben, webrtc.ICECandidateTypeHost, "")
	ben.wantPath(ana, webrtc.ICECandidateTypeHost, "")
	ana.wantRoster(ben, false)
	ben.wantRoster(ana, true) // who is here longer
	s.allIntact(audio, video)

	ben.leave()
	ana.waitEvent("left ben left")
	ana.wantEvents("joined ben", "left ben left")
	ben.wantEvents("joined ana")
	if peers := ana.Room().Peers(); len(peers) != 0 {
		t.Errorf("ana still sees %+v", peers)
	}
}

// wantRoster wants one other in the room.
func (a *actor) wantRoster(other *actor, offers bool) {
	a.scene.t.Helper()
	peers := a.Room().Peers()
	want := `{"name":"` + other.name + `"}`
	if len(peers) != 1 || peers[0].ID != other.ID() || peers[0].Offers != offers || string(peers[0].Data) != want {
		a.scene.t.Errorf("%s sees %+v, want only %s, offers %v, data %s", a.name, peers, other.ID(), offers, want)
	}
}
