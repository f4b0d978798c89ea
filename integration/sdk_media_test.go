package integration

import (
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/jwt"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// What a viewer's camera gives stays where it is, until a host makes a participant
// of it; and two viewers have nothing to negotiate.
func TestSDKViewersPublishNothing(t *testing.T) {
	h := newHouse(t, nil)
	ana, ben, cy := h.visitor("ana"), h.visitor("ben"), h.visitor("cy")
	viewer := func(c *jwt.Claims) { c.Grants.Role = wire.RoleViewer }
	ana.enters("stage", `camera: new Track("video")`)
	for _, v := range []*visitor{ben, cy} {
		v.does(`room = await enter("stage", { token: %q, camera: new Track("video") })`, h.token(v.name, viewer))
		v.sees(`[room.me.role, room.me.camera.active]`, `["viewer",true]`)
	}
	for _, v := range []*visitor{ben, cy} {
		v.does(`await until(() => find("ana").camera.track)`)
	}
	ana.sees(`["ben", "cy"].map((name) => [find(name).role, find(name).camera.active, find(name).camera.track, find(name).connection !== null])`,
		`[["viewer",false,null,true],["viewer",false,null,true]]`)
	ben.sees(`[find("cy").connection, find("cy").state]`, `[null,"connected"]`)
	ben.sees(`world.connections.flatMap((c) => c.getSenders()).filter((s) => s.track).length`, `0`)

	ana.does(`await room.setRole(find("ben"), "participant")`)
	for _, v := range []*visitor{ana, cy} {
		v.does(`await until(() => find("ben").camera.track)`)
	}
	ana.does(`await room.setRole(find("ben"), "viewer")`)
	for _, v := range []*visitor{ana, cy} {
		v.does(`await until(() => find("ben").role === "viewer" && !find("ben").camera.track && !find("ben").camera.active)`)
	}
	cy.does(`await until(() => find("ben").connection === null)`)
}

// The strictest candidate policy of server, token and room holds: the SDK gathers
// no more than it lets through, and what passes is enough for a call.
func TestSDKCandidatePolicy(t *testing.T) {
	for _, c := range []struct {
		name          string
		policy, rules wire.Policy
		gathers       string // iceTransportPolicy
		gets          string // candidates of the other
	}{
		{"all", wire.PolicyAll, "", `"all"`, "3"},
		{"no host, by the server", wire.PolicyNoHost, "", `"all"`, "1"},
		{"relay, by the server", wire.PolicyRelay, "", `"relay"`, "1"},
		{"relay, by the room", wire.PolicyAll, wire.PolicyRelay, `"relay"`, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, func(cfg *signaling.Config) { cfg.Candidates = c.policy })
			ana, ben := h.visitor("ana"), h.visitor("ben")
			ana.enters("stage", `microphone: new Track("audio")`)
			ana.does(`await room.setRules({ candidates: %q })`, c.rules)
			ben.enters("stage", `microphone: new Track("audio")`)
			for v, other := range map[*visitor]string{ana: "ben", ben: "ana"} {
				v.does(`await until(() => find(%q)?.state === "connected" && find(%[1]q).connection.candidates === %s && find(%[1]q).microphone.track)`, other, c.gets)
				v.sees(`find("`+other+`").connection.configuration.iceTransportPolicy ?? "all"`, c.gathers)
			}
		})
	}
}
