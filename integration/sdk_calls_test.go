package integration

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/jwt"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// All devices of a user ring, the first that accepts has the call, and both end up
// in its room.
func TestSDKRingsAllDevices(t *testing.T) {
	h := newHouse(t, nil)
	ana, laptop, phone := h.visitor("ana"), h.visitor("laptop"), h.gopher("ben", client.Config{})
	ana.comes()
	laptop.comesAs("ben")
	ana.does(`call = hear(client.call("ben", { data: { video: true } }))`)
	ana.hears("call ringing")
	audience{laptop, phone}.hear(t, `invited ana {"video":true}`)
	phone.must(phone.client.Accept(h.ctx, phone.ringing()))
	ana.hears("call accepted")
	laptop.hears("invitation over answered_elsewhere")
	laptop.fails("answered_elsewhere", `await ring.accept()`)
	ana.does(`room = hear(await call.join({ name: "ana" }))`)
	phone.enters(ana.asks(`room.name`), client.JoinOptions{})
	phone.hears("participantjoined ana host")
	ana.hears("participantjoined ben participant")
	ana.sees(`call.peer === find("ben").id`, `true`)
}

// What is rung on the SDK is accepted or declined there, on any device, and who is
// in a call is busy.
func TestSDKAcceptsAndDeclines(t *testing.T) {
	h := newHouse(t, nil)
	ana, phone, gus := h.visitor("ana"), h.visitor("phone"), h.gopher("gus", client.Config{})
	ana.comes()
	phone.comesAs("ana")
	for _, reason := range []wire.Reason{wire.ReasonDeclined, wire.ReasonBusy} {
		call, err := gus.client.Invite(h.ctx, "ana", client.InviteOptions{})
		gus.must(err)
		audience{ana, phone}.hear(t, "invited gus")
		ana.does(`await ring.decline(%q)`, reason)
		gus.wantDeclined(call, reason)
		ana.hears("invitation over " + string(reason))
		phone.hears("invitation over declined")
		gus.hears("call ringing")
	}
	call, err := gus.client.Invite(h.ctx, "ana", client.InviteOptions{Data: []byte(`1`)})
	gus.must(err)
	audience{ana, phone}.hear(t, "invited gus 1")
	ana.does(`room = hear(await ring.accept({ name: "ana" }))`)
	accepted, err := call.Wait(h.ctx)
	gus.must(err)
	if accepted.User != "ana" || accepted.Room != ana.asks(`room.name`) || accepted.Peer != ana.asks(`client.id`) {
		t.Errorf("accepted %+v", accepted)
	}
	gus.enters(accepted.Room, client.JoinOptions{})
	ana.hears("invitation accepted", "participantjoined gus participant")
	phone.hears("invitation over answered_elsewhere")

	eve := h.visitor("eve")
	eve.comes()
	eve.fails("busy", `await client.call("ana").join()`)
	eve.does(`call = hear(client.call("ana", { anyway: true }))`)
	eve.hears("call ringing")
	audience{ana, phone}.hear(t, "invited eve")
	phone.does(`await ring.decline()`)
	eve.hears("call over declined")
	ana.does(`await room.leave()`)
	eve.does(`call = hear(client.call("ana"))`)
	eve.hears("call ringing")
}

func (g *gopher) ringing() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rings
}

func (g *gopher) wantDeclined(call *client.Call, reason wire.Reason) {
	g.t.Helper()
	_, err := call.Wait(g.house.ctx)
	if declined := new(client.Declined); !errors.As(err, &declined) || declined.Reason != reason {
		g.t.Errorf("%v, want %s", err, reason)
	}
}

// Who rings may take it back, or leave; what rang on either client is over then.
func TestSDKCallerGivesUp(t *testing.T) {
	h := newHouse(t, nil)
	ana, ben, gus := h.visitor("ana"), h.visitor("ben"), h.gopher("gus", client.Config{})
	ana.comes()
	ben.comes()
	ana.does(`toBen = client.call("ben"); toGus = client.call("gus")`)
	audience{ben, gus}.hear(t, "invited ana")
	ana.does(`await toBen.cancel(); await toGus.cancel()`)
	audience{ben, gus}.hear(t, "invitation over cancelled")
	ana.fails("cancelled", `await toBen.join()`)

	call, err := gus.client.Invite(h.ctx, "ben", client.InviteOptions{})
	gus.must(err)
	ben.hears("invited gus")
	gus.must(call.Cancel(h.ctx))
	ben.hears("invitation over cancelled")
	ben.fails("cancelled", `await ring.accept()`)

	ana.does(`client.call("ben"); client.call("gus")`)
	audience{ben}.hear(t, "invited ana")
	gus.hears("call ringing", "invited ana")
	ana.does(`await client.close()`)
	audience{ben, gus}.hear(t, "invitation over gone")
	ben.fails("offline", `await client.call("ana").join()`)
}

