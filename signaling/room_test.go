package signaling

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestHelloAndPipelinedJoin(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		c := h.client(t)
		c.connect()
		c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Versions: []string{"signal.v2", "signal.v1"}}})
		c.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		c.tell(nil, "room", `"not refused: it waits for the join"`)
		w := c.welcomed(false)
		if !wire.ValidPeer(w.Peer) || w.Token == "" || w.Ping != 10_000 || w.Dead != 25_000 || w.Window != 60_000 || w.Limits.Message != 64<<10 {
			t.Errorf("welcome is %+v", w)
		}
		if m := c.want(wire.TypeJoined); m.Re != 1 || len(m.Peers) != 0 {
			t.Errorf("joined is %+v", m)
		}
		c.wantNothing()
	})
}

func TestPipelinedBehindSlowHello(t *testing.T) {
	ice := func(string, Identity) wire.ICE { return wire.ICE{TTL: 1000} }
	eachTopology(t, Config{ICEServers: ice}, func(t *testing.T, h *harness) {
		c := h.client(t)
		c.connect()
		c.send(&wire.Message{Type: wire.TypeHello})
		c.send(&wire.Message{Type: wire.TypePing})
		c.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		c.welcomed(false)
		c.want(wire.TypePong)
		c.want(wire.TypeJoined)
	})
}

func TestRolesFollowRank(t *testing.T) {
	noon := func() time.Time { return time.UnixMilli(12 * 3_600_000) } // equal ranks on three servers
	eachTopology(t, Config{Now: noon}, func(t *testing.T, h *harness) {
		alice, bob, carol := h.hello(t), h.hello(t), h.hello(t)
		carol.join("room") // who was first in the room does not matter
		if p := bob.join("room"); p[0].ID != carol.peer || p[0].Offers == (bob.rankBelow(carol)) {
			t.Errorf("bob sees %+v", p)
		}
		p := alice.join("room")
		if len(p) != 2 || p[0].ID != carol.peer || p[1].ID != bob.peer {
			t.Fatalf("alice sees %+v, want carol, bob", p)
		}
		for _, o := range []*client{carol, bob} {
			for _, m := range o.frames() {
				if m.Type == wire.TypePeerJoined && m.Peer.ID == alice.peer && m.Peer.Offers != alice.rankBelow(o) {
					t.Errorf("%s was told offers=%v of alice", o.peer, m.Peer.Offers)
				}
			}
		}
		if p[0].Offers == alice.rankBelow(carol) || p[1].Offers == alice.rankBelow(bob) {
			t.Errorf("alice sees %+v", p)
		}
	})
}

// rankBelow reads the ranks out of the tokens.
func (c *client) rankBelow(o *client) bool {
	a, err := parseToken(c.token, c.h.cfg.ResumeKeys)
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := parseToken(o.token, c.h.cfg.ResumeKeys)
	if err != nil {
		c.t.Fatal(err)
	}
	return a.rank < b.rank || a.rank == b.rank && a.peer < b.peer
}

// frames takes all that was read.
func (c *client) frames() (all []*wire.Message) {
	for {
		o, ok := c.conn.next()
		if !ok {
			return all
		}
		all = append(all, o.Body.Message)
	}
}

func TestEveryMemberSeesOneOrder(t *testing.T) {
	eachTopology(t, Config{MaxPeers: 100}, func(t *testing.T, h *harness) {
		watch := []*client{h.hello(t), h.hello(t), h.hello(t)}
		for _, w := range watch {
			w.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		}
		for _, w := range watch {
			w.frames()
		}
		done := make(chan struct{})
		for i := range 20 {
			c := h.hello(t)
			go func() {
				c.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
				c.send(&wire.Message{Type: wire.TypeUpdate, Room: "room", Data: json.RawMessage(fmt.Sprint(i))})
				if i%2 == 0 {
					c.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
				}
				done <- struct{}{}
			}()
		}
		for range 20 {
			<-done
		}
		var first []string
		for _, w := range watch {
			var order []string
			for _, m := range w.frames() {
				id := m.From
				if m.Peer != nil {
					id = m.Peer.ID
				}
				order = append(order, string(m.Type)+id)
			}
			if first == nil {
				first = order
			}
			if len(order) != 50 || !slices.Equal(first, order) {
				t.Fatalf("the orders differ, or lack something:\n%v\n%v", first, order)
			}
		}
	})
}

