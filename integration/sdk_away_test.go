package integration

import (
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// Who is away meanwhile is told all of it when they are back: what the others said
// and did, and that they were taken out.
func TestSDKHearsWhatHappenedWhileAway(t *testing.T) {
	h, ana, ben, gus := stage(t)
	ben.does(`lose()`)
	ben.hears("room reconnecting")
	audience{ana, gus}.hear(t, "participantaway ben")
	ana.does(`room.send("one"); await room.setRules({ capacity: 3 }); await room.setRole(find("gus"), "host")`)
	gus.hears(`message ana "one"`, "rules capacity=3 by ana", "role host ana")
	ben.does(`back()`)
	ben.hears("room connected", `message ana "one"`, "rules capacity=3 by ana", "participantchanged gus host")
	audience{gus}.hear(t, "participantback ben")

	ben.does(`lose()`)
	ben.hears("room reconnecting")
	gus.hears("participantaway ben")
	gus.must(gus.room.Kick(h.ctx, gus.find("ben"), "enough"))
	gus.hears("participantleft ben kicked")
	ben.does(`back()`)
	ben.hears("room connected", "error kicked enough", "room disconnected kicked")
}

// Who was away for too long comes back as somebody else: others see them leave and
// join, and what only the session had is over.
func TestSDKComesBackTooLate(t *testing.T) {
	h := newHouse(t, func(c *signaling.Config) { c.ResumeWindow, c.AwayAfter = 100*time.Millisecond, 10*time.Millisecond })
	begun := make(chan struct{}, 1)
	h.app().Handle("slow", func(c *signaling.Call) (any, error) {
		begun <- struct{}{}
		<-c.Context().Done()
		return nil, nil
	})
	ana, gus := h.visitor("ana"), h.gopher("gus", client.Config{})
	ana.does(`client = await come({ token: %q }); room = hear(await client.join("stage", { name: "ana" }));
		client.busy(true); id = client.id; answer = client.emit("slow").catch(({ code }) => code)`, h.token("ana", nil))
	gus.enters("stage", client.JoinOptions{})
	gus.hears("participantjoined ana host")
	ana.hears("participantjoined gus participant")
	<-begun
	ana.does(`lose()`)
	ana.hears("room reconnecting", "client reconnecting")
	gus.hears("participantaway ana", "participantleft ana timeout", "role host")
	ana.does(`back(); await until(() => client.state === "connected" && room.state === "connected")`)
	ana.sees(`[await answer, client.id === id, room.me.role]`, `["outcome_unknown",false,"participant"]`)
	gus.hears("participantjoined ana participant")
	ana.does(`await client.watch(["ana"]); await until(() => client.presence.get("ana").busy)`)
}

// Who came by a link stays in the call over a lost server, though the link is good
// for nobody any more.
func TestSDKLinkThatHasEndedEndsNoCall(t *testing.T) {
	h := newHouse(t, nil)
	ana, ben, cy := h.visitor("ana"), h.visitor("ben"), h.visitor("cy")
	ana.enters("stage", "")
	link := ana.asks(`room.makeLink({ uses: 1 }).then(({ link }) => link)`)
	ben.enters("stage", `link: "`+link+`"`)
	ana.hears("participantjoined ben participant")
	ben.does(`lose()`)
	ben.hears("room reconnecting")
	h.srv.Restart()
	ana.does(`await until(() => room.state === "reconnecting" || !find("ben") || find("ben").state === "away"); await until(() => room.state === "connected")`)
	cy.enters("stage", `link: "`+link+`"`) // the new server does not know that it was used
	ben.does(`back(); await until(() => room.state !== "reconnecting")`)
	ben.sees(`[room.state, [...room.participants.values()].map((p) => p.name)]`, `["connected",["ana","cy"]]`)
}
