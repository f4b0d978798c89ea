package signaling

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// app is the default app of the first server.
func (h *harness) app() *App { return h.servers[0].App("default") }

func TestBroadcastReachesWhoItDescribes(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		app := h.app()
		in := map[string][]string{"ana": {"a"}, "ben": {"a", "b"}, "cem": {"b"}, "dan": nil, "eva": {"b", "a"}}
		clients := map[string]*client{}
		for name, rooms := range in {
			c := h.hello(t)
			for _, room := range rooms {
				c.join(room)
			}
			clients[name] = c
		}
		synctest.Wait()
		for _, c := range clients {
			c.conn.got = nil // peer-joined
		}
		id := func(name string) string { return clients[name].peer }
		for _, c := range []struct {
			name string
			to   Broadcast
			want string
		}{
			{"all", app.All(), "ana ben cem dan eva"},
			{"a room", app.To("a"), "ana ben eva"},
			{"rooms", app.To("a", "b"), "ana ben cem eva"},
			{"rooms, added", app.To("a").To("b"), "ana ben cem eva"},
			{"no room", app.To(), ""},
			{"unknown room", app.To("x"), ""},
			{"except", app.To("a").Except(id("ana"), id("dan")), "ben eva"},
			{"all except", app.All().Except(id("dan")), "ana ben cem eva"},
			{"except a room", app.To("a").ExceptIn("b"), "ana"},
			{"all except rooms", app.All().ExceptIn("a", "b"), "dan"},
			{"volatile", app.To("b").Volatile(), "ben cem eva"},
			{"all but one, in turns", app.All().Except(id("ana")).Except(id("ben")).ExceptIn("b").ExceptIn("x"), "dan"},
		} {
			if err := c.to.Emit("news", c.name); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, name := range []string{"ana", "ben", "cem", "dan", "eva"} {
				for {
					o, ok := clients[name].conn.next()
					if !ok {
						break
					}
					if m := o.Body.Message; m.Name != "news" || string(m.Data) != fmt.Sprintf("%q", c.name) {
						t.Errorf("%s got %+v", name, m)
					}
					got = append(got, name)
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%s: reached %q, want %q", c.name, s, c.want)
			}
		}
	})
}

func TestBroadcastOfABroadcastLeavesItAsItIs(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		base := h.app().To("a").To("b").Except("x").ExceptIn("y")
		one, two := base.To("c").Except("1").ExceptIn("q"), base.To("d").Except("2").ExceptIn("r")
		if fmt.Sprint(base.rooms, one.rooms, two.rooms) != "[a b] [a b c] [a b d]" ||
			fmt.Sprint(one.except, two.except, one.exceptIn, two.exceptIn) != "[x 1] [x 2] [y q] [y r]" {
			t.Errorf("%+v\n%+v\n%+v", base, one, two)
		}
	})
}

func TestLocalBroadcastStaysOnItsNode(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		h.app().To("room").Local().Emit("news", 1)
		h.app().All().Local().Emit("news", 2)
		alice.wantEvent("news", `1`)
		alice.wantEvent("news", `2`)
		bob.wantNothing()
	})
}

func TestVolatileIsNotForThoseBehind(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.join("room")
		alice.want(wire.TypePeerJoined)
		bob.want(wire.TypePeerJoined)
		bob.cut()
		carol.conn.setLazy(true)
		everybody := h.app().To("room")
		everybody.Volatile().Emit("small", 1) // carol has it to read, and is not behind
		everybody.Emit("big", strings.Repeat("x", volatileLimit))
		everybody.Volatile().Emit("position", 1)
		h.app().All().Volatile().Emit("position", 2)
		for _, name := range []string{"small", "big", "position", "position"} {
			if m := alice.want(wire.TypeEvent); m.Name != name {
				t.Errorf("alice got %s, want %s", m.Name, name)
			}
		}
		carol.conn.read(100)
		for _, name := range []string{"small", "big"} {
			if m := carol.want(wire.TypeEvent); m.Name != name {
				t.Errorf("carol got %s, want %s", m.Name, name)
			}
		}
		carol.wantNothing()
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		if m := bob.want(wire.TypeEvent); m.Name != "big" {
			t.Errorf("bob got %s", m.Name)
		}
		bob.wantNothing()
	})
}

