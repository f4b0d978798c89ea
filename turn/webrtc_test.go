package turn

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// relayOnly makes a peer connection that has nothing but this TURN server, over
// one transport.
func relayOnly(t *testing.T, s *Server, network, peer string) *webrtc.PeerConnection {
	t.Helper()
	var settings webrtc.SettingEngine
	settings.SetRelayAcceptanceMinWait(0)
	settings.SetIncludeLoopbackCandidate(true)
	list := s.ICEServers(peer)
	server := list[len(list)-1]
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
		ICEServers: []webrtc.ICEServer{{
			URLs:       []string{"turn:" + s.address(t, network) + "?transport=" + network},
			Username:   server.Username,
			Credential: server.Credential,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc
}

// describe sets the description on both sides once it holds all candidates.
func describe(t *testing.T, from, to *webrtc.PeerConnection, d webrtc.SessionDescription, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(from)
	if err := from.SetLocalDescription(d); err != nil {
		t.Fatal(err)
	}
	select {
	case <-gathered:
	case <-time.After(patience):
		t.Fatal("gathering takes too long")
	}
	if err := to.SetRemoteDescription(*from.LocalDescription()); err != nil {
		t.Fatal(err)
	}
}

func TestPeerConnectionsMeetThroughTheRelay(t *testing.T) {
	for _, tt := range transports {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, Config{})
			alice, bob := relayOnly(t, s, tt.alice, "alice"), relayOnly(t, s, tt.bob, "bob")
			bob.OnDataChannel(func(dc *webrtc.DataChannel) {
				dc.OnMessage(func(m webrtc.DataChannelMessage) {
					if err := dc.SendText("echo " + string(m.Data)); err != nil {
						t.Errorf("send: %v", err)
					}
				})
			})
			dc, err := alice.CreateDataChannel("chat", nil)
			if err != nil {
				t.Fatal(err)
			}
			dc.OnOpen(func() {
				if err := dc.SendText("hello"); err != nil {
					t.Errorf("send: %v", err)
				}
			})
			got := make(chan string, 1)
			dc.OnMessage(func(m webrtc.DataChannelMessage) { got <- string(m.Data) })

			offer, err := alice.CreateOffer(nil)
			describe(t, alice, bob, offer, err)
			answer, err := bob.CreateAnswer(nil)
			describe(t, bob, alice, answer, err)
			select {
			case text := <-got:
				if text != "echo hello" {
					t.Errorf("got %q", text)
				}
			case <-time.After(2 * patience):
				t.Fatalf("no echo; stats %+v", s.Stats())
			}
			if stats := s.Stats(); stats.Allocations < 2 || stats.Packets == 0 {
				t.Errorf("stats %+v", stats)
			}
		})
	}
}