func TestSignalReachesOnlyItsPeer(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.join("room")
		alice.frames()
		bob.frames()
		alice.send(&wire.Message{
			Type: wire.TypeOffer, Room: "room", To: bob.peer, From: carol.peer, PC: 1, Gen: 2, N: 3, Got: 4, Base: 5,
			Re: 9, Code: "x", Data: json.RawMessage(`{"sdp":"v=0"}`),
		})
		m := bob.want(wire.TypeOffer)
		if m.From != alice.peer || m.To != "" || m.ID != 0 || m.Re != 0 || m.PC != 1 || m.Gen != 2 || m.N != 3 || m.Got != 4 || m.Base != 5 || string(m.Data) != `{"sdp":"v=0"}` {
			t.Errorf("bob got %+v", m)
		}
		alice.send(&wire.Message{Type: wire.TypeCandidates, Room: "room", To: bob.peer, PC: 1, Ufrag: "aB+/", End: true})
		if m := bob.want(wire.TypeCandidates); m.PC != 1 || m.Ufrag != "aB+/" || !m.End || m.Data != nil {
			t.Errorf("bob got %+v", m)
		}
		carol.wantNothing()
		bob.tell(nil, "room", `"all"`)
		alice.wantMessage(bob, `"all"`)
		carol.wantMessage(bob, `"all"`)
		bob.wantNothing()
	})
}

func TestRelayIsRefused(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.join("other")
		data := json.RawMessage(`{}`)
		for _, tt := range []struct {
			name string
			from *client
			m    wire.Message
			want wire.Code
		}{
			{"not a member", carol, wire.Message{Type: wire.TypeOffer, Room: "room", To: bob.peer, PC: 1, Gen: 1, Data: data}, wire.CodeNotInRoom},
			{"not a member, to all", carol, wire.Message{Type: wire.TypeMessage, Room: "room", Data: data}, wire.CodeNotInRoom},
			{"no member", alice, wire.Message{Type: wire.TypeOffer, Room: "room", To: carol.peer, PC: 1, Gen: 1, Data: data}, wire.CodeNoSuchPeer},
			{"to itself", alice, wire.Message{Type: wire.TypeOffer, Room: "room", To: alice.peer, PC: 1, Gen: 1, Data: data}, wire.CodeNoSuchPeer},
			{"offer", bob, wire.Message{Type: wire.TypeOffer, Room: "room", To: alice.peer, PC: 1, Gen: 1, Data: data}, wire.CodeNotYourTurn},
			{"answer", alice, wire.Message{Type: wire.TypeAnswer, Room: "room", To: bob.peer, PC: 1, Gen: 1, Data: data}, wire.CodeNotYourTurn},
			{"negotiate", alice, wire.Message{Type: wire.TypeNegotiate, Room: "room", To: bob.peer, PC: 1, Data: data}, wire.CodeNotYourTurn},
			{"reject", alice, wire.Message{Type: wire.TypeReject, Room: "room", To: bob.peer, PC: 1, Data: data}, wire.CodeNotYourTurn},
			{"no pc", alice, wire.Message{Type: wire.TypeOffer, Room: "room", To: bob.peer, Data: data}, wire.CodeBadMessage},
			{"long SDP", alice, wire.Message{Type: wire.TypeOffer, Room: "room", To: bob.peer, PC: 1, Gen: 1, Data: long(32<<10 + 1)}, wire.CodeTooBig},
			{"bad room", alice, wire.Message{Type: wire.TypeJoin, Room: "a/b"}, wire.CodeBadRoom},
			{"long metadata", alice, wire.Message{Type: wire.TypeJoin, Room: "new", Data: long(4097)}, wire.CodeTooBig},
			{"long update", alice, wire.Message{Type: wire.TypeUpdate, Room: "room", Data: long(4097)}, wire.CodeTooBig},
			{"leave elsewhere", alice, wire.Message{Type: wire.TypeLeave, Room: "other"}, wire.CodeNotInRoom},
			{"update elsewhere", alice, wire.Message{Type: wire.TypeUpdate, Room: "other", Data: data}, wire.CodeNotInRoom},
			{"a server's", alice, wire.Message{Type: wire.TypeJoined, Room: "room"}, wire.CodeUnknownType},
			{"an id where none belongs", alice, wire.Message{Type: wire.TypePong, ID: 77}, wire.CodeBadMessage},
		} {
			want := uint64(0)
			if tt.m.ID == 0 {
				want = tt.from.id + 1
			}
			tt.from.send(&tt.m)
			if want == 0 {
				tt.from.wantError(wire.CodeOutOfOrder, 0)
				continue
			}
			m := tt.from.want(wire.TypeError)
			if m.Code != tt.want || m.Re != want {
				t.Errorf("%s: got %s re %d %q, want %s re %d", tt.name, m.Code, m.Re, m.Text, tt.want, want)
			}
		}
		alice.wantNothing()
		bob.wantNothing()
		alice.tell(bob, "room", `"all is well"`) // refused frames are done
		bob.wantMessage(alice, `"all is well"`)
	})
}

