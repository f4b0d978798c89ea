package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// A site is the program, running, and two browsers whose cameras differ.
type site struct {
	program   string
	server    *signalProcess
	red, blue *browser.Browser
}

// TestPage is what people do with the page: real browsers, real clicks, and
// the program that they run.
func TestPage(t *testing.T) {
	s := site{
		red:  startBrowser(t, browser.Options{CameraFile: cameraFile(t, red), Wait: stepTime}),
		blue: startBrowser(t, browser.Options{CameraFile: cameraFile(t, blue), Wait: stepTime}),
	}
	s.program = buildSignal(t)
	s.server = serveSignal(t, s.program)
	for _, test := range []struct {
		name string
		run  func(*testing.T, site)
	}{
		{"a call from the start page to the end", testWholeCall},
		{"mute and camera are told", testDevicesAreTold},
		{"relay only", testRelayOnly},
		{"below a path prefix", testPathPrefix},
		{"a reload is a new peer at once", testReload},
		{"the server goes and comes back", testServerGone},
		{"a full room says so", testRoomFull},
		{"the rules of a room say so", testRules},
		{"a refused origin says so", testOriginRefused},
		{"a token lets in", testToken},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

// call has Ana, who is red, and Ben, who is blue, in a room of their own, with
// pictures and sound both ways.
func (s site) call(t *testing.T, options ...string) (ana, ben *person) {
	t.Helper()
	url := s.server.page(roomOf(t), append(options, "debug=1")...)
	ana, ben = joinAs(t, s.red, url, "Ana"), joinAs(t, s.blue, url, "Ben")
	wantCall(ana, ben)
	return ana, ben
}

// wantCall waits until Ana and Ben see and hear each other.
func wantCall(ana, ben *person) {
	ana.t.Helper()
	for _, p := range []*person{ana, ben} {
		p.wait(people(2))
		p.wait(tileSays("state", "connected"))
	}
	ana.wantColour("blue")
	ben.wantColour("red")
	ana.wantFlow()
	ben.wantFlow()
}

// roomOf makes a room's name of a test's.
func roomOf(t *testing.T) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _/", r) {
			return '-'
		}
		return r
	}, strings.ToLower(t.Name()))
}

func testWholeCall(t *testing.T, s site) {
	ana := visit(t, s.red, s.server.url+"?debug=1")
	room := browser.Value[string](t, ana.Page, `document.querySelector("[data-test=room]").value`)
	ana.Click(hook("start"))
	ana.wait(says(hook("room-name"), room))
	ana.join("Ana")
	link := ana.copyLink()
	if want := s.server.page(room); link != want {
		t.Errorf("the copied link is %q, want %q", link, want)
	}

	ben := visit(t, s.blue, link+"&debug=1") // for the test to look inside
	ben.join("Ben")
	wantCall(ana, ben)
	ana.wait(says(tile+" .name-text", "Ben"))
	ben.wait(says(tile+" .name-text", "Ana"))
	for _, p := range []*person{ana, ben} {
		p.wait(tileSays("path", "direct"))
	}
	ana.shoot("call.png")
	ben.SetViewport(390, 844)
	ben.shoot("call-phone.png")

	ana.Click(hook("leave"))
	ana.wantNotice("left", "Come back whenever you like.")
	ana.shoot("left.png")
	ben.wait(people(1))
	ben.wait(says(hook("toast"), "Ana left."))
	ben.wait(says(hook("alone"), "Nobody else is here yet"))
}

// copyLink copies the invitation, and reads it where it has gone.
func (p *person) copyLink() string {
	p.t.Helper()
	p.SetPermission(browser.Value[string](p.t, p.Page, `location.origin`), "clipboard-read", "granted")
	p.Click(hook("copy-big"))
	p.wait(says(hook("toast"), "Link copied."))
	return browser.Value[string](p.t, p.Page, `navigator.clipboard.readText()`)
}

func testDevicesAreTold(t *testing.T, s site) {
	ana, ben := s.call(t)
	for _, device := range []string{"microphone", "camera"} {
		ana.Click(`[data-test=call] ` + hook(device) + `[aria-pressed=true]`)
		ben.wait(tileSays(device, "off"))
		ana.wait(fmt.Sprintf(`document.querySelector("[data-test=self]").dataset.%s === "off"`, device))
	}
	ben.shoot("muted.png")
	for _, device := range []string{"microphone", "camera"} {
		ana.Click(`[data-test=call] ` + hook(device) + `[aria-pressed=false]`)
		ben.wait(tileSays(device, "on"))
	}
	wantCall(ana, ben)
}

func testRelayOnly(t *testing.T, s site) {
	ana, ben := s.call(t, "relay=1")
	for _, p := range []*person{ana, ben} {
		p.wait(tileSays("path", "relay"))
		p.wait(says(hook("relay-only"), "Relay only"))
		if path := browser.Value[string](t, p.Page, p.sees(`path()`)); path != "relay udp relay" {
			t.Errorf("the selected pair is %q, want relayed at both ends", path)
		}
	}
	ana.shoot("relay.png")
}

func testPathPrefix(t *testing.T, s site) {
	s.server = serveSignal(t, s.program, "--base-path", "/calls/")
	if !strings.HasSuffix(s.server.url, "/calls/") {
		t.Fatalf("the page is at %s", s.server.url)
	}
	ana, _ := s.call(t)
	if got := browser.Value[string](t, ana.Page, `new URL(document.querySelector("link[rel=icon]").href).pathname`); got != "/calls/icon.svg" {
		t.Errorf("the icon is at %s", got)
	}
}
