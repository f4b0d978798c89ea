package signaling

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// withUsers lets the token say who a client is and whom it may reach: "ana>ben carl".
func withUsers(cfg Config) Config {
	cfg.Authenticate = func(_ context.Context, h Hello) (Identity, error) {
		user, grants, _ := strings.Cut(h.Token, ">")
		return Identity{User: user, Name: strings.ToUpper(user), Grants: &Grants{Users: strings.Fields(grants)}}, nil
	}
	return cfg
}

// as makes a client of a user, on the next server.
func (h *harness) as(t *testing.T, token string) *client {
	t.Helper()
	c := h.client(t)
	c.connect()
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token}})
	c.welcomed(false)
	return c
}

func (c *client) watch(users ...string) {
	c.send(&wire.Message{Type: wire.TypeWatch, Users: users})
}

func (c *client) wantOK() {
	c.t.Helper()
	if m := c.want(wire.TypeOK); m.Re != c.id {
		c.t.Fatalf("%s got ok to %d, want to %d", c.peer, m.Re, c.id)
	}
}

func (c *client) status(busy bool) {
	c.t.Helper()
	c.send(&wire.Message{Type: wire.TypeStatus, Presence: &wire.Presence{Busy: busy}})
	c.wantOK()
}

func (c *client) wantPresence(user string, p wire.Presence) {
	c.t.Helper()
	if m := c.want(wire.TypePresence); m.User != user || *m.Presence != p {
		c.t.Fatalf("%s got presence of %s: %+v, want of %s: %+v", c.peer, m.User, *m.Presence, user, p)
	}
}

var (
	away = wire.Presence{}
	one  = wire.Presence{Online: true, Peers: 1}
	two  = wire.Presence{Online: true, Peers: 2}
)

func TestWatcherLearnsWhoIsThere(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana := h.as(t, "ana>*")
		ana.watch("carl", "ben", "carl")
		ana.wantPresence("ben", away)
		ana.wantPresence("carl", away)
		ana.wantOK()
		ben := h.as(t, "ben")
		ana.wantPresence("ben", one)
		phone := h.as(t, "ben")
		ana.wantPresence("ben", two)
		phone.status(true)
		ana.wantPresence("ben", wire.Presence{Online: true, Busy: true, Peers: 2})
		phone.status(true) // nothing new
		phone.status(false)
		ana.wantPresence("ben", two)
		phone.cut()
		time.Sleep(time.Second - 1)
		ana.wantNothing()
		time.Sleep(time.Nanosecond)
		ana.wantPresence("ben", one)
		phone.resume(phone.conn.had)
		phone.welcomed(true)
		ana.wantPresence("ben", two)
		ben.send(&wire.Message{Type: wire.TypeBye})
		ana.wantPresence("ben", one)
		phone.cut()
		time.Sleep(time.Minute)
		ana.wantPresence("ben", away)
		ana.frames()
		time.Sleep(time.Minute)
		h.as(t, "ben")
		ana.wantPresence("ben", one)
		ben.wantNothing() // users do not see who watches them
	})
}

func TestUnwatchAndWatchAgain(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, ben := h.as(t, "ana>ben ana"), h.as(t, "ben")
		ana.watch("ben", "ana")
		ana.wantPresence("ana", one)
		ana.wantPresence("ben", one)
		ana.wantOK()
		ana.watch("ben")
		ana.wantPresence("ben", one)
		ana.wantOK()
		ana.send(&wire.Message{Type: wire.TypeUnwatch, Users: []string{"ben", "dora", "ben"}})
		ana.wantOK()
		ana.send(&wire.Message{Type: wire.TypeUnwatch, Users: []string{"ben"}})
		ana.wantOK()
		ben.status(true)
		ana.wantNothing()
		ana.status(true)
		ana.wantPresence("ana", wire.Presence{Online: true, Busy: true, Peers: 1})
	})
}

func TestWatchIsBounded(t *testing.T) {
	eachTopology(t, withUsers(Config{MaxWatched: 3, MaxRooms: 1}), func(t *testing.T, h *harness) {
		ana := h.as(t, "ana>*")
		ana.watch("a", "b", "c", "d")
		ana.wantError(wire.CodeTooManyWatched, ana.id)
		ana.watch("a", "b", "c", "a")
		for _, user := range []string{"a", "b", "c"} {
			ana.wantPresence(user, away)
		}
		ana.wantOK()
		ana.watch("a", "d")
		ana.wantError(wire.CodeTooManyWatched, ana.id)
		h.wantLimit(LimitWatched, 2)
		ana.join("room") // they are no rooms
		ana.send(&wire.Message{Type: wire.TypeUnwatch, Users: []string{"b"}})
		ana.wantOK()
		ana.watch("d")
		ana.wantPresence("d", away)
		ana.wantOK()
	})
}

