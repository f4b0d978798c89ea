package integration

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Who is kicked is out at once, reads the host's words, and stays out for a while;
// everybody else is told.
func TestSDKKick(t *testing.T) {
	h, ana, ben, gus := stage(t)
	cy := h.visitor("cy")
	cy.does(`client = await come({ token: %q }); room = hear(await client.join("stage", { name: "cy" }))`, h.token("cy", nil))
	audience{ana, ben, gus}.hear(t, "participantjoined cy participant")
	ben.fails("forbidden", `await room.kick(find("cy"))`)
	ana.does(`await room.kick(find("cy"), { text: "enough" })`)
	cy.hears("error kicked enough", "room disconnected kicked")
	audience{ana, ben, gus}.hear(t, "participantleft cy kicked")
	cy.fails("banned", `await client.join("stage")`)
	cy.fails("closed", `await room.send("still here")`)
	cy.does(`await client.join("elsewhere")`)

	ana.does(`await room.kick(find("gus"), { text: "you too" })`)
	gus.hears("error kicked you too", "room disconnected kicked")
	wantCode(t, gus.enter("stage", client.JoinOptions{}), "banned")
}

// A host on the Go client takes out who is on the SDK.
func TestSDKIsKickedByGoClient(t *testing.T) {
	h, ana, ben, gus := stage(t)
	ana.does(`await room.setRole(find("gus"), "host")`)
	gus.hears("role host ana")
	gus.must(gus.room.Kick(h.ctx, gus.find("ben"), "enough"))
	ben.hears("participantchanged gus host", "error kicked enough", "room disconnected kicked")
	ana.hears("participantchanged gus host", "participantleft ben kicked")
	gus.must(gus.room.Ban(h.ctx, gus.find("ana"), time.Minute, ""))
	ana.hears("error banned", "room disconnected banned")
	ana.keptOut("banned", "stage", "")
}

// Who is banned stays out with all devices of the user, until the ban is lifted.
func TestSDKBan(t *testing.T) {
	h, ana, ben, gus := stage(t)
	second := h.visitor("second")
	second.does(`room = await enter("stage", { token: %q })`, h.token("ben", nil))
	audience{ana, ben, gus}.hear(t, "participantjoined second participant")
	ana.does(`seen = find("ben"); await room.ban(seen, { for: 60_000, text: "go" })`)
	ben.hears("error banned go", "room disconnected banned")
	second.hears("participantleft ben banned", "error banned go", "room disconnected banned")
	gus.hears("participantleft ben banned", "participantleft second banned")
	ben.keptOut("banned", "stage", "")
	ana.does(`await room.unban(seen)`)
	ben.enters("stage", "")
	gus.hears("participantjoined ben participant")

	ana.does(`await room.ban("gus")`)
	gus.hears("error banned", "room disconnected banned")
	wantCode(t, h.gopher("gus", client.Config{}).enter("stage", client.JoinOptions{}), "banned")
	ana.does(`await room.unban("gus")`)
	gus.enters("stage", client.JoinOptions{})
}

// A room that is ended is over for everybody, the host too.
func TestSDKEndsTheRoomForAll(t *testing.T) {
	_, ana, ben, gus := stage(t)
	ben.fails("forbidden", `await room.end()`)
	ana.does(`await room.end({ text: "good night" })`)
	audience{ana, ben, gus}.hear(t, "error ended good night", "room disconnected ended")
	ben.enters("stage", "") // it is a new one
	ben.sees(`room.me.role`, `"host"`)
}

// A host asks others to mute; nobody else may.
func TestSDKMuteRequest(t *testing.T) {
	h, ana, ben, gus := stage(t)
	ana.does(`room.requestMute(find("ben"), { what: "microphone" }); room.requestMute(find("gus"))`)
	ben.hears(`muterequest ana {"what":"microphone"}`)
	gus.hears("muterequest ana")
	ben.fails("forbidden", `await room.requestMute(find("ana"))`)
	ana.does(`await room.setRole(find("gus"), "host")`)
	gus.hears("role host ana")
	gus.must(gus.room.RequestMute(h.ctx, gus.find("ana"), json.RawMessage(`"please"`)))
	ana.hears("participantchanged gus host", `muterequest gus "please"`)
}

// A link to a room opens lobby and password, gives its role, and to each only as
// often as it says: the second use of a one-time link is refused.
func TestSDKLinkIsGoodOnce(t *testing.T) {
	h, ana, ben, gus := stage(t)
	ana.does(`await room.setRules({ lobby: true, password: "sesame" }); ({ link } = await room.makeLink({ uses: 1, role: "viewer" }))`)
	audience{ben, gus}.hear(t, "rules lobby password by ana")
	ben.fails("forbidden", `await room.makeLink()`)
	link := ana.asks("link")
	cy, dee := h.visitor("cy"), h.visitor("dee")
	cy.keptOut("bad_link", "stage", `link: "made up"`)
	cy.keptOut("bad_link", "elsewhere", `link: "`+link+`"`)
	cy.enters("stage", `link: "`+link+`"`)
	cy.sees(`room.me.role`, `"viewer"`)
	audience{ben, gus}.hear(t, "participantjoined cy viewer")
	dee.keptOut("link_used", "stage", `link: "`+link+`"`)
	wantCode(t, h.gopher("guy", client.Config{}).enter("stage", client.JoinOptions{Link: link}), "link_used")

	short := ana.asks(`room.makeLink({ ttl: 1 }).then(({ link }) => new Promise((soon) => setTimeout(soon, 5, link)))`)
	dee.keptOut("link_expired", "stage", `link: "`+short+`"`)

	ana.does(`await room.setRole(find("gus"), "host")`)
	gus.hears("role host ana")
	made, err := gus.room.MakeLink(h.ctx, client.LinkOptions{Uses: 1, Role: wire.RoleHost})
	gus.must(err)
	ana.does(`await room.setRules({ locked: true })`)
	dee.enters("stage", `link: "`+made.Text+`"`) // a host passes the lock
	dee.sees(`room.me.role`, `"host"`)
}
