package signaling

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// TestTokenSaysWhichRooms has grants bind a session, also on a node that has
// only the resume token to go by.
func TestTokenSaysWhichRooms(t *testing.T) {
	cfg := Config{Authenticate: func(context.Context, Hello) (Identity, error) {
		return Identity{User: "ann", Grants: &Grants{Rooms: []string{"standup", "team-*"}}}, nil
	}}
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		ann := h.hello(t)
		for range 2 {
			ann.join("standup")
			ann.join("team-7")
			ann.send(&wire.Message{Type: wire.TypeJoin, Room: "board"})
			ann.wantError(wire.CodeForbidden, 3)
			ann.send(&wire.Message{Type: wire.TypeLeave, Room: "team-7"})
			ann.want(wire.TypeOK)
			ann.send(&wire.Message{Type: wire.TypeLeave, Room: "standup"})
			ann.want(wire.TypeOK)
			if len(h.servers) == 1 {
				return
			}
			h.cluster.Kill(ann.srv.node.Name())
			ann.elsewhere()
			ann.resume(ann.conn.had)
			time.Sleep(10 * time.Second)
			ann.welcomed(false)
			ann.id, ann.conn.had = 0, 0
		}
	})
}

// TestIdentityIsChecked has what Authenticate makes judged where it can be
// told from its text, not where it fails.
func TestFromRequestTakesOnlyAUser(t *testing.T) {
	for _, context := range []any{nil, "ann", &Identity{User: "ann"}, Identity{}, Identity{Name: "Ann"}} {
		id, err := FromRequest(t.Context(), Hello{Token: "ann", Context: context})
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Code != wire.CodeUnauthenticated || id.User != "" {
			t.Errorf("%#v: %v, %v; want unauthenticated", context, id, err)
		}
	}
	want := Identity{User: "ann", Name: "Ann", Grants: &Grants{Rooms: []string{"tea"}}}
	if id, err := FromRequest(t.Context(), Hello{Context: want}); err != nil || id != want {
		t.Errorf("%v, %v; want %v", id, err, want)
	}
}

func TestIdentityIsChecked(t *testing.T) {
	for what, id := range map[string]Identity{
		"user":    {User: strings.Repeat("x", 257)},
		"grants":  {Name: strings.Repeat("x", 1024)},
		"pattern": {Grants: &Grants{Users: []string{"[a-"}}},
		"role":    {Grants: &Grants{Role: "king"}},
		"policy":  {Grants: &Grants{Candidates: "some"}},
	} {
		if err := id.Check(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if none := (&Identity{Grants: &Grants{Rooms: []string{}}}); none.mayJoin("room") {
		t.Error("an empty list of rooms allows one")
	}
	if err := fullIdentity().Check(); err != nil {
		t.Error(err)
	}
}

// TestNoRoomIsNotAllRooms has an empty list travel as what it is.
func TestNoRoomIsNotAllRooms(t *testing.T) {
	id := Identity{Grants: &Grants{Rooms: []string{}}}
	var got Identity
	if err := got.decode(id.encode()); err != nil || got.mayJoin("standup") || id.mayJoin("standup") {
		t.Errorf("%+v, %v", got.Grants, err)
	}
}

// TestTellReachesAllMembersInOrder puts a frame from the server's side between
// the changes of a room.
func TestTellReachesAllMembersInOrder(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.join("room")
		alice.want(wire.TypePeerJoined)
		bob.want(wire.TypePeerJoined)
		body := &Body{Message: &wire.Message{Type: wire.TypeMessage, Room: "room", Data: []byte(`"tea"`)}}
		node := h.servers[len(h.servers)-1].node
		node.Change(Change{Kind: ChangeTell, App: "default", Room: "room", Body: body, Except: []string{bob.peer}})
		node.Change(Change{Kind: ChangeTell, App: "default", Room: "elsewhere", Body: body})
		alice.want(wire.TypeMessage)
		carol.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
		carol.want(wire.TypeMessage)
		carol.want(wire.TypeOK)
		alice.want(wire.TypePeerLeft)
		bob.want(wire.TypePeerLeft)
		time.Sleep(time.Second)
		for _, c := range []*client{alice, bob, carol} {
			c.wantNothing()
		}
	})
}
