package browser

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// Page is one window of the browser with one document in it.
type Page struct {
	b      *Browser
	user   *Context
	id     string // of the browsing context
	number int    // 1 for the first of this browser

	mu     sync.Mutex // guards the following
	log    []Message
	closed bool
}

// Navigate loads url and waits until its load event is over.
func (p *Page) Navigate(url string) {
	p.b.t.Helper()
	p.must("navigate to "+url, "browsingContext.navigate", map[string]any{
		"context": p.id, "url": url, "wait": "complete",
	}, nil)
}

// NewTab opens a page of the same user in front of this one, which is hidden
// until the new one is closed: it draws no frames, and no click or screenshot
// of it ends. Its timers are throttled only with Options.Throttle.
func (p *Page) NewTab(url string) *Page {
	p.b.t.Helper()
	return p.user.open(url, map[string]any{
		"type": "tab", "referenceContext": p.id, "userContext": p.user.id,
	})
}

// SetViewport gives the page a size in CSS pixels.
func (p *Page) SetViewport(width, height int) {
	p.b.t.Helper()
	p.must("set viewport", "browsingContext.setViewport", map[string]any{
		"context": p.id, "viewport": map[string]int{"width": width, "height": height},
	}, nil)
}

// SetPermission answers for the user of this page what origin may do: name is
// as in navigator.permissions.query ("camera", "microphone", …), state one of
// "granted", "denied" and "prompt". It needs Options.AskPermission.
func (p *Page) SetPermission(origin, name, state string) {
	p.b.t.Helper()
	p.must("set permission "+name, "permissions.setPermission", map[string]any{
		"descriptor": map[string]string{"name": name}, "state": state,
		"origin": origin, "userContext": p.user.id,
	}, nil)
}

// Screenshot writes what is to be seen of the page to a PNG file.
func (p *Page) Screenshot(path string) {
	p.b.t.Helper()
	ctx, cancel := p.b.bounded()
	defer cancel()
	if err := p.screenshot(ctx, path); err != nil {
		p.b.t.Fatalf("browser: page %d: screenshot: %v", p.number, err)
	}
}

func (p *Page) screenshot(ctx context.Context, path string) error {
	var shot struct {
		Data string `json:"data"`
	}
	err := p.b.conn.call(ctx, "browsingContext.captureScreenshot", map[string]any{"context": p.id}, &shot)
	if err != nil {
		return err
	}
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		return err
	}
	return os.WriteFile(path, png, 0o644)
}

// Close closes the page at once: it is not asked whether it wants to.
func (p *Page) Close() {
	p.b.t.Helper()
	ctx, cancel := p.b.bounded()
	defer cancel()
	p.settle(ctx) // its last errors count
	if err := p.close(ctx); err != nil {
		p.b.t.Fatalf("browser: page %d: close: %v", p.number, err)
	}
}

func (p *Page) close(ctx context.Context) error {
	p.setClosed()
	return p.b.conn.call(ctx, "browsingContext.close", map[string]any{"context": p.id}, nil)
}

// CDP sends a command of the Chrome DevTools Protocol to the page, and decodes
// its result into result unless that is nil.
func (p *Page) CDP(method string, params, result any) error {
	ctx, cancel := p.b.bounded()
	defer cancel()
	var got struct {
		Session string `json:"session"`
	}
	if err := p.b.conn.call(ctx, "goog:cdp.getSession", map[string]any{"context": p.id}, &got); err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	return p.b.cdp(got.Session, method, params, result)
}

// Eval evaluates a JavaScript expression in the page, waits for it if it is a
// promise, and decodes its JSON into out unless that is nil. Statements need a
// function around them. An exception becomes an error with its message. It
// waits at most Options.Wait.
func (p *Page) Eval(expr string, out any) error {
	ctx, cancel := p.b.bounded()
	defer cancel()
	if err := p.eval(ctx, expr, out); err != nil {
		return fmt.Errorf("browser: page %d: %w", p.number, err)
	}
	return nil
}

// Value evaluates a JavaScript expression as Page.Eval does. An error ends the
// test.
func Value[T any](t testing.TB, p *Page, expr string) T {
	t.Helper()
	var v T
	if err := p.Eval(expr, &v); err != nil {
		t.Fatalf("%v in %s", err, expr)
	}
	return v
}

// waiter is a JavaScript function: (predicate, ms) to a promise of true, or of
// what the predicate said last.
//
//go:embed wait.js
var waiter string

// retryWait is the pause before a page is asked again that was between two
// documents.
const retryWait = 20 * time.Millisecond

// lastWait bounds the question why something has not come to pass. The answer
// is at hand: only a page that hangs takes longer, or a machine under load.
const lastWait = 5 * time.Second

// WaitFor waits until the JavaScript expression is true in the page, promises
// awaited. The page itself asks every 50 ms and goes on asking in the next
// document when it navigates. An exception counts as false, and is told when
// ctx ends first; without a deadline ctx has that of Options.Wait.
func (p *Page) WaitFor(ctx context.Context, predicate string) {
	p.b.t.Helper()
	if err := p.waitFor(ctx, predicate); err != nil {
		p.b.t.Fatalf("browser: page %d: wait for %s: %v", p.number, predicate, err)
	}
}

func (p *Page) waitFor(ctx context.Context, predicate string) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.b.opts.Wait, errWait)
		defer cancel()
	}
	return retry(ctx, func(ctx context.Context, left time.Duration) error {
		var why string
		err := p.eval(ctx, fmt.Sprintf("(%s)(async () => (\n%s\n), %d)", waiter, predicate, left.Milliseconds()), &why)
		if err == nil && why != "" {
			return errors.New(why)
		}
		return err
	})
}

// retry asks the page for something that it may take all the time left for,
// and again when the page has moved on to another document meanwhile. ctx has a
// deadline; after its end the page is asked once more, to learn why.
func retry(ctx context.Context, ask func(ctx context.Context, left time.Duration) error) error {
	deadline, _ := ctx.Deadline()
	for {
		err := ask(ctx, time.Until(deadline))
		if err == nil || ctx.Err() == nil && !isNavigation(err) {
			return err
		}
		select {
		case <-time.After(retryWait):
			continue
		case <-ctx.Done():
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWait)
		defer cancel()
		if err := ask(last, 0); err != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return nil
	}
}

// eval is Eval within ctx.
func (p *Page) eval(ctx context.Context, expr string, out any) error {
	var answer struct {
		Type   string `json:"type"`
		Result struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"result"`
		ExceptionDetails struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	err := p.b.conn.call(ctx, "script.evaluate", map[string]any{
		"expression":   "(async () => JSON.stringify(await (\n" + expr + "\n)))()",
		"target":       map[string]string{"context": p.id},
		"awaitPromise": true,
	}, &answer)
	if err != nil {
		return err
	}
	if answer.Type == "exception" {
		return errors.New(answer.ExceptionDetails.Text)
	}
	if out == nil {
		return nil
	}
	if answer.Result.Type != "string" { // JSON.stringify(undefined)
		return errors.New("the expression has no value")
	}
	return json.Unmarshal([]byte(answer.Result.Value), out)
}

// must sends a command on behalf of what, and ends the test if it fails.
func (p *Page) must(what, method string, params, result any) {
	p.b.t.Helper()
	ctx, cancel := p.b.bounded()
	defer cancel()
	if err := p.b.conn.call(ctx, method, params, result); err != nil {
		p.b.t.Fatalf("browser: page %d: %s: %v", p.number, what, err)
	}
}

func (p *Page) setClosed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

func (p *Page) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}
