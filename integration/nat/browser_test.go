//go:build linux

package nat

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// browserPairs are the pairs that browsers call each other in; the first of them
// in make test, all in make nat-full.
var browserPairs = [][2]kind{
	{onlyTCP443, udpBlocked},
	{cone, cone},
	{onlyProxy, symmetric},
	{symmetric, cone},
	{fullCone, symmetric},
	{symmetric, symmetric},
	{open, cone},
	{onlyTCP443, onlyTCP443},
	{udpBlocked, symmetric},
}

// quickPairs is how many of them fit into make test.
const quickPairs = 3

// Two Chromiums get the page, the WebSocket and, if they need it, the relay from
// one server, at one address.
func TestBrowsersCallBetweenHomes(t *testing.T) {
	expected := expectedPaths(t)
	pairs := browserPairs
	if !*full {
		pairs = pairs[:quickPairs]
		t.Logf("of %d pairs these: %v; make nat-full runs all", len(browserPairs), pairs)
	}
	c := browser.NewCertificate(t, serverAddress(ipv4, 1).String())
	for _, pair := range pairs {
		t.Run(fmt.Sprintf("%s, %s", pair[0], pair[1]), func(t *testing.T) {
			want, ok := expected[pair]
			if !ok {
				want = relayed // through the proxy
			}
			testBrowsers(t, c, pair, want)
		})
	}
}

func testBrowsers(t *testing.T, c browser.Certificate, pair [2]kind, want path) {
	l := newLab(t)
	page := netip.AddrPortFrom(serverAddress(ipv4, 1), 443)
	s := newServer(t, page)
	s.start(l.public, []string{"--listen", page.String(), "--tls-cert", c.Cert, "--tls-key", c.Key})
	a, b := l.home(pair[0]), l.home(pair[1])
	url := fmt.Sprintf("https://%s/?room=homes-%d&debug=1", page.Addr(), a.number)
	ana, ben := a.browse(t, c, url, "Ana"), b.browse(t, c, url, "Ben")
	for _, p := range []*person{ana, ben} {
		p.wait(`document.querySelector("[data-peer]")?.dataset.state === "connected"`)
		inbound := browser.Value[rawJSON](t, p.Page, p.sees("inbound()"))
		p.wait(p.sees(fmt.Sprintf("flowsSince(%s)", inbound)))
		p.wantPath(want)
	}
}

// A person is somebody at the call page, behind a router.
type person struct {
	*browser.Page
	t    *testing.T
	kind kind
	look string // testdata/page/look.js
}

// browse opens the page in a browser of the home, and joins the room.
func (h *home) browse(t *testing.T, c browser.Certificate, url, name string) *person {
	t.Helper()
	look, err := os.ReadFile("../testdata/page/look.js")
	if err != nil {
		t.Fatal(err)
	}
	options := browser.Options{Wait: patience, CameraFPS: 5, Inside: h.host.do, Flags: c.Trust}
	if h.kind == onlyProxy {
		options.Flags = append(slices.Clone(options.Flags), "--proxy-server=http://"+h.proxy(t).String())
	}
	p := &person{browser.Start(t, options).NewPage(url), t, h.kind, string(look)}
	p.wait(`document.querySelector("[data-test=prejoin] [data-test=camera]:not([aria-busy])") !== null`)
	p.Type("[data-test=name]", name)
	p.Click("[data-test=join]")
	p.wait(`document.querySelector("[data-test=call][data-state=connected]") !== null`)
	return p
}

// wait waits for a predicate.
func (p *person) wait(predicate string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	p.WaitFor(ctx, predicate)
}

// sees is a question of look.js.
func (p *person) sees(question string) string {
	return fmt.Sprintf("(window.look ??= (%s))(signalRoom).%s", p.look, question)
}

// The paths of look.js, by what they are for us.
var browserPaths = map[path]string{relayed: `^relay udp relay$`, direct: `^(host|srflx|prflx) udp (host|srflx|prflx)$`}

// wantPath waits for the path that Chromium stays with, which may not be the first.
func (p *person) wantPath(want path) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`(async () => /%s/.test(await %s))()`, browserPaths[want], p.sees("path()")))
	by := browser.Value[string](p.t, p.Page, p.sees("relayedBy()"))
	p.t.Logf("%s: %s, relayed by %s", p.kind, browser.Value[string](p.t, p.Page, p.sees("path()")), by)
	over := map[kind]string{
		onlyTCP443: "^tls turns:198.18.0.1:443",
		onlyProxy:  "^(tcp|tls) ",
		udpBlocked: "^(tcp|tls) ",
	}[p.kind]
	if !regexp.MustCompile(over).MatchString(by) {
		p.t.Errorf("%s: relayed by %q, want %s", p.kind, by, over)
	}
}

// rawJSON is a value that is handed back to the page as it came.
type rawJSON []byte

func (r *rawJSON) UnmarshalJSON(b []byte) error {
	*r = append((*r)[:0], b...)
	return nil
}
