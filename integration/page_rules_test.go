package integration

import "testing"

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

	for _, rule := range []struct{ set, code, sentence string }{
		{`{lobby: false, locked: true}`, "room_locked", "Nobody can come in until a host unlocks it."},
		{`{locked: false, password: "sesame"}`, "password_required", "This page cannot ask for it yet."},
	} {
		ana.asks(`setRules(` + rule.set + `)`)
		eve.Click(hook("again"))
		eve.ask("")
		eve.wantNotice(rule.code, rule.sentence)
	}
	eve.shoot("password.png")

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
