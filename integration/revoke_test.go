package integration

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
	"github.com/seed-3a7b6cbd/signal/turn"
)

// canRelay reports whether a connection with these ICE servers, and nothing else,
// gets a relayed address.
func canRelay(t *testing.T, ice wire.ICE) bool {
	t.Helper()
	conf := webrtc.Configuration{ICETransportPolicy: webrtc.ICETransportPolicyRelay}
	for _, s := range ice.List {
		conf.ICEServers = append(conf.ICEServers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	pc, err := webrtc.NewPeerConnection(conf)
	if err != nil {
		t.Fatal(err)
	}
	defer pc.GracefulClose() // what it gathered is known
	if _, err := pc.CreateDataChannel("x", nil); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return strings.Contains(pc.LocalDescription().SDP, "typ relay")
}

// credential is the user name of the TURN server of a list.
func credential(ice wire.ICE) string {
	for _, s := range ice.List {
		if s.Username != "" {
			return s.Username
		}
	}
	return ""
}

// openRoom makes a room, of which the connection is the host.
func openRoom(t *testing.T, url, room string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"signal.v1"}}
	c, _, err := d.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	writeFrames(t, c, `{"type":"hello"}`, `{"id":1,"type":"join","room":"`+room+`"}`)
	for {
		_, frame, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(frame), `"joined"`) {
			return c
		}
	}
}

func writeFrames(t *testing.T, c *websocket.Conn, frames ...string) {
	t.Helper()
	for _, frame := range frames {
		if err := c.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
}

// Who is kicked from one room loses all that was relayed and the credentials for
// it, and the call in another room comes back on the same connection, by an ICE
// restart with new ones.
func TestCallInAnotherRoomSurvivesAKick(t *testing.T) {
	for _, protocol := range []string{"udp", "tcp"} {
		t.Run(protocol, func(t *testing.T) {
			noLeaks(t)
			srv := signalingtest.NewServer(t, signalingtest.WithTURN(turn.Config{}))
			s := newScene(t, srv.URL)
			ana, ben := s.join("ana", relayOver(protocol)), s.join("ben", relayOver(protocol))
			s.calling(audio, video)
			host := openRoom(t, srv.URL, "elsewhere")
			elsewhere, err := ben.Client().Join(s.ctx, "elsewhere", nil)
			if err != nil {
				t.Fatal(err)
			}
			before := ben.Client().ICE()
			if !canRelay(t, before) {
				t.Fatal("the credentials are worth nothing from the start")
			}
			s.moreFrames(20)
			at := ben.peer(ana).Path.LocalAddress

			writeFrames(t, host, `{"id":2,"type":"kick","room":"elsewhere","to":"`+ben.ID()+`"}`)
			s.until("ben has new credentials", func() bool { return credential(ben.Client().ICE()) != credential(before) })
			if canRelay(t, before) {
				t.Error("the credentials from before the kick are good still")
			}
			for err == nil { // the host is there, and then the room is over
				_, err = elsewhere.Next(s.ctx)
			}
			if removed := new(client.Removed); !errors.As(err, &removed) || removed.Reason != wire.ReasonKicked {
				t.Errorf("the room is over with %v", err)
			}
			s.until("ben has another relayed address", func() bool { return ben.peer(ana).Path.LocalAddress != at })
			s.moreFrames(60)
			ana.wantPath(ben, webrtc.ICECandidateTypeRelay, protocol)
			ben.wantPath(ana, webrtc.ICECandidateTypeRelay, protocol)
			for _, pair := range [][2]*actor{{ana, ben}, {ben, ana}} {
				if report := pair[0].peer(pair[1]); report.Connections != 1 || report.Err != nil {
					t.Errorf("%s to %s: %d connections, want 1; error %v", pair[0].name, pair[1].name, report.Connections, report.Err)
				}
			}
			if got := srv.TURN().Stats(); got.Allocations != 2 {
				t.Errorf("TURN: %+v, want 2 allocations", got)
			}
		})
	}
}

// Who has left the last room gets new credentials with the next one, and they are
// good for those after it.
func TestNextRoomBringsNewCredentials(t *testing.T) {
	noLeaks(t)
	srv := signalingtest.NewServer(t, signalingtest.WithTURN(turn.Config{}))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, srv.URL, client.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	var rooms []*client.Room
	join := func(name string) wire.ICE {
		r, err := c.Join(ctx, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		rooms = append(rooms, r)
		return r.ICE()
	}
	old := join("first")
	if err := rooms[0].Leave(ctx); err != nil {
		t.Fatal(err)
	}
	lists := []wire.ICE{join("second"), join("third")}
	if credential(lists[0]) == credential(old) || credential(lists[0]) != credential(lists[1]) {
		t.Errorf("credentials %q, then %q and %q", credential(old), credential(lists[0]), credential(lists[1]))
	}
	if canRelay(t, old) || !canRelay(t, lists[1]) {
		t.Errorf("old ones good: %v, new ones good: %v", canRelay(t, old), canRelay(t, lists[1]))
	}
}
