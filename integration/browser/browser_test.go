package browser_test

import (
	"fmt"
	"image"
	_ "image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// newSite serves testdata under the strict policy of the call page: nothing
// here may need a page to be lax.
func newSite(t *testing.T) string {
	t.Helper()
	files := http.FileServer(http.Dir("testdata"))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; "+
			"require-trusted-types-for 'script'; trusted-types 'none'")
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestPage has one browser for all that needs nothing special of it.
func TestPage(t *testing.T) {
	site := newSite(t)
	b := browser.Start(t, browser.Options{CameraFPS: 10})
	for name, test := range map[string]func(*testing.T, *browser.Page){
		"clicks are a person's":       testClick,
		"click waits for its element": testClickWaits,
		"types":                       testType,
		"exceptions are errors":       testEvalErrors,
		"waits across a navigation":   testWaitAcrossNavigation,
		"fake devices":                testFakeDevices,
		"a call flows":                testCall,
		"console":                     testConsole,
		"viewport and screenshot":     testScreenshot,
		"devtools":                    testCDP,
	} {
		t.Run(name, func(t *testing.T) { test(t, b.In(t).NewPage(site+"/page.html")) })
	}
	t.Run("a page behind another is not hidden", func(t *testing.T) { testVisible(t, b.In(t), site) })
	t.Run("contexts share nothing", func(t *testing.T) { testContexts(t, b.In(t), site) })
}

func testClick(t *testing.T, p *browser.Page) {
	p.Click("#count")
	p.Click("#count")
	if got := browser.Value[string](t, p, `$("#count").textContent`); got != "2" {
		t.Errorf("after two trusted clicks the button says %s", got)
	}
	p.Click("#far")
	p.WaitFor(t.Context(), `$("#far").textContent === "reached"`)
}

func testClickWaits(t *testing.T, p *browser.Page) {
	err := p.Eval(`setTimeout(() => {
		$("#late").hidden = false;
		document.body.append(Object.assign(document.createElement("div"), {id: "cover"}));
		setTimeout(() => ($("#late").disabled = false), 50);
		setTimeout(() => $("#cover").remove(), 100);
	}, 50)`, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Click("#late")
	if got := browser.Value[string](t, p, `$("#late").textContent`); got != "clicked" {
		t.Errorf("the late button says %q", got)
	}
}

func testType(t *testing.T, p *browser.Page) {
	p.Type("#name", "Zoë 👋"+browser.Enter)
	if got := browser.Value[string](t, p, `$("#greeting").value`); got != "Hello, Zoë 👋!" {
		t.Errorf("greeted with %q", got)
	}
}

func testEvalErrors(t *testing.T, p *browser.Page) {
	for expr, want := range map[string]string{
		`Promise.reject(new TypeError("no such thing"))`: "TypeError: no such thing",
		`(() => { throw new Error("thrown") })()`:        "Error: thrown",
		`} syntax {`: "SyntaxError",
	} {
		if err := p.Eval(expr, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", expr, err, want)
		}
	}
	var n int
	if err := p.Eval("undefined", &n); err == nil {
		t.Error("undefined was decoded into a number")
	}
	if err := p.Eval("undefined // and a comment", nil); err != nil {
		t.Error(err)
	}
}

func testWaitAcrossNavigation(t *testing.T, p *browser.Page) {
	if err := p.Eval(`{setTimeout: setTimeout(() => (location.search = "?second"), 200)}`, nil); err != nil {
		t.Fatal(err)
	}
	p.WaitFor(t.Context(), `location.search === "?second" && document.readyState === "complete"`)
}

func testFakeDevices(t *testing.T, p *browser.Page) {
	type track struct {
		Kind  string
		Width int
		Rate  float64
	}
	got := browser.Value[[]track](t, p, `navigator.mediaDevices.getUserMedia({video: {width: 320}, audio: true})
		.then((s) => s.getTracks().map((t) => ({kind: t.kind, width: t.getSettings().width, rate: t.getSettings().frameRate})))`)
	want := []track{{Kind: "audio"}, {"video", 320, 10}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("tracks %v, want %v", got, want)
	}
}

func testCall(t *testing.T, p *browser.Page) {
	if err := p.Eval("call()", nil); err != nil {
		t.Fatal(err)
	}
	p.WaitFor(t.Context(), "framesDecoded().then((n) => n > 0)")
	before := browser.Value[int](t, p, "framesDecoded()")
	p.WaitFor(t.Context(), fmt.Sprintf("framesDecoded().then((n) => n > %d)", before))
}

func testConsole(t *testing.T, p *browser.Page) {
	if err := p.Eval(`console.warn("low battery", 7)`, nil); err != nil {
		t.Fatal(err)
	}
	got := p.Console()
	if len(got) != 1 || got[0].Level != "warn" || got[0].Text != "low battery 7" || got[0].Uncaught {
		t.Errorf("console is %v, want one warning", got)
	}
}

func testScreenshot(t *testing.T, p *browser.Page) {
	path := filepath.Join(t.TempDir(), "page.png")
	p.SetViewport(300, 200)
	if got := browser.Value[[2]int](t, p, "[innerWidth, innerHeight]"); got != [2]int{300, 200} {
		t.Errorf("viewport %v", got)
	}
	p.Screenshot(path)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, format, err := image.Decode(f)
	if err != nil || format != "png" || img.Bounds().Size() != image.Pt(300, 200) {
		t.Fatalf("a %s, error %v, want a PNG of 300x200", format, err)
	}
	if img.At(1, 190) == img.At(298, 190) {
		t.Errorf("the gradient has the same colour at both ends: %v", img.At(1, 190))
	}
}

func testCDP(t *testing.T, p *browser.Page) {
	err := p.CDP("Emulation.setTimezoneOverride", map[string]string{"timezoneId": "Asia/Tokyo"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := browser.Value[int](t, p, "new Date().getTimezoneOffset()"); got != -9*60 {
		t.Errorf("offset %d in Tokyo", got)
	}
	if err := p.CDP("No.suchMethod", nil, nil); err == nil {
		t.Error("an unknown method was accepted")
	}
}

func testVisible(t *testing.T, b *browser.Browser, site string) {
	behind, front := b.NewPage(site+"/page.html"), b.NewPage(site+"/page.html")
	front.Click("#count")
	behind.Click("#count") // would hang or miss if it drew no frames
	for _, p := range []*browser.Page{behind, front} {
		if got := browser.Value[string](t, p, `document.visibilityState + $("#count").textContent`); got != "visible1" {
			t.Errorf("a page is %s", got)
		}
		p.Screenshot(filepath.Join(t.TempDir(), "page.png"))
	}
}

func testContexts(t *testing.T, b *browser.Browser, site string) {
	alice, bob := b.NewContext(), b.NewContext()
	p := alice.NewPage(site + "/page.html")
	if err := p.Eval(`localStorage.setItem("who", "alice")`, nil); err != nil {
		t.Fatal(err)
	}
	const read = `localStorage.getItem("who")`
	if got := browser.Value[*string](t, bob.NewPage(site+"/page.html"), read); got != nil {
		t.Errorf("bob reads %q", *got)
	}
	if got := browser.Value[string](t, alice.NewPage(site+"/page.html"), read); got != "alice" {
		t.Errorf("alice reads %q", got)
	}
}
