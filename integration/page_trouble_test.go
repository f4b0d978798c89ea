package integration

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// testReload: a reloaded page has no connections any more, so nothing is to be
// waited for.
func testReload(t *testing.T, s site) {
	ana, ben := s.call(t)
	old := browser.Value[string](t, ana.Page, `signalRoom.me.id`)
	_ = ana.Eval(`location.reload()`, nil) // the page that would answer goes
	ben.wait(people(1))
	ben.wait(says(hook("toast"), "Ana left.")) // and not "lost the connection"
	ana.join("")
	wantCall(ana, ben)
	ben.wait(says(tile+" .name-text", "Ana")) // the page has remembered it
	if id := browser.Value[string](t, ana.Page, `signalRoom.me.id`); id == old {
		t.Errorf("the reloaded page is %s again", id)
	}
}

// testServerGone kills the server under a call, which must not notice.
func testServerGone(t *testing.T, s site) {
	s.server = serveSignal(t, s.program)
	ana, ben := s.call(t)
	both := []*person{ana, ben}
	for _, p := range both {
		p.must(`window.before = [...signalRoom.participants.values()][0].connection`)
	}
	s.server.kill()
	for _, p := range both {
		p.wait(says(hook("status"), "Connection lost. Reconnecting…"))
		p.wantFlow()
	}
	ana.shoot("reconnecting.png")
	s.server.start()
	for _, p := range both {
		p.wait(connected)
		p.wait(`!document.querySelector("[data-test=status]").checkVisibility()`)
	}
	wantCall(ana, ben)
	for _, p := range both {
		if !browser.Value[bool](t, p.Page, `window.before === [...signalRoom.participants.values()][0].connection`) {
			t.Error("the call has another connection than before")
		}
	}
}

func testRoomFull(t *testing.T, s site) {
	s.server = serveSignal(t, s.program, "--max-peers", "2")
	ana, ben := s.call(t)
	eve := visit(t, s.red, s.server.page(roomOf(t)))
	eve.ask("Eve")
	eve.wantNotice("room_full", "Wait until somebody leaves, or agree on another room.")
	eve.shoot("full.png")

	ben.Click(hook("leave"))
	ana.wait(people(1))
	eve.Click(hook("again"))
	eve.join("")
	ana.wait(people(2))
}

// testOriginRefused has a proxy that does not pass on the name by which the
// browser asked: to the server the page is one of another site. Then the server
// is told to take it, as its answer says.
func testOriginRefused(t *testing.T, s site) {
	s.server = serveSignal(t, s.program, "--listen", "0.0.0.0:0", "--no-turn")
	proxy := proxyTo(t, s.server)
	ana := visit(t, s.red, proxy+"/?room=refused")
	ana.ask("Ana")
	ana.wantNotice("origin_not_allowed", "start the server with --origins "+proxy)
	ana.shoot("origin.png")
	site := httptest.NewServer(http.NotFoundHandler()) // of somebody's own; any page does
	t.Cleanup(site.Close)
	app := visit(t, s.blue, site.URL)
	if got := app.joinBySDK(s.server.url); got != "origin_not_allowed" {
		t.Errorf("the SDK of another origin says %q", got)
	}

	s.server.stop()
	s.server.args = append(s.server.args, "--origins", proxy+","+site.URL)
	s.server.start()
	ana.Click(hook("again"))
	ana.join("")
	if got := app.joinBySDK(s.server.url); got != "connected" {
		t.Errorf("the SDK of an allowed origin says %q", got)
	}
}

// joinBySDK has the page import the SDK from a server and join a room there. It
// returns the room's state, or the code of the error.
func (p *person) joinBySDK(server string) string {
	p.t.Helper()
	return browser.Value[string](p.t, p.Page, fmt.Sprintf(
		`import("%ssdk/signal.js").then(({join}) => join("refused", {url: %q})).then(({state}) => state, (error) => error.code ?? String(error))`, server, server))
}

// proxyTo serves what the server does at an address of its own.
func proxyTo(t *testing.T, server *signalProcess) string {
	t.Helper()
	target, err := url.Parse(server.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	t.Cleanup(proxy.Close)
	return proxy.URL
}
