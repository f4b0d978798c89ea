package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// startWait bounds the start of a browser, which takes a second on an idle
// machine and several on one that compiles at the same time.
const startWait = 60 * time.Second

// stopWait bounds what is still asked of a browser at the end of its test.
const stopWait = 3 * time.Second

// Browser is a running Chromium as one test sees it. Its methods may be called
// from any goroutine, those that can end the test from that of the test.
type Browser struct {
	*engine
	t testing.TB // static
}

// engine is the running Chromium itself, whatever tests use it.
type engine struct {
	opts Options // static
	conn *conn   // static after launch

	mu    sync.Mutex // guards the following
	pages []*Page    // in the order they were opened, the closed ones too
}

// Context is a user of the browser: cookies, storage and permissions of its own.
type Context struct {
	b  *Browser
	id string // of the user context
}

// Start runs a browser until the test ends. It skips the test when there is no
// Chromium or no chromedriver, and fails it instead where CI=true.
func Start(t testing.TB, o Options) *Browser {
	t.Helper()
	p, err := find()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("browser: %v", err)
	}
	if err != nil {
		t.Skipf("browser: %v", err)
	}
	e := &engine{opts: o.withDefaults()}
	ctx, cancel := context.WithTimeout(context.Background(), startWait)
	defer cancel()
	if err := e.launch(ctx, t, p); err != nil {
		t.Fatalf("browser: %v", err)
	}
	return e.in(t)
}

// In returns the same browser for a subtest: what goes wrong in the pages that
// are opened by it fails t, and they are closed when t ends.
func (b *Browser) In(t testing.TB) *Browser {
	return b.engine.in(t)
}

func (e *engine) in(t testing.TB) *Browser {
	b := &Browser{engine: e, t: t}
	t.Cleanup(b.finish)
	return b
}

// launch starts the programs and connects to them. What it starts ends at the
// test's cleanup, whether it succeeds or not.
func (e *engine) launch(ctx context.Context, t testing.TB, p programs) error {
	dir, err := os.MkdirTemp("", "signal-browser-")
	if err != nil {
		return err
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("browser: %v", err)
		}
	})
	if e.opts.Throttle {
		script := throttling(p.chromium)
		p.chromium = filepath.Join(dir, "chromium")
		if err := os.WriteFile(p.chromium, []byte(script), 0o755); err != nil {
			return err
		}
	}
	d, err := startDriver(p, dir, e.opts)
	if err != nil {
		return err
	}
	t.Cleanup(d.stop)
	url, err := d.newSession(ctx, e.opts.capabilities(p, filepath.Join(dir, "profile")))
	if err != nil {
		return err
	}
	if e.conn, err = dial(ctx, url, e.opts.dial, e.handleEvent); err != nil {
		return err
	}
	t.Cleanup(e.conn.close)
	return e.conn.call(ctx, "session.subscribe", map[string]any{
		"events": []string{"log.entryAdded", "browsingContext.contextDestroyed"},
	}, nil)
}

// finish reports what went wrong in the pages of this test and closes them.
func (b *Browser) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	pages := b.ownPages()
	for _, p := range pages {
		p.settle(ctx)
		if b.opts.AllowErrors {
			continue
		}
		for _, m := range p.messages() {
			if m.Uncaught {
				b.t.Errorf("browser: page %d: %s", p.number, m)
			}
		}
	}
	if b.t.Failed() && len(pages) > 0 {
		b.saveEvidence(ctx, pages)
	}
	for _, p := range pages {
		if !p.isClosed() {
			// The page that does not close now ends with the browser.
			_ = p.close(ctx)
		}
	}
}

// NewContext makes a new user, who shares nothing with others.
func (b *Browser) NewContext() *Context {
	b.t.Helper()
	var made struct {
		UserContext string `json:"userContext"`
	}
	ctx, cancel := b.bounded()
	defer cancel()
	if err := b.conn.call(ctx, "browser.createUserContext", none, &made); err != nil {
		b.t.Fatalf("browser: new context: %v", err)
	}
	return &Context{b, made.UserContext}
}

// NewPage opens a page of the browser's first user and waits until it has
// loaded.
func (b *Browser) NewPage(url string) *Page {
	b.t.Helper()
	return (&Context{b, "default"}).NewPage(url)
}

// NewPage opens a page of this user and waits until it has loaded.
func (c *Context) NewPage(url string) *Page {
	c.b.t.Helper()
	// In a window of its own the page is visible whatever else is open.
	return c.open(url, map[string]any{"type": "window", "userContext": c.id})
}

// open creates a browsing context as params say and loads url in it.
func (c *Context) open(url string, params map[string]any) *Page {
	b := c.b
	b.t.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	var made struct {
		Context string `json:"context"`
	}
	if err := b.conn.call(ctx, "browsingContext.create", params, &made); err != nil {
		b.t.Fatalf("browser: new page: %v", err)
	}
	p := b.addPage(c, made.Context)
	p.Navigate(url)
	return p
}

// CDP sends a command of the Chrome DevTools Protocol to the browser as a
// whole, and decodes its result into result unless that is nil.
func (b *Browser) CDP(method string, params, result any) error {
	return b.cdp("", method, params, result)
}

func (e *engine) cdp(session, method string, params, result any) error {
	ctx, cancel := e.bounded()
	defer cancel()
	send := map[string]any{"method": method, "params": params}
	if params == nil {
		send["params"] = none
	}
	if session != "" {
		send["session"] = session
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
	}
	if err := e.conn.call(ctx, "goog:cdp.sendCommand", send, &answer); err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

// errWait is the cause of a context that Options.Wait has ended.
var errWait = errors.New("took longer than Options.Wait")

// bounded returns a context for what is done without one of the caller's.
func (e *engine) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.Background(), e.opts.Wait, errWait)
}

func (b *Browser) addPage(c *Context, id string) *Page {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &Page{b: b, user: c, id: id, number: len(b.pages) + 1}
	b.pages = append(b.pages, p)
	return p
}

// ownPages returns the pages that were opened by this test.
func (b *Browser) ownPages() []*Page {
	b.mu.Lock()
	defer b.mu.Unlock()
	var own []*Page
	for _, p := range b.pages {
		if p.b == b {
			own = append(own, p)
		}
	}
	return own
}

// page returns the page with the id, or nil for one that no test has opened.
func (e *engine) page(id string) *Page {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.pages {
		if p.id == id {
			return p
		}
	}
	return nil
}