// TestNobodyLearnsOfAUserWithoutRight compares all that somebody without a grant
// sees of a user who is there with what is seen of one who does not exist.
func TestNobodyLearnsOfAUserWithoutRight(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ben := h.as(t, "ben")
		seen := func(user string) (all []string) {
			eve := h.as(t, "eve>b ben[x] *.example")
			start := time.Now()
			for _, m := range []*wire.Message{
				{Type: wire.TypeWatch, Users: []string{user}},
				{Type: wire.TypeMessage, User: user, Data: []byte(`1`)},
				{Type: wire.TypeUnwatch, Users: []string{user}},
			} {
				eve.send(m)
				for _, f := range eve.frames() {
					all = append(all, fmt.Sprintf("%v %s", time.Since(start), strings.ReplaceAll(string((&Body{Message: f}).JSON()), user, "X")))
				}
			}
			ben.wantNothing()
			return all
		}
		there, not := seen("ben"), seen("nobody")
		if !slices.Equal(there, not) || len(there) != 4 {
			t.Errorf("of ben %q, of nobody %q", there, not)
		}
	})
}

func TestRoomInCommonLetsReach(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, ben := h.as(t, "ana"), h.as(t, "ben")
		ana.watch("ben")
		ana.wantPresence("ben", away)
		ana.wantOK()
		ana.join("room")
		ben.join("room")
		ana.want(wire.TypePeerJoined)
		ana.watch("ben")
		ana.wantPresence("ben", one)
		ana.wantOK()
		if n := ana.srv.session(ana.peer).countLocked(KindWatcher); n != 1 {
			t.Errorf("ben is watched %d times", n)
		}
		ana.send(&wire.Message{Type: wire.TypeMessage, User: "ben", Data: []byte(`"tea?"`)})
		if m := ben.want(wire.TypeMessage); m.From != ana.peer || m.User != "ana" || m.Room != "" || string(m.Data) != `"tea?"` {
			t.Errorf("got %+v", m)
		}
		invite := ana.ring("ben")
		ana.wantRinging(invite, wire.ViaDevice)
		ben.wantInvited(ana, invite)
		ana.answer(wire.TypeCancel, invite)
		ana.wantOK()
		ben.wantOver(wire.TypeCancelled, invite, wire.ReasonCancelled)
		ben.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
		ana.want(wire.TypePeerLeft)
		ana.wantOver(wire.TypeDeclined, ana.ring("ben"), wire.ReasonOffline) // they share none any more
	})
}

// TestWithoutTokensEverybodyMayReachEverybody is for development. To ask for tokens
// and grant nothing in them is the opposite: see TestNobodyLearnsOfAUserWithoutRight.
func TestWithoutTokensEverybodyMayReachEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, cfg := newPushes(Config{})
		cfg.Authenticate = nil
		h := newHarness(t, 1, cfg)
		defer h.close()
		ana := h.hello(t)
		invite := ana.ring("ben")
		if push := p.want(t, PushRing, invite); push.User != "ben" || push.From != "" {
			t.Errorf("asked for %+v", push)
		}
		ana.answer(wire.TypeCancel, invite)
		ana.wantOK()
	})
}

func TestMessageReachesAllDevices(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, laptop, phone := h.as(t, "ana>ben"), h.as(t, "ben"), h.as(t, "ben")
		watcher := h.as(t, "carl>ben")
		watcher.watch("ben")
		watcher.frames()
		phone.cut()
		say := func(c *client, user, data string) {
			c.send(&wire.Message{Type: wire.TypeMessage, User: user, Data: []byte(data)})
		}
		for i := range 5 {
			say(ana, "ben", fmt.Sprint(i))
		}
		say(laptop, "ben", `"to my phone"`)
		phone.resume(phone.conn.had)
		phone.welcomed(true)
		for i := range 5 {
			laptop.wantMessage(ana, fmt.Sprint(i))
			phone.wantMessage(ana, fmt.Sprint(i))
		}
		phone.wantMessage(laptop, `"to my phone"`)
		laptop.wantNothing()
		watcher.wantNothing()
		say(ana, "carl", `1`)
		ana.wantError(wire.CodeOffline, ana.id)
		phone.send(&wire.Message{Type: wire.TypeBye})
		say(laptop, "ben", `1`) // there is no other device
		laptop.wantError(wire.CodeOffline, laptop.id)
		laptop.send(&wire.Message{Type: wire.TypeBye})
		say(ana, "ben", `1`)
		ana.wantError(wire.CodeOffline, ana.id)
	})
}

