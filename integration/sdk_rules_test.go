package integration

import (
	"errors"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// stage is a room with ana, who is its host, ben, and gus.
func stage(t *testing.T) (h *house, ana, ben *visitor, gus *gopher) {
	t.Helper()
	h = newHouse(t, nil)
	ana, ben = h.visitor("ana"), h.visitor("ben")
	ana.enters("stage", "")
	ben.enters("stage", "")
	gus = h.gopher("gus", client.Config{})
	gus.enters("stage", client.JoinOptions{})
	ana.hears("participantjoined ben participant", "participantjoined gus participant")
	ben.hears("participantjoined gus participant")
	gus.hears("participantjoined ana host", "participantjoined ben participant")
	return h, ana, ben, gus
}

// An audience is everybody who should be told the same.
type audience []interface{ hears(want ...string) }

func (a audience) hear(t *testing.T, want ...string) {
	t.Helper()
	for _, one := range a {
		one.hears(want...)
	}
}

// The first in is host, can hand that over but not drop it, and who is left
// longest inherits it.
func TestSDKHostIsHandedOver(t *testing.T) {
	h, ana, ben, gus := stage(t)
	ana.sees(`room.me.role`, `"host"`)
	ben.fails("forbidden", `await room.setRole(find("ana"), "viewer")`)
	ana.fails("forbidden", `await room.setRole(room.me, "participant")`)
	ana.does(`await room.setRole(find("gus"), "host")`)
	gus.hears("role host ana")
	audience{ana, ben}.hear(t, "participantchanged gus host")

	gus.must(gus.room.SetRole(h.ctx, gus.find("ana"), wire.RoleParticipant))
	ana.hears("role participant gus")
	audience{ben, gus}.hear(t, "participantchanged ana participant")
	ana.fails("forbidden", `await room.kick(find("ben"))`)

	gus.must(gus.room.Leave(h.ctx))
	ana.hears("participantleft gus left", "role host")
	ben.hears("participantleft gus left", "participantchanged ana host")
}

// A locked room keeps out who comes, on either client, and not who is in it.
func TestSDKLockedRoomKeepsOthersOut(t *testing.T) {
	h, ana, ben, gus := stage(t)
	ben.fails("forbidden", `await room.setRules({ locked: true })`)
	ana.does(`await room.setRules({ locked: true, capacity: 4 })`)
	ana.hears("rules locked capacity=4 by me")
	audience{ben, gus}.hear(t, "rules locked capacity=4 by ana")
	cy := h.visitor("cy")
	cy.keptOut("room_locked", "stage", "")
	wantCode(t, h.gopher("guy", client.Config{}).enter("stage", client.JoinOptions{}), "room_locked")

	ana.does(`await room.setRules({ locked: false })`)
	audience{ben, gus}.hear(t, "rules capacity=4 by ana")
	cy.enters("stage", "")
	cy.sees(`room.rules`, `{"capacity":4}`)
	audience{ben, gus}.hear(t, "participantjoined cy participant")
	h.visitor("dee").keptOut("room_full", "stage", "")
}

// A password opens the room to who brings it, on either client.
func TestSDKPasswordOpensTheRoom(t *testing.T) {
	h, ana, ben, gus := stage(t)
	ana.does(`await room.setRules({ password: "sesame" })`)
	audience{ben, gus}.hear(t, "rules password by ana")
	cy, guy := h.visitor("cy"), h.gopher("guy", client.Config{})
	cy.keptOut("password_required", "stage", "")
	cy.keptOut("wrong_password", "stage", `password: "please"`)
	wantCode(t, guy.enter("stage", client.JoinOptions{Password: "please"}), "wrong_password")
	cy.enters("stage", `password: "sesame"`)
	guy.enters("stage", client.JoinOptions{Password: "sesame"})
	audience{ben, gus}.hear(t, "participantjoined cy participant", "participantjoined guy participant")
	cy.hears("participantjoined guy participant")
	ana.does(`await room.setRules({ password: "" })`)
	audience{ben, gus, cy}.hear(t, "rules by ana")
}

// Who knocks waits until a host lets them in or sends them away, and hears which.
func TestSDKLobby(t *testing.T) {
	h, ana, ben, gus := stage(t)
	ana.does(`await room.setRules({ lobby: true })`)
	audience{ben, gus}.hear(t, "rules lobby by ana")
	ana.hears("rules lobby by me")
	knock := func(name string) *visitor {
		t.Helper()
		v := h.visitor(name)
		v.does(`joining = enter("stage", { token: %q, waiting: (it) => tell((room = hear(it)).state) }); joining.catch(() => {})`, h.token(name, nil))
		v.hears("waiting")
		return v
	}
	cy := knock("cy")
	ana.hears("knock cy")
	cy.does(`await room.me.update({ name: "Cyra" })`)
	ana.hears("knock Cyra")
	ana.does(`await room.admit([...room.knockers.values()][0])`)
	ana.hears("knockended Cyra admitted", "participantjoined Cyra participant")
	audience{ben, gus}.hear(t, "participantjoined Cyra participant")
	cy.hears("participantjoined ana host", "participantjoined ben participant", "participantjoined gus participant", "room connected")
	cy.sees(`(await joining) === room && room.participants.size`, `3`)

	dee := knock("dee")
	ana.hears("knock dee")
	ana.does(`await room.deny([...room.knockers.values()][0], { text: "not today" })`)
	ana.hears("knockended dee denied")
	dee.sees(`joining.catch(({ code, said }) => [code, said])`, `["denied","not today"]`)

	eve := knock("eve")
	ana.hears("knock eve")
	eve.does(`room.leave()`)
	ana.hears("knockended eve left")
	ana.sees(`room.knockers.size`, `0`)
}

// A host on the Go client answers the door to the SDK, and the other way round.
func TestSDKLobbyIsOneOfBothClients(t *testing.T) {
	h, ana, _, gus := stage(t)
	ana.does(`await room.setRole(find("gus"), "host")`)
	gus.hears("role host ana")
	ana.hears("participantchanged gus host")
	lobby := true
	gus.must(gus.room.SetRules(h.ctx, wire.RulesUpdate{Lobby: &lobby}))
	ana.hears("rules lobby by gus")
	cy := h.visitor("cy")
	cy.does(`joining = enter("stage", { token: %q, waiting: (it) => tell(it.state) })`, h.token("cy", nil))
	cy.hears("waiting")
	gus.hears("rules lobby by me", "knock cy")
	gus.must(gus.room.Admit(h.ctx, gus.find("cy")))
	cy.does(`room = await joining`)
	gus.hears("participantjoined cy participant")
	ana.hears("knock cy", "knockended cy admitted", "participantjoined cy participant")

	guy := h.gopher("guy", client.Config{})
	refused := make(chan error, 1)
	go func() { refused <- guy.enter("stage", client.JoinOptions{}) }() // ends with the knock
	audience{ana, gus}.hear(t, "knock guy")
	ana.does(`await room.deny([...room.knockers.values()][0], { text: "not today" })`)
	var denied *client.Denied
	if err := <-refused; !errors.As(err, &denied) || denied.Text != "not today" {
		t.Errorf("%v", err)
	}
	audience{ana, gus}.hear(t, "knockended guy denied")
}
