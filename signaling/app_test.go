package signaling

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// helloTo makes a client that was welcomed to an app.
func (h *harness) helloTo(t *testing.T, app string) *client {
	t.Helper()
	c := h.client(t)
	link, err := c.srv.Admit(LinkInfo{App: app})
	if err != nil {
		t.Fatalf("Admit: %v", err)
	}
	c.conn = &fakeConn{c: c, link: link}
	link.Start(c.conn)
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}})
	c.welcomed(false)
	return c
}

func names(apps []*App) (names []string) {
	for _, a := range apps {
		names = append(names, a.Name())
	}
	return names
}

func TestAppsAreMadeOnDemandAndForgotten(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		for _, s := range h.servers {
			c := s.AppPattern("team-*")
			c.Handle("where", func(c *Call) (any, error) { return c.Peer.App().Name(), nil })
			c.OnConnect(func(p *Peer) error {
				if p.App().Name() == "team-x" {
					return wire.Refuse(wire.CodeForbidden, "no such team")
				}
				return nil
			})
		}
		if _, err := h.servers[0].Admit(LinkInfo{App: "tea"}); err == nil {
			t.Error("tea was admitted")
		}
		if err := h.servers[0].Check(LinkInfo{App: "team-a"}); err != nil {
			t.Error(err)
		}
		if err := h.servers[0].Check(LinkInfo{App: "team-/"}); err == nil {
			t.Error("a name that none can have was admitted")
		}
		if got := fmt.Sprint(names(h.servers[0].Apps())); got != "[default]" {
			t.Errorf("Check made %s", got)
		}
		a1, a2, b := h.helloTo(t, "team-a"), h.helloTo(t, "team-a"), h.helloTo(t, "team-b")
		a1.wantAnswer(a1.emit("where", ``), `"team-a"`)
		b.wantAnswer(b.emit("where", ``), `"team-b"`)
		a1.join("room")
		b.join("room")
		a2.join("room")
		a1.want(wire.TypePeerJoined)
		b.wantNothing()
		h.servers[0].apps["team-a"].To("room").Emit("news", 1)
		a1.wantEvent("news", `1`)
		a2.wantEvent("news", `1`)
		b.wantNothing()
		a1.cut()
		time.Sleep(30 * time.Second)
		a1.send(&wire.Message{Type: wire.TypeBye}) // on a link that is over
		a2.send(&wire.Message{Type: wire.TypeBye})
		b.send(&wire.Message{Type: wire.TypeBye})
		synctest.Wait()
		if got := fmt.Sprint(names(h.servers[0].Apps())); got != "[default team-a]" {
			t.Errorf("one session waits to be resumed in %s", got)
		}
		time.Sleep(30 * time.Second)
		for _, s := range h.servers {
			synctest.Wait()
			if got := fmt.Sprint(names(s.Apps()), s.onDemand); got != "[default] 0" {
				t.Errorf("left: %s", got)
			}
		}
	})
}

func TestAppsOnDemandAreBounded(t *testing.T) {
	inBubble(t, 1, Config{MaxApps: 2}, func(t *testing.T, h *harness) {
		srv := h.servers[0]
		srv.AppPattern("*")
		a := h.helloTo(t, "a")
		h.helloTo(t, "b")
		h.helloTo(t, "b")
		_, err := srv.Admit(LinkInfo{App: "c"})
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Code != wire.CodeUnavailable {
			t.Errorf("c: %v", err)
		}
		h.wantLimit(LimitApps, 1)
		a.send(&wire.Message{Type: wire.TypeBye})
		synctest.Wait()
		h.helloTo(t, "c")
	})
}

func TestAnAppOnDemandOutlivesAMove(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		for _, s := range h.servers {
			s.AppPattern("team-*").Handle("where", func(c *Call) (any, error) { return c.Peer.App().Name(), nil })
		}
		alice := h.helloTo(t, "team-a")
		alice.join("room")
		first := alice.srv
		alice.cut()
		alice.elsewhere()
		link, err := alice.srv.Admit(LinkInfo{App: "team-a"})
		if err != nil {
			t.Fatal(err)
		}
		had := alice.conn.had
		alice.conn = &fakeConn{c: alice, link: link}
		link.Start(alice.conn)
		alice.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Resume: &wire.Resume{Token: alice.token, Seq: had, Nonce: alice.nonce}}})
		alice.welcomed(true)
		alice.wantAnswer(alice.emit("where", ``), `"team-a"`)
		time.Sleep(2 * forwardFor)
		synctest.Wait()
		if got := fmt.Sprint(names(first.Apps()), names(alice.srv.Apps())); got != "[default] [default team-a]" {
			t.Errorf("apps %s", got)
		}
	})
}