func long(n int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`) }

func TestJoinAgainLeaveAndUpdate(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		if p := alice.join("room"); len(p) != 1 || p[0].ID != bob.peer {
			t.Errorf("alice sees %+v", p)
		}
		bob.wantNothing()
		alice.send(&wire.Message{Type: wire.TypeJoin, Room: "room", Data: json.RawMessage(`1`)})
		alice.want(wire.TypeJoined)
		if m := bob.want(wire.TypePeerUpdated); string(m.Peer.Data) != "1" || !m.Peer.Offers {
			t.Errorf("bob got %+v", m.Peer)
		}
		alice.send(&wire.Message{Type: wire.TypeUpdate, Room: "room", Data: json.RawMessage(`2`)})
		if m := alice.want(wire.TypeOK); m.Re != alice.id {
			t.Errorf("ok re %d, want %d", m.Re, alice.id)
		}
		bob.want(wire.TypePeerUpdated)
		alice.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
		alice.want(wire.TypeOK)
		if m := bob.want(wire.TypePeerLeft); m.From != alice.peer || m.Reason != wire.ReasonLeft {
			t.Errorf("bob got %+v", m)
		}
		bob.want(wire.TypeRole) // he is the host now
		bob.tell(alice, "room", `1`)
		bob.wantError(wire.CodeNoSuchPeer, bob.id)
		bob.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
		bob.want(wire.TypeOK)
		for _, s := range h.servers {
			if n := s.Stats().Rooms; n != 0 {
				t.Errorf("%d rooms are left", n)
			}
		}
		if len(h.cluster.rooms) != 0 {
			t.Errorf("the cluster has %d rooms left", len(h.cluster.rooms))
		}
	})
}

func TestRoomFullAndTooManyRooms(t *testing.T) {
	eachTopology(t, Config{MaxPeers: 2, MaxRooms: 2}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		carol.wantError(wire.CodeRoomFull, 1)
		carol.join("1")
		carol.join("2")
		carol.send(&wire.Message{Type: wire.TypeJoin, Room: "3"})
		carol.wantError(wire.CodeTooManyRooms, carol.id)
		h.wantLimit(LimitPeers, 1)
		h.wantLimit(LimitRooms, 1)
		alice.join("room")
		bob.wantNothing()
	})
}

func TestJoinRaceOnNearlyFullRoom(t *testing.T) {
	inBubble(t, 3, Config{MaxPeers: 4}, func(t *testing.T, h *harness) {
		var all []*client
		for range 12 {
			all = append(all, h.hello(t))
		}
		for _, c := range all {
			go c.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		}
		joined := 0
		for _, c := range all {
			if m := c.frames()[0]; m.Type == wire.TypeJoined {
				joined++
			} else if m.Code != wire.CodeRoomFull {
				t.Errorf("got %s %s", m.Type, m.Code)
			}
		}
		if joined != 4 {
			t.Errorf("%d joined a room for 4", joined)
		}
	})
}

func TestTooManyCandidates(t *testing.T) {
	eachTopology(t, Config{MaxCandidates: 5}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.join("room")
		alice.want(wire.TypePeerJoined)
		to := bob
		candidates := func(ufrag string, n int) {
			alice.send(&wire.Message{
				Type: wire.TypeCandidates, Room: "room", To: to.peer, PC: 1, Ufrag: ufrag, Elements: n, Data: json.RawMessage(`[]`),
			})
		}
		candidates("a", 3)
		candidates("a", 3)
		candidates("a", 2)
		candidates("b", 5)
		alice.wantError(wire.CodeTooManyCandidates, 3)
		h.wantLimit(LimitCandidates, 1)
		alice.wantNothing()
		if n := len(bob.frames()); n != 1+3 {
			t.Errorf("bob got %d frames, want carol and 3", n)
		}
		to = carol
		candidates("a", 5) // each receiver has counts of its own
		carol.want(wire.TypeCandidates)
		for i := range 200 {
			candidates(fmt.Sprint(i), 1)
			time.Sleep(20 * time.Millisecond)
		}
		if n := cap(alice.srv.session(alice.peer).member("room").candidates); n > 2*maxCandidateCounts {
			t.Errorf("counts for %d ufrags are kept", n)
		}
	})
}

func TestManyMembersAreFoundByIndex(t *testing.T) {
	eachTopology(t, Config{MaxPeers: 40}, func(t *testing.T, h *harness) {
		var all []*client
		for range 40 {
			c := h.hello(t)
			c.join("room")
			all = append(all, c)
		}
		for _, c := range all {
			c.frames()
		}
		for i, c := range all {
			to := all[(i+7)%40]
			c.tell(to, "room", `1`)
			to.wantMessage(c, `1`)
		}
		all[0].tell(nil, "room", `2`)
		for _, c := range all[1:] {
			c.wantMessage(all[0], `2`)
		}
	})
}
