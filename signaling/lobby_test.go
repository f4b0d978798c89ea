package signaling

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// lobby is a host in a room that has a lobby, and somebody who waits there.
func (h *harness) lobby(t *testing.T) (host, guest *client) {
	t.Helper()
	host, guest = h.hello(t), h.hello(t)
	host.join("room")
	host.rules(wire.RulesUpdate{Lobby: yes()})
	guest.send(&wire.Message{Type: wire.TypeJoin, Room: "room", Data: json.RawMessage(`{"name":"Gus"}`)})
	if m := guest.want(wire.TypeWaiting); m.Re != guest.id || m.Room != "room" || m.After != 300_000 {
		t.Errorf("guest got %+v", m)
	}
	host.wantKnock(guest)
	return host, guest
}

func (c *client) wantKnock(of *client) *wire.Peer {
	c.t.Helper()
	m := c.want(wire.TypeKnock)
	if m.Room != "room" || m.Peer.ID != of.peer {
		c.t.Fatalf("%s got knock %+v, want %s", c.peer, m.Peer, of.peer)
	}
	return m.Peer
}

func (c *client) wantKnockEnded(of *client, reason wire.Reason) {
	c.t.Helper()
	if m := c.want(wire.TypeKnockEnded); m.From != of.peer || m.Reason != reason {
		c.t.Fatalf("%s got knock-ended{%s, %s}, want %s, %s", c.peer, m.From, m.Reason, of.peer, reason)
	}
}

// TestKnocksAreBounded has somebody who waits make the host hear of it again and again.
func TestKnocksAreBounded(t *testing.T) {
	eachTopology(t, Config{Rate: 1e6, Burst: 1e6, Bytes: 1 << 30, JoinBurst: 10}, func(t *testing.T, h *harness) {
		host, guest := h.lobby(t)
		time.Sleep(time.Minute) // his join counts no more
		host.frames()
		guest.frames()
		updates := func(c *client) (done int) {
			for range 1000 {
				c.send(&wire.Message{Type: wire.TypeUpdate, Room: "room", Data: json.RawMessage(`1`)})
				switch m := c.frames()[0]; {
				case m.Type == wire.TypeOK:
					done++
				default:
					wantRefused(t, m, wire.CodeRateLimited)
				}
				time.Sleep(10 * time.Millisecond)
			}
			return done
		}
		done, knocks := updates(guest), 0
		for _, m := range host.frames() {
			if m.Type == wire.TypeKnock {
				knocks++
			}
		}
		if done < 10 || done > 10+10*4 || knocks != done {
			t.Errorf("of 1000 updates in 10 s %d were done, and %d knocks heard; want about 50", done, knocks)
		}
		h.wantLimit(LimitJoins, uint64(1000-done))
		if done := updates(host); done != 1000 { // who is inside has the rate of frames
			t.Errorf("%d updates of the host were done", done)
		}
	})
}

