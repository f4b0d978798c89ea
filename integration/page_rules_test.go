package integration

import (
	"testing"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// asks has a host ask for something, by the SDK's Room.
func (p *person) asks(request string) {
	p.t.Helper()
	p.must(`signalRoom.` + request)
}

// testRules has Ana, who is the first and so the host, say who may come in: each
// who may not hears why.
func testRules(t *testing.T, s site) {
	url := s.server.page(roomOf(t), "debug=1")
	ana := joinAs(t, s.red, url, "Ana")
	ana.wait(`signalRoom.me.role === "host"`)

	ana.asks(`setRules({lobby: true})`)
	ben := visit(t, s.blue, url)
	ben.ask("Ben")
	ben.wait(says(hook("progress"), "Waiting until somebody lets you in"))
	ben.shoot("waiting.png")
	ana.wait(`signalRoom.knockers.size === 1`)
	ana.asks(`admit([...signalRoom.knockers.values()][0])`)
	wantCall(ana, ben)

	eve := visit(t, s.blue, url)
	eve.ask("Eve")
	ana.wait(`[...signalRoom.knockers.values()][0]?.name === "Eve"`)
	ana.asks(`deny([...signalRoom.knockers.values()][0], {text: "not today"})`)
	eve.wantNotice("denied", "A host did not let you in: “not today”")

	ana.asks(`setRules({lobby: false, locked: true})`)
	eve.Click(hook("again"))
	eve.ask("")
	eve.wantNotice("room_locked", "Nobody can come in until a host unlocks it.")
	ana.asks(`setRules({locked: false, password: "sesame"})`)
	eve.Click(hook("again"))
	eve.ask("")
	eve.wait(says(hook("progress"), "This room has a password."))
	eve.shoot("password.png")
	eve.Type(hook("password"), "please")
	eve.Click(hook("join"))
	eve.wait(says(hook("progress"), "It is another password."))
	eve.Type(hook("password"), "sesame")
	eve.join("")
	ana.wait(people(3))
	eve.Click(hook("leave"))
	ana.wait(people(2))

	link := browser.Value[string](t, ana.Page, `signalRoom.makeLink({uses: 1}).then(({link}) => link)`)
	dee := joinAs(t, s.red, url+"#link="+link, "Dee")
	if got := browser.Value[string](t, dee.Page, `location.href`); got != url {
		t.Errorf("the address is %s, want %s", got, url)
	}
	ana.wait(people(3))
	late := visit(t, s.blue, url+"#link="+link)
	late.ask("Late")
	late.wantNotice("link_used", "As many have come by it as may.")
	dee.Click(hook("leave"))
	ana.wait(people(2))

	ana.asks(`kick([...signalRoom.participants.values()][0], {text: "mind your words"})`)
	ben.wantNotice("kicked", "A host has taken you out of the room: “mind your words”")
	ben.shoot("kicked.png")
	ana.wait(people(1))
	ana.wait(says(hook("toast"), "Ben was taken out."))

	ana.asks(`setRules({password: ""})`)
	eve.Click(hook("again"))
	eve.join("")
	ana.asks(`end()`)
	for _, p := range []*person{ana, eve} {
		p.wantNotice("ended", "A host has ended it for everybody.")
	}
}
