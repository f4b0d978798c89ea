package signaling

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// ask sends a request, and wants ok.
func (c *client) ask(m *wire.Message) *wire.Message {
	c.t.Helper()
	m.Room = "room"
	c.send(m)
	ok := c.want(wire.TypeOK)
	if ok.Re != c.id {
		c.t.Fatalf("ok re %d, want %d", ok.Re, c.id)
	}
	return ok
}

// wantRefused sends a request, which must be refused.
func (c *client) wantRefused(m *wire.Message, code wire.Code) {
	c.t.Helper()
	m.Room = "room"
	c.send(m)
	c.wantError(code, c.id)
}

// rules sets rules, which the asker is told before its ok.
func (c *client) rules(u wire.RulesUpdate) {
	c.t.Helper()
	c.send(&wire.Message{Type: wire.TypeSetRules, Room: "room", Mod: &wire.Moderation{Set: &u}})
	c.want(wire.TypeRules)
	c.want(wire.TypeOK)
}

func (c *client) wantLeft(who *client, reason wire.Reason) {
	c.t.Helper()
	if m := c.want(wire.TypePeerLeft); m.From != who.peer || m.Reason != reason {
		c.t.Fatalf("%s was told that %s left: %s; want %s, %s", c.peer, m.From, m.Reason, who.peer, reason)
	}
}

// keeps reports whether there is anything of a room of the usual app.
func (c *MemoryCluster) keeps(room string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.rooms[roomKey{"default", room}]
	return ok
}

// wantOut wants to be told that it is out.
func (c *client) wantOut(reason wire.Reason) *wire.Message {
	c.t.Helper()
	m := c.want(wire.TypePeerLeft)
	if m.From != c.peer || m.Reason != reason || m.Room != "room" {
		c.t.Fatalf("%s got %+v, want to be out: %s", c.peer, m, reason)
	}
	return m
}

func yes() *bool { return new(true) }
func no() *bool  { return new(bool) }

// byToken lets a token say who somebody is: user, or user/role.
func byToken() Config {
	return Config{Authenticate: func(_ context.Context, h Hello) (Identity, error) {
		user, role, ok := strings.Cut(h.Token, "/")
		id := Identity{User: user}
		if ok {
			id.Grants = &Grants{Role: wire.Role(role)}
		}
		return id, nil
	}}
}

// bearing makes a client with a token.
func (h *harness) bearing(t *testing.T, token string) *client {
	t.Helper()
	c := h.client(t)
	c.connect()
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token}})
	c.welcomed(false)
	return c
}

func TestKickTakesOutAndKeepsOutForAMinute(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.wantRefused(&wire.Message{Type: wire.TypeKick, To: alice.peer}, wire.CodeForbidden)
		alice.wantRefused(&wire.Message{Type: wire.TypeKick, To: alice.peer}, wire.CodeNoSuchPeer)
		alice.wantRefused(&wire.Message{Type: wire.TypeKick, To: h.hello(t).peer}, wire.CodeNoSuchPeer)
		alice.send(&wire.Message{Type: wire.TypeKick, Room: "room", To: bob.peer, Text: "no shouting"})
		alice.wantLeft(bob, wire.ReasonKicked)
		alice.want(wire.TypeOK)
		if m := bob.wantOut(wire.ReasonKicked); m.Text != "no shouting" {
			t.Errorf("bob got %+v", m)
		}
		bob.tell(alice, "room", `1`)
		bob.wantError(wire.CodeNotInRoom, bob.id)
		alice.wantNothing()
		bob.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeBanned)
		time.Sleep(keepOut)
		bob.frames()
		bob.join("room")
	})
}

func TestBanOfAPeerIsOneOfItsUser(t *testing.T) {
	eachTopology(t, byToken(), func(t *testing.T, h *harness) {
		alice, bob, phone := h.bearing(t, "alice"), h.bearing(t, "bob"), h.bearing(t, "bob")
		alice.join("room")
		bob.join("room")
		phone.join("room")
		alice.frames()
		bob.frames()
		alice.send(&wire.Message{Type: wire.TypeBan, Room: "room", To: bob.peer, Mod: &wire.Moderation{For: 60_000}})
		alice.wantLeft(bob, wire.ReasonBanned)
		alice.wantLeft(phone, wire.ReasonBanned)
		alice.want(wire.TypeOK)
		bob.wantOut(wire.ReasonBanned)
		phone.frames()
		phone.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeBanned)
		h.bearing(t, "bob").wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeBanned)
		alice.send(&wire.Message{Type: wire.TypeLeave, Room: "room"}) // bans outlive the last member
		alice.want(wire.TypeOK)
		h.bearing(t, "bob").wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeBanned)
		alice.join("room")
		alice.ask(&wire.Message{Type: wire.TypeUnban, User: "bob"})
		h.bearing(t, "bob").join("room")
		bob.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeBanned) // the peer is, still
		time.Sleep(time.Minute)
		bob.frames()
		bob.join("room")
	})
}

func TestBansOfAnEmptyRoomAreForgottenInTime(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		alice.ask(&wire.Message{Type: wire.TypeBan, User: "x", Mod: &wire.Moderation{For: 1000}})
		alice.send(&wire.Message{Type: wire.TypeBan, Room: "room", To: bob.peer})
		alice.frames()
		alice.send(&wire.Message{Type: wire.TypeBye})
		synctest.Wait()
		if r := h.cluster.rooms[roomKey{"default", "room"}]; len(r.Members) != 0 || len(r.Rules.Bans) != 2 {
			t.Errorf("kept are %+v", r)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if h.cluster.keeps("room") || len(h.cluster.kept.rooms) != 0 || h.cluster.kept.bytes != 0 {
			t.Error("the room is kept")
		}
	})
}

func TestEndForAll(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.wantRefused(&wire.Message{Type: wire.TypeEnd}, wire.CodeForbidden)
		alice.rules(wire.RulesUpdate{Lobby: yes()})
		bob.want(wire.TypeRules)
		carol := h.hello(t)
		carol.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		carol.want(wire.TypeWaiting)
		alice.want(wire.TypeKnock)
		alice.send(&wire.Message{Type: wire.TypeEnd, Room: "room", Text: "that is all"})
		alice.wantOut(wire.ReasonEnded)
		alice.want(wire.TypeOK)
		alice.wantNothing()
		bob.wantOut(wire.ReasonEnded)
		bob.wantNothing()
		if m := carol.want(wire.TypeDenied); m.Reason != wire.ReasonEnded || m.Text != "that is all" {
			t.Errorf("carol got %+v", m)
		}
		synctest.Wait()
		if h.cluster.keeps("room") {
			t.Error("the room is still there")
		}
	})
}

// TestHooksHearOfWhoIsTakenOut kicks, bans and ends.
func TestHooksHearOfWhoIsTakenOut(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.join("room")
		d := h.keepDiary()
		alice.send(&wire.Message{Type: wire.TypeKick, Room: "room", To: bob.peer})
		d.want(t, "left room kicked")
		alice.send(&wire.Message{Type: wire.TypeBan, Room: "room", To: carol.peer})
		d.want(t, "left room banned")
		alice.send(&wire.Message{Type: wire.TypeEnd, Room: "room"})
		d.want(t, "left room ended", "deleted room")
	})
}