func TestKnockAndAdmit(t *testing.T) {
	eachTopology(t, Config{MaxPeers: 2}, func(t *testing.T, h *harness) {
		host, guest := h.lobby(t)
		for _, m := range []*wire.Message{
			{Type: wire.TypeMessage, Data: json.RawMessage(`1`)},
			{Type: wire.TypeMessage, To: host.peer, Data: json.RawMessage(`1`)},
			{Type: wire.TypeAdmit, To: guest.peer},
			{Type: wire.TypeLink},
		} {
			guest.wantRefused(m, wire.CodeNotInRoom)
		}
		host.tell(nil, "room", `"secret"`)
		host.wantRefused(&wire.Message{Type: wire.TypeMessage, To: guest.peer, Data: json.RawMessage(`1`)}, wire.CodeNoSuchPeer)
		host.wantRefused(&wire.Message{Type: wire.TypeKick, To: guest.peer}, wire.CodeNoSuchPeer)
		guest.send(&wire.Message{Type: wire.TypeUpdate, Room: "room", Data: json.RawMessage(`{"name":"Gustav"}`)})
		guest.want(wire.TypeOK)
		if p := host.wantKnock(guest); string(p.Data) != `{"name":"Gustav"}` {
			t.Errorf("host got %+v", p)
		}
		guest.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		guest.want(wire.TypeWaiting)
		guest.wantNothing()
		host.send(&wire.Message{Type: wire.TypeAdmit, Room: "room", To: guest.peer})
		if m := host.want(wire.TypePeerJoined); m.Peer.ID != guest.peer || m.Peer.Role != "" || string(m.Peer.Data) != `{"name":"Gustav"}` {
			t.Errorf("host got %+v", m.Peer)
		}
		host.want(wire.TypeOK)
		if m := guest.want(wire.TypeJoined); m.Re != 0 || len(m.Peers) != 1 || m.Peers[0].ID != host.peer || !m.Rules.Lobby {
			t.Errorf("guest got %+v", m)
		}
		guest.tell(host, "room", `"hi"`)
		host.wantMessage(guest, `"hi"`)
		host.wantRefused(&wire.Message{Type: wire.TypeAdmit, To: guest.peer}, wire.CodeNoSuchPeer)
		h.hello(t).wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeRoomFull)
		time.Sleep(10 * time.Minute) // the deadline of the lobby is over
		guest.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
		host.wantLeft(guest, wire.ReasonLeft)
	})
}

func TestKnockEnds(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		host, guest := h.lobby(t)
		wantDenied := func(reason wire.Reason) {
			t.Helper()
			if m := guest.want(wire.TypeDenied); m.Reason != reason || m.Room != "room" {
				t.Fatalf("guest got %+v, want %s", m, reason)
			}
		}
		again := func() {
			t.Helper()
			guest.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
			guest.want(wire.TypeWaiting)
			host.wantKnock(guest)
		}
		host.send(&wire.Message{Type: wire.TypeDeny, Room: "room", To: guest.peer, Text: "not today"})
		host.wantKnockEnded(guest, wire.ReasonDenied)
		host.want(wire.TypeOK)
		wantDenied(wire.ReasonDenied)
		again()
		time.Sleep(5*time.Minute - 1)
		for _, m := range append(guest.frames(), host.frames()...) {
			if m.Type != wire.TypeAck {
				t.Errorf("got %+v", m)
			}
		}
		time.Sleep(time.Nanosecond)
		wantDenied(wire.ReasonTimeout)
		host.wantKnockEnded(guest, wire.ReasonTimeout)
		again()
		guest.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
		guest.want(wire.TypeOK)
		host.wantKnockEnded(guest, wire.ReasonLeft)
		again()
		host.send(&wire.Message{Type: wire.TypeBan, Room: "room", To: guest.peer})
		host.wantKnockEnded(guest, wire.ReasonBanned)
		host.want(wire.TypeOK)
		wantDenied(wire.ReasonBanned)
		guest.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeBanned)
		guest = h.hello(t)
		again()
		host.send(&wire.Message{Type: wire.TypeBye}) // nobody is there any more
		wantDenied(wire.ReasonEnded)
		guest.join("room")
	})
}

func TestLobbyOfManyIsBounded(t *testing.T) {
	eachTopology(t, Config{MaxKnockers: 2}, func(t *testing.T, h *harness) {
		host, _ := h.lobby(t)
		second, third := h.hello(t), h.hello(t)
		second.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		second.want(wire.TypeWaiting)
		host.wantKnock(second)
		third.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeLobbyFull)
	})
}

func TestWhoWaitsComesInWhenTheLobbyCloses(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		host, guest := h.lobby(t)
		second := h.hello(t)
		second.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		second.want(wire.TypeWaiting)
		host.wantKnock(second)
		host.rulesThen(wire.RulesUpdate{Lobby: no()}, wire.TypeRules, wire.TypePeerJoined, wire.TypePeerJoined, wire.TypeOK)
		guest.want(wire.TypeJoined)
		if m := guest.want(wire.TypePeerJoined); m.Peer.ID != second.peer {
			t.Errorf("guest got %+v", m.Peer)
		}
		if m := second.want(wire.TypeJoined); len(m.Peers) != 2 {
			t.Errorf("the second got %+v", m.Peers)
		}
	})
}

