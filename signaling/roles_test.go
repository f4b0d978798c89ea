package signaling

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestFirstInIsHostAndTheLongestHereFollows(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob, carol := h.hello(t), h.hello(t), h.hello(t)
		alice.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		if m := alice.want(wire.TypeJoined); m.Role != wire.RoleHost || m.Rules != nil {
			t.Errorf("alice is %+v", m)
		}
		if p := bob.join("room"); p[0].Role != wire.RoleHost {
			t.Errorf("bob sees %+v", p)
		}
		if p := carol.join("room"); p[0].Role != wire.RoleHost || p[1].Role != "" {
			t.Errorf("carol sees %+v", p)
		}
		alice.frames()
		bob.frames()
		bob.cut() // who is away is the second choice
		time.Sleep(2 * time.Second)
		alice.want(wire.TypePeerAway)
		carol.want(wire.TypePeerAway)
		alice.send(&wire.Message{Type: wire.TypeBye})
		carol.wantLeft(alice, wire.ReasonLeft)
		if m := carol.want(wire.TypeRole); m.Role != wire.RoleHost || m.From != "" {
			t.Errorf("carol got %+v", m)
		}
		carol.send(&wire.Message{Type: wire.TypeBye})
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		bob.wantLeft(alice, wire.ReasonLeft)
		if m := bob.want(wire.TypePeerUpdated); m.Peer.ID != carol.peer || m.Peer.Role != wire.RoleHost {
			t.Errorf("bob got %+v", m.Peer)
		}
		bob.wantLeft(carol, wire.ReasonLeft)
		bob.want(wire.TypeRole)
		bob.wantNothing()
	})
}

func TestRolesFromTheToken(t *testing.T) {
	eachTopology(t, byToken(), func(t *testing.T, h *harness) {
		pupil, teacher, guest := h.bearing(t, "pupil/participant"), h.bearing(t, "teacher/host"), h.bearing(t, "guest/viewer")
		pupil.join("room")
		pupil.wantRefused(&wire.Message{Type: wire.TypeSetRules, Mod: &wire.Moderation{Set: &wire.RulesUpdate{Locked: yes()}}}, wire.CodeForbidden)
		teacher.join("room")
		pupil.frames()
		if p := guest.join("room"); p[0].Role != "" || p[1].Role != wire.RoleHost {
			t.Errorf("guest sees %+v", p)
		}
		pupil.frames()
		if m := teacher.want(wire.TypePeerJoined); m.Peer.Role != wire.RoleViewer {
			t.Errorf("teacher sees %+v", m.Peer)
		}
		teacher.send(&wire.Message{Type: wire.TypeBye})
		pupil.wantLeft(teacher, wire.ReasonLeft)
		pupil.wantNothing() // a token says that it is no host
	})
}

func TestHostHandsOver(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		setRole := func(to *client, role wire.Role) *wire.Message {
			return &wire.Message{Type: wire.TypeSetRole, To: to.peer, Role: role}
		}
		bob.wantRefused(setRole(bob, wire.RoleHost), wire.CodeForbidden)
		alice.wantRefused(setRole(alice, wire.RoleParticipant), wire.CodeForbidden) // one has to be there
		alice.send(setRole(bob, wire.RoleHost))
		alice.wantError(wire.CodeBadMessage, alice.id) // no room
		alice.send(&wire.Message{Type: wire.TypeSetRole, Room: "room", To: bob.peer, Role: wire.RoleHost})
		if m := alice.want(wire.TypePeerUpdated); m.Peer.ID != bob.peer || m.Peer.Role != wire.RoleHost {
			t.Errorf("alice got %+v", m.Peer)
		}
		alice.want(wire.TypeOK)
		if m := bob.want(wire.TypeRole); m.Role != wire.RoleHost || m.From != alice.peer {
			t.Errorf("bob got %+v", m)
		}
		alice.send(&wire.Message{Type: wire.TypeSetRole, Room: "room", To: alice.peer, Role: wire.RoleParticipant})
		if m := alice.want(wire.TypeRole); m.Role != wire.RoleParticipant {
			t.Errorf("alice got %+v", m)
		}
		alice.want(wire.TypeOK)
		bob.want(wire.TypePeerUpdated)
		alice.wantRefused(&wire.Message{Type: wire.TypeKick, To: bob.peer}, wire.CodeForbidden)
	})
}

func TestTokenHostIsOutOfReachOfOthers(t *testing.T) {
	eachTopology(t, byToken(), func(t *testing.T, h *harness) {
		owner, helper := h.bearing(t, "owner/host"), h.bearing(t, "helper")
		owner.join("room")
		helper.join("room")
		owner.frames()
		owner.send(&wire.Message{Type: wire.TypeSetRole, Room: "room", To: helper.peer, Role: wire.RoleHost})
		owner.frames()
		helper.want(wire.TypeRole)
		helper.wantRefused(&wire.Message{Type: wire.TypeKick, To: owner.peer}, wire.CodeForbidden)
		helper.wantRefused(&wire.Message{Type: wire.TypeBan, To: owner.peer}, wire.CodeForbidden)
		helper.wantRefused(&wire.Message{Type: wire.TypeBan, User: "owner"}, wire.CodeForbidden)
		helper.wantRefused(&wire.Message{Type: wire.TypeSetRole, To: owner.peer, Role: wire.RoleViewer}, wire.CodeForbidden)
		owner.ask(&wire.Message{Type: wire.TypeBan, User: "nobody"})
		owner.wantRefused(&wire.Message{Type: wire.TypeBan, User: "owner"}, wire.CodeForbidden)
	})
}

func TestViewersAreNoPair(t *testing.T) {
	eachTopology(t, byToken(), func(t *testing.T, h *harness) {
		a, b, c := h.bearing(t, "a/viewer"), h.bearing(t, "b/viewer"), h.bearing(t, "c/participant")
		for _, m := range []*client{a, b, c} {
			m.join("room")
		}
		for _, m := range []*client{a, b, c} {
			m.frames()
		}
		offer := func(to *client) *wire.Message {
			return &wire.Message{Type: wire.TypeOffer, Room: "room", To: to.peer, PC: 1, Gen: 1, Data: json.RawMessage(`{}`)}
		}
		a.wantRefused(offer(b), wire.CodeForbidden)
		b.wantRefused(&wire.Message{Type: wire.TypeNegotiate, To: a.peer, PC: 1, Data: json.RawMessage(`{}`)}, wire.CodeForbidden)
		a.send(offer(c))
		c.want(wire.TypeOffer)
		a.tell(b, "room", `"hi"`)
		b.wantMessage(a, `"hi"`)
	})
}

func TestMuteRequestIsAHosts(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.wantRefused(&wire.Message{Type: wire.TypeMuteRequest, To: alice.peer}, wire.CodeForbidden)
		alice.send(&wire.Message{Type: wire.TypeMuteRequest, Room: "room", To: bob.peer, Data: json.RawMessage(`{"microphone":true}`)})
		if m := bob.want(wire.TypeMuteRequest); m.From != alice.peer || string(m.Data) != `{"microphone":true}` {
			t.Errorf("bob got %+v", m)
		}
		alice.wantNothing()
	})
}
