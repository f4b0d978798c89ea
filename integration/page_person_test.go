package integration

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// stepTime bounds each step of a person, from a click to what comes of it: an
// order of magnitude more than it takes, since the machine may be a busy one.
const stepTime = 30 * time.Second

//go:embed testdata/page/look.js
var look string

// A person is somebody at the call page.
type person struct {
	*browser.Page
	t testing.TB
}

// Selectors and predicates of web/page/README.md.
const (
	tile      = `[data-peer]`
	connected = `document.querySelector("[data-test=call][data-state=connected]") !== null`
)

// hook is the selector of the element with this data-test.
func hook(name string) string { return `[data-test=` + name + `]` }

func people(n int) string {
	return fmt.Sprintf(`document.querySelector("[data-test=call]")?.dataset.people === "%d"`, n)
}

// tileSays is the predicate that somebody's tile has this value of data-key.
func tileSays(key, value string) string {
	return fmt.Sprintf(`document.querySelector("%s")?.dataset.%s === %q`, tile, key, value)
}

// says is the predicate that an element is seen and has the text.
func says(selector, text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.checkVisibility() && e.textContent.includes(%q))`, selector, text)
}

// sees is a question of look.js about the room that this person is in.
func (p *person) sees(question string) string {
	p.t.Helper()
	p.must(`!!(window.look ??= (` + look + `))`)
	return `look(signalRoom).` + question
}

// must evaluates an expression in the page.
func (p *person) must(expr string) {
	p.t.Helper()
	if err := p.Eval(expr, nil); err != nil {
		p.t.Fatalf("%v in %s", err, expr)
	}
}

// visit opens a page as a new user of b.
func visit(t testing.TB, b *browser.Browser, url string) *person {
	t.Helper()
	return &person{b.In(t).NewContext().NewPage(url), t}
}

// joinAs opens a page of a room, and joins under a name.
func joinAs(t testing.TB, b *browser.Browser, url, name string) *person {
	t.Helper()
	p := visit(t, b, url)
	p.join(name)
	return p
}

// join goes from the screen before a room into the call.
func (p *person) join(name string) {
	p.t.Helper()
	p.ask(name)
	p.wait(connected)
}

// ask goes from the screen before a room as far as the server lets in.
func (p *person) ask(name string) {
	p.t.Helper()
	p.wait(`document.querySelector("[data-test=prejoin] [data-test=camera]:not([aria-busy])") !== null`)
	if name != "" {
		p.Type(hook("name"), name)
	}
	p.Click(hook("join"))
}

// wait waits for a predicate, for as long as a step may take.
func (p *person) wait(predicate string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), stepTime)
	defer cancel()
	p.WaitFor(ctx, predicate)
}

// inbound is what has arrived from the first of the others.
func (p *person) inbound() string {
	p.t.Helper()
	return string(browser.Value[rawJSON](p.t, p.Page, p.sees(`inbound()`)))
}

// wantFlow waits until pictures and sound arrive from now on.
func (p *person) wantFlow() {
	p.t.Helper()
	p.wait(p.sees(`flowsSince(` + p.inbound() + `)`))
}

// wantColour waits until somebody's picture has this colour.
func (p *person) wantColour(colour string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`%s === %q`, p.sees(fmt.Sprintf(`colour(%q)`, tile)), colour))
}

// wantNotice waits for the screen after a call, with this code and sentence.
func (p *person) wantNotice(code, sentence string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`document.querySelector("[data-test=notice]")?.dataset.code === %q`, code))
	p.wait(says(hook("sentence"), sentence))
}

// rawJSON is a value that is handed back to the page as it came.
type rawJSON []byte

func (r *rawJSON) UnmarshalJSON(b []byte) error {
	*r = append((*r)[:0], b...)
	return nil
}

// shoot writes a screenshot, to be looked at, into $SIGNAL_TEST_OUT or out/.
func (p *person) shoot(name string) {
	p.t.Helper()
	dir := os.Getenv("SIGNAL_TEST_OUT")
	if dir == "" {
		dir = filepath.Join("..", "out")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	p.Screenshot(filepath.Join(dir, name))
}