// rulesThen sets rules, and wants frames of these types.
func (c *client) rulesThen(u wire.RulesUpdate, types ...wire.Type) {
	c.t.Helper()
	c.send(&wire.Message{Type: wire.TypeSetRules, Room: "room", Mod: &wire.Moderation{Set: &u}})
	for _, typ := range types {
		c.want(typ)
	}
}

func TestNewHostLearnsWhoWaits(t *testing.T) {
	eachTopology(t, byToken(), func(t *testing.T, h *harness) {
		host, guest, boss := h.bearing(t, "host"), h.bearing(t, "guest"), h.bearing(t, "boss/host")
		host.join("room")
		second := h.bearing(t, "second")
		second.join("room")
		host.frames()
		host.rules(wire.RulesUpdate{Lobby: yes()})
		second.want(wire.TypeRules)
		guest.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		guest.want(wire.TypeWaiting)
		second.wantNothing() // hosts alone are told
		boss.join("room")    // a host does not wait in a lobby
		boss.wantKnock(guest)
		second.want(wire.TypePeerJoined)
		boss.send(&wire.Message{Type: wire.TypeSetRole, Room: "room", To: second.peer, Role: wire.RoleHost})
		second.want(wire.TypeRole)
		second.wantKnock(guest)
	})
}

// TestHostWhoComesBackDoesNotWait has the host of a lobby come back without its
// history, here and elsewhere: it is the host still, and told again of who waits.
func TestHostWhoComesBackDoesNotWait(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		host, guest := h.lobby(t)
		for range 2 {
			host.ack()
			host.elsewhere()
			host.resume(0)
			host.welcomed(false)
			host.id = 0
			host.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
			if m := host.want(wire.TypeJoined); m.Role != wire.RoleHost || m.Rules == nil || !m.Rules.Lobby {
				t.Errorf("the host got %+v", m)
			}
			host.wantKnock(guest)
		}
		host.send(&wire.Message{Type: wire.TypeAdmit, Room: "room", To: guest.peer})
		host.want(wire.TypePeerJoined)
		guest.want(wire.TypeJoined)
	})
}

// TestKnockerComesBack has one who waits lose its link, with and without its
// history, here and elsewhere.
func TestKnockerComesBack(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		host, guest := h.lobby(t)
		guest.cut()
		time.Sleep(2 * time.Second)
		if p := host.wantKnock(guest); !p.Away {
			t.Errorf("host got %+v", p)
		}
		guest.elsewhere()
		guest.resume(guest.conn.had)
		guest.welcomed(true)
		if p := host.wantKnock(guest); p.Away {
			t.Errorf("host got %+v", p)
		}
		guest.elsewhere()
		guest.resume(0) // its history is lost: it knocks again, as it would join
		guest.welcomed(false)
		guest.id = 0
		time.Sleep(time.Second)
		host.frames()
		guest.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		guest.want(wire.TypeWaiting)
		host.wantKnock(guest)
		host.wantNothing()
		guest.cut()
		host.send(&wire.Message{Type: wire.TypeAdmit, Room: "room", To: guest.peer})
		host.frames()
		guest.resume(guest.conn.had)
		guest.welcomed(true)
		if m := guest.want(wire.TypeJoined); len(m.Peers) != 1 {
			t.Errorf("guest got %+v", m)
		}
		guest.tell(host, "room", `1`)
		host.wantMessage(guest, `1`)
	})
}

func TestKnockerIsForgottenWithItsSession(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		host, guest := h.lobby(t)
		guest.cut()
		time.Sleep(time.Minute)
		host.wantKnock(guest)
		host.wantKnockEnded(guest, wire.ReasonTimeout)
		host.send(&wire.Message{Type: wire.TypeBye})
		synctest.Wait()
		if h.cluster.keeps("room") {
			t.Error("the room is still there")
		}
	})
}
