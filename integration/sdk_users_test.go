package integration

import (
	"encoding/json"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/jwt"
)

// comes connects, without a room.
func (v *visitor) comes() {
	v.t.Helper()
	v.comesAs(v.name)
}

// comesAs connects as a user.
func (v *visitor) comesAs(user string) {
	v.t.Helper()
	v.does(`client = await come({ token: %q })`, v.house.token(user, nil))
}

// A message reaches all members of a room, or one of them; one to a user reaches
// all devices of that user, on either client, in the order of sending.
func TestSDKMessages(t *testing.T) {
	h, ana, ben, gus := stage(t)
	ana.does(`await Promise.all([room.send({ to: "all" }), room.send("one", { to: find("gus") }), room.send("two", { to: find("gus") })])`)
	ben.hears(`message ana {"to":"all"}`)
	gus.hears(`message ana {"to":"all"}`, `message ana "one"`, `message ana "two"`)
	gus.must(gus.room.Broadcast(h.ctx, json.RawMessage(`[1]`)))
	gus.must(gus.room.Send(h.ctx, gus.find("ana"), json.RawMessage(`null`)))
	ana.hears(`message gus [1]`, `message gus null`)
	ben.hears(`message gus [1]`)

	laptop, phone := h.visitor("laptop"), h.visitor("phone")
	laptop.comesAs("dee")
	phone.comesAs("dee")
	gus.must(gus.client.SendUser(h.ctx, "dee", json.RawMessage(`"hello"`)))
	audience{laptop, phone}.hear(t, `usermessage gus "hello"`)
	phone.does(`client.send("gus", { n: 1 }); client.send("gus", { n: 2 }); client.send("dee", "to the other")`)
	gus.hears(`usermessage dee {"n":1}`, `usermessage dee {"n":2}`)
	laptop.hears(`usermessage dee "to the other"`)
}

// psst sends a message to a user, and is told what the server says against it:
// by the promise, or by an event if an ack was faster.
const psst = `client.send(%q, "psst").catch(({ code }) => tell("error", code))`

// A message to a user who is not there is refused, and so are requests beyond a
// limit.
func TestSDKLearnsThatAMessageWasRefused(t *testing.T) {
	h := newHouse(t, nil)
	ana := h.visitor("ana")
	ana.comes()
	ana.does(psst, "nobody")
	ana.hears("error offline")
	ana.fails("too_many_watched", `await client.watch(Array.from({ length: 201 }, (_, i) => "user" + i))`)
	for range 3 {
		ana.does(psst, "nobody")
	}
	ana.hears("error offline", "error offline", "error offline")
}

// Who watches a user is told when a device of it comes, is busy, and goes.
func TestSDKPresence(t *testing.T) {
	h := newHouse(t, nil)
	ana, ben := h.visitor("ana"), h.visitor("ben")
	ana.comes()
	ana.does(`await client.watch(["ben"]); await client.watch(["gus"])`)
	ana.hears("presence ben", "presence gus")
	ben.comes()
	ana.hears("presence ben online peers=1")
	gus := h.gopher("gus", client.Config{})
	ana.hears("presence gus online peers=1")
	gus.must(gus.client.Watch(h.ctx, "ben"))
	gus.hears("presence ben online peers=1")
	ben.does(`client.busy(true)`)
	audience{ana, gus}.hear(t, "presence ben online busy peers=1")
	gus.must(gus.client.SetBusy(h.ctx, true))
	ana.hears("presence gus online busy peers=1")
	ben.does(`await client.close()`)
	audience{ana, gus}.hear(t, "presence ben")
	ana.sees(`[...client.presence.keys(), client.presence.get("gus").busy]`, `["ben","gus",true]`)
	ana.does(`await client.unwatch(["gus"])`)
	gus.must(gus.client.SetBusy(h.ctx, false))
	ben.comes()
	ana.hears("presence ben online peers=1") // and not of gus
}

// Who may not watch a user sees nobody, until the two are in one room.
func TestSDKStrangersLookOffline(t *testing.T) {
	h := newHouse(t, nil)
	ben, eve := h.visitor("ben"), h.visitor("eve")
	ben.comes()
	eve.does(`client = await come({ token: %q }); await client.watch(["ben"])`, h.token("eve", func(c *jwt.Claims) { c.Grants = nil }))
	eve.hears("presence ben")
	eve.does(psst, "ben")
	eve.hears("error offline")
	eve.fails("offline", `await client.call("ben").join()`)
	ben.does(`await client.join("stage")`)
	eve.does(`await client.join("stage"); await client.watch(["ben"])`)
	eve.hears("presence ben online peers=1")
	eve.does(`client.send("ben", "hello")`)
	ben.hears(`usermessage eve "hello"`)
}

// A server that was lost is told again who is watched, and who is busy.
func TestSDKPresenceOutlivesTheServer(t *testing.T) {
	h := newHouse(t, nil)
	ana, ben := h.visitor("ana"), h.visitor("ben")
	ana.comes()
	ben.comes()
	ben.does(`client.busy(true)`)
	ana.does(`await client.watch(["ben"]); await until(() => client.presence.get("ben").busy);
		client.on("presence", ({ presence: { busy } }) => { again = busy; }); again = false`)
	h.srv.Restart()
	ana.does(`await until(() => again)`)
	gus := h.gopher("gus", client.Config{})
	gus.must(gus.client.Watch(h.ctx, "ben"))
	gus.hears("presence ben online busy peers=1")
}

// Two apps do not meet, though their rooms and users have the same names; a token
// opens one of them, and some are not there.
func TestSDKAppsNeverMeet(t *testing.T) {
	h := newHouse(t, func(c *signaling.Config) { c.Apps = []string{"support"} })
	inSupport := func(c *jwt.Claims) { c.App = "support" }
	h.srv.Signaling().App("support").Handle("where", func(c *signaling.Call) (any, error) { return c.Peer.App().Name(), nil })
	h.app().Handle("where", func(c *signaling.Call) (any, error) { return c.Peer.App().Name(), nil })
	ana, ben := h.visitor("ana"), h.visitor("ben")
	ana.enters("stage", "")
	ben.does(`client = await come({ app: "support", token: %q }); room = hear(await client.join("stage", { name: "ben" }))`, h.token("ben", inSupport))
	ben.sees(`[room.participants.size, await client.emit("where")]`, `[0,"support"]`)
	ben.does(psst, "ana")
	ben.hears("error offline")
	gus := h.gopher("gus", client.Config{})
	gus.enters("stage", client.JoinOptions{})
	gus.hears("participantjoined ana host")
	ana.hears("participantjoined gus participant") // and not ben
	eve := h.visitor("eve")
	eve.fails("forbidden", `await come({ app: "support", token: %q })`, h.token("eve", nil))
	eve.fails("unknown_app", `await come({ app: "nowhere", token: %q })`, h.token("eve", nil))
	eve.fails("unauthenticated", `await come({ token: "made up" })`)
}
