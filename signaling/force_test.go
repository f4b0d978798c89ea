package signaling

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// wantJoined wants to be shown a room without having asked.
func (c *client) wantJoined() {
	c.t.Helper()
	if m := c.want(wire.TypeJoined); m.Re != 0 || m.Room != "room" {
		c.t.Fatalf("%s got %+v", c.peer, m)
	}
}

func TestServersJoinPassesDoorsButNoBanAndNoCapacity(t *testing.T) {
	eachTopology(t, Config{MaxPeers: 4}, func(t *testing.T, h *harness) {
		refused := &diary{}
		h.code(func(app *App) {
			app.OnJoin(func(_ *Peer, room string, _ json.RawMessage) error {
				if room == "staff" {
					return Refuse("app.staff", "staff only")
				}
				return nil
			})
			app.OnError(func(p *Peer, what string, err error) {
				var refusal *Error
				refused.note("%s %v %v", what, errors.As(err, &refusal), refusal.Code)
			})
		})
		host, guest := h.lobby(t)
		word := "secret"
		host.rules(wire.RulesUpdate{Locked: yes(), Password: &word})
		h.app().Peer(guest.peer).Join("room") // out of the lobby
		guest.wantJoined()
		host.want(wire.TypePeerJoined)
		ben := h.hello(t)
		h.app().Peer(ben.peer).Join("room") // past the lock, the lobby and the password
		ben.wantJoined()
		host.frames()
		host.send(&wire.Message{Type: wire.TypeBan, Room: "room", To: ben.peer})
		h.app().Peer(ben.peer).Join("room")
		refused.want(t, "Peer.Join true banned")
		host.frames()
		capacity := 3
		host.rules(wire.RulesUpdate{Capacity: &capacity})
		cem, dan, eva := h.hello(t), h.hello(t), h.hello(t)
		for _, p := range []*client{cem, dan} {
			h.app().Peer(p.peer).Join("room")
			synctest.Wait()
		}
		cem.wantJoined()
		refused.want(t, "Peer.Join true room_full")
		host.frames()
		capacity = 16
		host.rules(wire.RulesUpdate{Capacity: &capacity})
		for _, p := range []*client{dan, eva} {
			h.app().Peer(p.peer).Join("room")
			synctest.Wait()
		}
		dan.wantJoined()
		refused.want(t, "Peer.Join true room_full") // of MaxPeers
		eva.wantNothing()
		h.app().Peer(eva.peer).Join("staff")
		if m := eva.want(wire.TypeJoined); m.Room != "staff" {
			t.Errorf("%+v", m)
		}
	})
}

func TestARefusedJoinDoesNotKeepASessionFromMoving(t *testing.T) {
	inBubble(t, 3, Config{MaxPeers: 2}, func(t *testing.T, h *harness) {
		h.pair(t)
		carol := h.hello(t)
		h.app().Peer(carol.peer).Join("room")
		carol.cut()
		carol.elsewhere()
		carol.resume(carol.conn.had)
		carol.welcomed(true)
	})
}

func TestLeftIsHeardHoweverItCame(t *testing.T) {
	for _, how := range []wire.Type{wire.TypeKick, wire.TypeBan, wire.TypeEnd} {
		t.Run(string(how), func(t *testing.T) {
			eachTopology(t, Config{}, func(t *testing.T, h *harness) {
				host, guest := h.hello(t), h.hello(t)
				host.join("room")
				guest.join("room")
				d := h.keepDiary()
				reason := map[wire.Type]string{wire.TypeKick: "kicked", wire.TypeBan: "banned", wire.TypeEnd: "ended"}[how]
				want := []string{"left room " + reason}
				m := &wire.Message{Type: how, Room: "room", To: guest.peer}
				if how == wire.TypeEnd {
					m.To = ""
					want = []string{"deleted room", "left room ended", "left room ended"}
				}
				host.send(m)
				synctest.Wait()
				slices.Sort(d.lines)
				d.want(t, want...)
			})
		})
	}
}

func TestWhoReplacesAPeerSettlesNothingThatItWaitsFor(t *testing.T) {
	release, slow := make(chan struct{}), false
	cfg := withUsers(Config{Duplicates: Duplicates{Max: 1, Replace: true}})
	cfg.ICEServers = func(string, Identity) wire.ICE {
		if slow {
			<-release
		}
		return wire.ICE{}
	}
	inBubble(t, 2, cfg, func(t *testing.T, h *harness) {
		release = make(chan struct{})
		first, second := h.as(t, "ann"), h.as(t, "ann")
		first.join("room")
		slow = true
		for _, s := range h.servers { // numbers are each server's own, and may be the same on two
			s.requests.Store(1000)
		}
		first.send(&wire.Message{Type: wire.TypeICE})
		second.join("room")
		first.wantOut(wire.ReasonReplaced)
		first.wantNothing()
		slow = false
		close(release)
		if m := first.want(wire.TypeICEServers); m.Re != first.id {
			t.Errorf("%+v", m)
		}
	})
}