func TestVolatileToOnePeerIsNotForOneBehind(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		ready, slow, away := h.hello(t), h.hello(t), h.hello(t)
		away.cut()
		slow.conn.setLazy(true)
		for _, c := range []*client{ready, slow, away} {
			p := h.app().Peer(c.peer)
			p.Emit("big", strings.Repeat("x", volatileLimit))
			if err := p.EmitVolatile("position", 1); err != nil {
				t.Error(err)
			}
			p.Emit("last", 2)
		}
		synctest.Wait()
		slow.conn.read(100)
		away.resume(away.conn.had)
		away.welcomed(true)
		for c, want := range map[*client][]string{ready: {"big", "position", "last"}, slow: {"big", "last"}, away: {"big", "last"}} {
			for _, name := range want {
				if m := c.want(wire.TypeEvent); m.Name != name {
					t.Errorf("got %s, want %s", m.Name, name)
				}
			}
			c.wantNothing()
		}
	})
}

func TestBroadcastToARoomComesInTheOrderOfItsChanges(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.join("room")
		h.app().To("room").Emit("n", 1)
		bob := h.hello(t)
		bob.join("room")
		h.app().To("room").Emit("n", 2)
		alice.wantEvent("n", `1`)
		alice.want(wire.TypePeerJoined)
		if m := alice.wantEvent("n", `2`); m.Room != "room" {
			t.Errorf("room is %q", m.Room)
		}
		bob.wantEvent("n", `2`)
	})
}

func TestPeerIsReachedFromAnyNode(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.hello(t), h.hello(t)
		for i, s := range h.servers {
			for _, c := range []*client{alice, bob} {
				s.App("default").Peer(c.peer).Emit("hi", i)
				c.wantEvent("hi", fmt.Sprint(i))
			}
		}
		bob.cut()
		bob.elsewhere()
		h.app().Peer(bob.peer).Emit("hi", "while away")
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		h.app().Peer(bob.peer).Emit("hi", "again")
		bob.wantEvent("hi", `"while away"`)
		bob.wantEvent("hi", `"again"`)
		h.app().Peer("AAAAAAAAAAAAAAAAAAAA").Emit("hi", 1) // nobody
		h.servers[0].App("other").Peer(alice.peer).Emit("hi", 1)
		alice.wantNothing()
	})
}

func TestEmitRefusesWhatCannotBeSent(t *testing.T) {
	inBubble(t, 1, Config{MaxMessage: 100}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		p := h.app().Peer(alice.peer)
		for name, err := range map[string]error{
			"func":      p.Emit("e", func() {}),
			"no name":   p.Emit("", 1),
			"long name": h.app().All().Emit(strings.Repeat("n", 129), 1),
			"big":       h.app().All().Emit("e", strings.Repeat("x", 100)),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		alice.wantNothing()
	})
}

func TestDisconnectEndsASessionAnywhere(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		h.app().Peer(bob.peer).Disconnect(Refuse("shop.closed", "come back tomorrow"))
		m := bob.want(wire.TypeError)
		if m.Code != "shop.closed" || m.Text != "come back tomorrow" || m.Re != 0 {
			t.Errorf("bob is told %+v", m)
		}
		bob.wantClosed(wire.CodeForbidden)
		alice.want(wire.TypePeerLeft)
		bob.resume(0)
		bob.wantError(wire.CodeSessionGone, 0)
		h.app().Peer(alice.peer).Disconnect(wire.Refuse(wire.CodeUnauthenticated, "log in again"))
		alice.wantError(wire.CodeUnauthenticated, 0)
		alice.wantClosed(wire.CodeUnauthenticated)
	})
}

func TestWhatThereIsCanBeListed(t *testing.T) {
	inBubble(t, 3, Config{Apps: []string{"shop"}}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.join("b")
		var apps []string
		for _, a := range h.servers[0].Apps() {
			apps = append(apps, a.Name())
		}
		if fmt.Sprint(apps) != "[default shop]" {
			t.Errorf("apps %v", apps)
		}
		first, second := h.servers[0].App("default"), h.servers[1].App("default")
		if got := fmt.Sprint(first.Rooms(), second.Rooms()); got != "[room] [b room]" {
			t.Errorf("rooms %s", got)
		}
		for _, a := range []*App{first, second} {
			var ids []string
			for _, m := range a.Members("room") {
				ids = append(ids, m.ID)
			}
			if !slices.Equal(ids, []string{alice.peer, bob.peer}) {
				t.Errorf("members %v", ids)
			}
		}
		if got := first.Members("b"); got != nil {
			t.Errorf("members of a room that is not here: %v", got)
		}
		peers := first.Peers()
		if len(peers) != 1 || peers[0].ID() != alice.peer || !peers[0].Here() || peers[0] != first.Peer(alice.peer) {
			t.Errorf("peers %v", peers)
		}
		if p := second.Peer(bob.peer); fmt.Sprint(p.Rooms()) != "[room b]" || p.App() != second {
			t.Errorf("bob is in %v", p.Rooms())
		}
		if p := first.Peer(bob.peer); p.Here() || p.Rooms() != nil || p.User() != "" {
			t.Errorf("bob is not here: %+v", p)
		}
	})
}