func TestUserOfADeadNode(t *testing.T) {
	inBubble(t, 3, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, ben := h.as(t, "ana>ben"), h.as(t, "ben>ana")
		ana.watch("ben")
		ben.watch("ana")
		ana.frames()
		ben.frames()
		h.cluster.Kill(ben.srv.node.Name())
		time.Sleep(memoryLease - 1)
		ana.wantNothing()
		time.Sleep(time.Nanosecond)
		ana.wantPresence("ben", away)
		ben.elsewhere()
		ben.resume(ben.conn.had)
		ben.welcomed(false)
		ben.id = 0
		ana.wantPresence("ben", one)
		ana.status(true)
		ben.wantNothing() // what it watched went with its server
		ben.watch("ana")
		ben.wantPresence("ana", wire.Presence{Online: true, Busy: true, Peers: 1})
		ben.wantOK()
		time.Sleep(2 * time.Minute)
		ana.wantNothing() // the old entry is not left a second time
	})
}

func TestWatchAndDeviceMoveWithTheSession(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, ben := h.as(t, "ana>ben"), h.as(t, "ben")
		ana.watch("ben")
		ana.frames()
		for range 3 {
			for _, c := range []*client{ana, ben} {
				c.ack()
				c.cut()
				c.elsewhere()
				c.resume(c.conn.had)
				c.welcomed(true)
				ana.wantNothing()
			}
		}
		ben.status(true)
		ana.wantPresence("ben", wire.Presence{Online: true, Busy: true, Peers: 1})
	})
}

// TestLostHistoryKeepsTheDevice lets the history be given up: the user is still
// there, and told again of what rings; what was watched has to be asked for again.
func TestLostHistoryKeepsTheDevice(t *testing.T) {
	eachTopology(t, withUsers(Config{Rate: 1e6, Burst: 1e6, Bytes: 1 << 30}), func(t *testing.T, h *harness) {
		ana, ben := h.as(t, "ana>ben"), h.as(t, "ben>ana")
		ana.watch("ben")
		ben.watch("ana")
		ben.frames()
		ben.status(true)
		ana.frames()
		ana.send(&wire.Message{Type: wire.TypeInvite, User: "ben", Call: &wire.Call{Anyway: true}})
		invite := ana.want(wire.TypeOK).Call.Invite
		ana.wantRinging(invite, wire.ViaDevice)
		ben.wantInvited(ana, invite)
		ben.cut()
		for range 100 {
			ana.send(&wire.Message{Type: wire.TypeMessage, User: "ben", Data: long(32 << 10)})
		}
		synctest.Wait()
		ben.resume(ben.conn.had)
		ben.welcomed(false)
		ben.id = 0
		ben.wantInvited(ana, invite)
		for _, m := range ana.frames() {
			if m.Type != wire.TypeAck && (m.Type != wire.TypePresence || *m.Presence != one) {
				t.Errorf("got %+v, %+v; want that ben is not busy any more", m, m.Presence)
			}
		}
		ana.send(&wire.Message{Type: wire.TypeStatus, Presence: &wire.Presence{Busy: true}})
		ben.wantNothing()
		ben.answer(wire.TypeAccept, invite)
		ben.wantOK()
		ana.wantOK()
		ana.wantAccepted(invite, ben)
	})
}

func TestStatusNeedsAUser(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		ana := h.hello(t)
		ana.send(&wire.Message{Type: wire.TypeStatus})
		ana.wantError(wire.CodeForbidden, ana.id)
		ana.watch("ben") // where nobody is asked who they are, there are no users
		ana.wantPresence("ben", away)
		ana.wantOK()
	})
}

// TestManyWatchesAreHeldBack asks for all that may be watched again and again.
func TestManyWatchesAreHeldBack(t *testing.T) {
	inBubble(t, 1, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana := h.as(t, "ana>*")
		var all []string
		for i := range 200 {
			all = append(all, fmt.Sprint("user", i))
		}
		n := 0
		for ; n < 100; n++ {
			if pause, err := ana.sendTo(ana.conn, &wire.Message{Type: wire.TypeWatch, Users: slices.Clone(all)}); pause > 0 || err != nil {
				break
			}
			synctest.Wait()
		}
		if n < 5 || n > 15 {
			t.Errorf("held back behind %d lists of 200 users", n)
		}
	})
}

// TestStatusBehindHello sends a frame that needs the device right behind hello.
func TestStatusBehindHello(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ben := h.client(t)
		ben.connect()
		ben.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: "ben"}})
		ben.send(&wire.Message{Type: wire.TypeStatus, Presence: &wire.Presence{Busy: true}})
		ben.welcomed(false)
		ben.wantOK()
	})
}

// TestLobbyIsNoRoomInCommon has somebody wait for a room in which a user is.
func TestLobbyIsNoRoomInCommon(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		host, eve := h.as(t, "host"), h.as(t, "eve")
		host.join("room")
		host.rules(wire.RulesUpdate{Lobby: yes()})
		eve.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		eve.want(wire.TypeWaiting)
		host.wantKnock(eve)
		for c, user := range map[*client]string{host: "eve", eve: "host"} {
			c.watch(user)
			c.wantPresence(user, away)
			c.wantOK()
		}
	})
}