// A user without a device is woken by push, and finds what rings; the token of the
// push lets one device into the call's room, and no other. What nobody answered
// was missed.
func TestSDKWokenAndMissed(t *testing.T) {
	pushed := make(chan signaling.Push, 8)
	h := newHouse(t, func(c *signaling.Config) {
		c.Push = func(_ context.Context, p signaling.Push) bool {
			pushed <- p
			return true
		}
	})
	ana, ben := h.visitor("ana"), h.visitor("ben")
	ana.comes()
	ana.does(`call = hear(client.call("ben", { data: "tea?" }))`)
	ana.hears("call woken")
	push := <-pushed
	ben.does(`client = await come({ token: %q })`, push.Token)
	ben.hears(`invited ana "tea?"`)
	ana.hears("call ringing")
	ben.sees(`client.user`, `"ben"`)
	ben.fails("forbidden", `await client.join("elsewhere")`)
	ben.does(`room = hear(await ring.accept({ name: "ben" }))`)
	ana.hears("call accepted")
	ana.does(`room = hear(await call.join({ name: "ana" }))`)
	ben.hears("invitation accepted", "participantjoined ana participant")
	h.visitor("eve").fails("unauthenticated", `await come({ token: %q })`, push.Token)
	ben.does(`await client.close()`)
	ana.hears("participantleft ben left", "role host")
	ana.does(`await room.leave()`)
	ana.hears("room disconnected left")
	if push := <-pushed; push.Kind != signaling.PushAnswered {
		t.Errorf("told %s", push.Kind)
	}

	ana.does(`call = hear(client.call("ben", { data: "again" }))`)
	ana.hears("call woken")
	ana.does(`await call.cancel()`)
	ana.hears("call over cancelled")
	ben.comes()
	ben.hears("client disconnected", "room disconnected left", `missed ana "again"`)
}

// Whom nobody answers in time, and who cannot be rung at all, the caller hears.
func TestSDKNobodyAnswers(t *testing.T) {
	h := newHouse(t, func(c *signaling.Config) { c.RingTime = 100 * time.Millisecond })
	ana, ben := h.visitor("ana"), h.visitor("ben")
	ana.comes()
	ben.comes()
	ana.does(`call = hear(client.call("ben"))`)
	ben.hears("invited ana", "invitation over timeout")
	ana.hears("call ringing", "call over timeout")
	ana.fails("offline", `await client.call("nobody").join()`)
}

// Two who ring each other at once end in one call, whichever client they use.
func TestSDKGlareIsOneCall(t *testing.T) {
	h := newHouse(t, nil)
	ana, ben, gus := h.visitor("ana"), h.visitor("ben"), h.gopher("gus", client.Config{})
	ana.comes()
	ben.comes()
	const rings = `call = client.call(%q); room = await call.join(); return room.name`
	for round := range 3 {
		names := make([]string, 4)
		var all sync.WaitGroup
		all.Go(func() { names[0] = string(ana.run(fmt.Sprintf(rings, "ben")).Value) })
		all.Go(func() { names[1] = string(ben.run(fmt.Sprintf(rings, "ana")).Value) })
		all.Wait()
		for _, v := range []*visitor{ana, ben} {
			v.does(`await room.leave()`)
		}
		all.Go(func() { names[2] = string(ana.run(fmt.Sprintf(rings, "gus")).Value) })
		all.Go(func() {
			call, err := gus.client.Invite(h.ctx, "ana", client.InviteOptions{})
			if err == nil {
				var accepted client.Accepted
				accepted, err = call.Wait(h.ctx)
				names[3] = fmt.Sprintf("%q", accepted.Room)
			}
			if err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		if names[0] == "" || names[0] != names[1] || names[2] == "" || names[2] != names[3] {
			t.Fatalf("round %d: ana and ben are in %s and %s, ana and gus in %s and %s", round, names[0], names[1], names[2], names[3])
		}
		ana.does(`await room.leave()`)
	}
}

// A call that a lost server carried is over, and the next one rings.
func TestSDKCallIsLostWithTheServer(t *testing.T) {
	h := newHouse(t, nil)
	ana, ben := h.visitor("ana"), h.visitor("ben")
	ana.comes()
	ben.does(`client = await come({ token: %q })`, h.token("ben", func(c *jwt.Claims) { c.Grants = nil }))
	ana.does(`call = hear(client.call("ben"))`)
	ana.hears("call ringing")
	ben.hears("invited ana")
	h.srv.Restart()
	ana.hears("client reconnecting", "call over lost", "client connected")
	ben.hears("client reconnecting", "client connected")
	ana.does(`call = hear(client.call("ben"))`)
	ana.hears("call ringing")
	ben.hears("invited ana")
}