func TestServerMakesPeersJoinAndLeave(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		d := &diary{}
		h.code(func(app *App) {
			app.OnJoined(func(p *Peer, room string) { d.note("joined %s", room) })
			app.OnLeft(func(p *Peer, room string, reason wire.Reason) { d.note("left %s %s", room, reason) })
		})
		alice, bob := h.pair(t)
		carol := h.hello(t)
		d.want(t, "joined room", "joined room")
		for _, s := range h.servers {
			p := s.App("default").Peer(carol.peer)
			if err := p.Join("room"); err != nil {
				t.Fatal(err)
			}
			m := carol.want(wire.TypeJoined)
			if m.Re != 0 || m.Room != "room" || len(m.Peers) != 2 {
				t.Errorf("carol got %+v", m)
			}
			p.Join("room")
			carol.wantNothing()
			alice.want(wire.TypePeerJoined)
			bob.want(wire.TypePeerJoined)
			carol.tell(bob, "room", `1`)
			bob.wantMessage(carol, `1`)
			d.want(t, "joined room")
			p.Leave("room")
			p.Leave("elsewhere")
			for _, c := range []*client{alice, bob, carol} {
				if m := c.want(wire.TypePeerLeft); m.From != carol.peer || m.Reason != wire.ReasonForbidden {
					t.Errorf("%+v", m)
				}
			}
			carol.wantNothing()
			d.want(t, "left room forbidden")
		}
		if err := h.app().Peer(carol.peer).Join("@carol"); err == nil {
			t.Error("@carol is a room")
		}
	})
}

func TestForcedJoinFindsASessionThatMoves(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.cut()
		bob.elsewhere()
		h.app().Peer(bob.peer).Join("b")
		h.app().Peer(bob.peer).Join("c")
		bob.resume(bob.conn.had)
		h.app().Peer(bob.peer).Join("d")
		bob.welcomed(true)
		got := map[string]bool{}
		for range 3 {
			got[bob.want(wire.TypeJoined).Room] = true
		}
		bob.wantNothing()
		if fmt.Sprint(got) != "map[b:true c:true d:true]" {
			t.Errorf("joined %v", got)
		}
		time.Sleep(2 * forwardFor)
		bob.tell(nil, "room", `1`)
		alice.wantMessage(bob, `1`)
		if rooms := bob.srv.App("default").Peer(bob.peer).Rooms(); len(rooms) != 4 {
			t.Errorf("bob is in %v", rooms)
		}
	})
}

func TestUserDescribesDevices(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ann1, ann2, ben := h.as(t, "ann"), h.as(t, "ann"), h.as(t, "ben")
		synctest.Wait()
		h.app().User("ann").Emit("hi", 1)
		ann1.wantEvent("hi", `1`)
		ann2.wantEvent("hi", `1`)
		h.app().User("ann").Except(ann1.peer).Emit("hi", 2)
		ann2.wantEvent("hi", `2`)
		h.app().User("ann").Volatile().Emit("hi", 3)
		ann1.wantEvent("hi", `3`)
		ann2.wantEvent("hi", `3`)
		h.app().User("nobody").Emit("hi", 4)
		h.app().To("@ann").Emit("hi", 5) // no room
		for _, c := range []*client{ann1, ann2, ben} {
			c.wantNothing()
		}
		results := make(chan []Reply, 1)
		go func() {
			replies, err := h.app().User("ann").Request(t.Context(), "well?", nil)
			if err != nil {
				t.Error(err)
			}
			results <- replies
		}()
		ann1.reply(ann1.wantEvent("well?", ``), `1`)
		ann2.reply(ann2.wantEvent("well?", ``), `2`)
		if replies := <-results; len(replies) != 2 {
			t.Errorf("%+v", replies)
		}
	})
}
