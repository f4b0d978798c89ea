package browser_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// testTB is a test that may fail, for tests about failing.
type testTB struct {
	testing.TB // of the test around it
	failures   []string
	skipped    string
	cleanups   []func()
}

// try runs a test to its end, cleanups included, and returns how it went.
func try(t *testing.T, test func(t testing.TB)) *testTB {
	t.Helper()
	tb := &testTB{TB: t}
	run := func(f func()) {
		done := make(chan struct{})
		go func() { // so that FailNow ends f alone
			defer close(done)
			f()
		}()
		<-done
	}
	run(func() { test(tb) })
	for _, cleanup := range slices.Backward(tb.cleanups) {
		run(cleanup)
	}
	return tb
}

func (t *testTB) Helper()                   {}
func (t *testTB) Failed() bool              { return len(t.failures) > 0 }
func (t *testTB) Cleanup(f func())          { t.cleanups = append(t.cleanups, f) }
func (t *testTB) Logf(string, ...any)       {}
func (t *testTB) Errorf(f string, a ...any) { t.failures = append(t.failures, fmt.Sprintf(f, a...)) }

func (t *testTB) Fatalf(f string, a ...any) {
	t.Errorf(f, a...)
	runtime.Goexit()
}

func (t *testTB) Skipf(f string, a ...any) {
	t.skipped = fmt.Sprintf(f, a...)
	runtime.Goexit()
}

// failsWith wants one failure with all the words in it.
func (t *testTB) failsWith(outer *testing.T, words ...string) {
	outer.Helper()
	if len(t.failures) != 1 {
		outer.Fatalf("%d failures %q, want one about %q", len(t.failures), t.failures, words)
	}
	for _, w := range words {
		if !strings.Contains(t.failures[0], w) {
			outer.Errorf("failure %q, want %q in it", t.failures[0], w)
		}
	}
}

// TestFailures has one browser for all the ways in which a page fails its test.
func TestFailures(t *testing.T) {
	t.Setenv("SIGNAL_TEST_OUT", t.TempDir())
	page := newSite(t) + "/page.html"
	b := browser.Start(t, browser.Options{})
	for name, c := range map[string]struct {
		test func(*browser.Page)
		want []string
	}{
		"uncaught exception": {
			func(p *browser.Page) { eval(t, p, `{n: setTimeout(() => { throw new Error("oops") })}`) },
			[]string{"uncaught", "Error: oops"},
		},
		"uncaught rejection": {
			func(p *browser.Page) { eval(t, p, `{n: void Promise.reject(new Error("oh no"))}`) },
			[]string{"uncaught", "Error: oh no"},
		},
		"uncaught in a page that is closed": {
			func(p *browser.Page) { eval(t, p, `{n: setTimeout(() => { throw new Error("last") })}`); p.Close() },
			[]string{"uncaught", "Error: last"},
		},
		"bad selector":    {func(p *browser.Page) { p.Click("##") }, []string{"click on ##", "not a valid selector"}},
		"address in vain": {func(p *browser.Page) { p.Navigate("http://127.0.0.1:1/") }, []string{"navigate to http://127.0.0.1:1/"}},
		"wait in vain": {
			func(p *browser.Page) {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				p.WaitFor(ctx, "1 > 2")
			},
			[]string{"wait for 1 > 2", "still false"},
		},
		"wait for what throws": {
			func(p *browser.Page) {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				p.WaitFor(ctx, "nobody.home")
			},
			[]string{"ReferenceError: nobody is not defined"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			try(t, func(tb testing.TB) { c.test(b.In(tb).NewPage(page)) }).failsWith(t, c.want...)
		})
	}
	t.Run("leaves console and screenshot", func(t *testing.T) { testEvidence(t, b) })
}

func eval(t *testing.T, p *browser.Page, expr string) {
	t.Helper()
	if err := p.Eval(expr, nil); err != nil {
		t.Error(err)
	}
}

func testEvidence(t *testing.T, b *browser.Browser) {
	out := t.TempDir()
	t.Setenv("SIGNAL_TEST_OUT", out)
	try(t, func(tb testing.TB) {
		p := b.In(tb).NewPage("about:blank")
		eval(t, p, `console.info("the reason")`)
		tb.Fatalf("something is wrong")
	}).failsWith(t, "something is wrong")
	for pattern, want := range map[string]string{"*/page*.log": "info: the reason", "*/page*.png": "\x89PNG"} {
		found, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: found %q, error %v", pattern, found, err)
		}
		got, err := os.ReadFile(found[0])
		if err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("%s begins with %.20q, error %v, want %q", pattern, got, err, want)
		}
	}
}

// TestPermissions is also the browser that throttles and allows errors.
func TestPermissions(t *testing.T) {
	site := newSite(t)
	b := browser.Start(t, browser.Options{AskPermission: true, AllowErrors: true, Throttle: true})
	p := b.NewContext().NewPage(site + "/page.html")
	eval(t, p, `{n: setTimeout(() => { throw new Error("allowed") })}`)

	const ask = `navigator.mediaDevices.getUserMedia({video: true}).then(() => "yes", (err) => err.name)`
	for _, c := range []struct{ state, want string }{{"denied", "NotAllowedError"}, {"granted", "yes"}} {
		p.SetPermission(site, "camera", c.state)
		if got := browser.Value[string](t, p, ask); got != c.want {
			t.Errorf("camera %s: %s, want %s", c.state, got, c.want)
		}
	}

	tab := p.NewTab("about:blank")
	p.WaitFor(t.Context(), `document.visibilityState === "hidden"`)
	tab.Close()
	p.WaitFor(t.Context(), `document.visibilityState === "visible"`)

	// That timers slow down cannot be seen within ten seconds; the flags can.
	p.Navigate("chrome://version")
	if line := browser.Value[string](t, p, "document.body.innerText"); !strings.Contains(line, "--headless") ||
		strings.Contains(line, "--disable-background-timer-throttling") {
		t.Errorf("Chromium runs with the wrong flags: %s", line)
	}
}

func TestBareMachine(t *testing.T) {
	site := newSite(t)
	b := browser.Start(t, browser.Options{NoDevices: true, HostRules: "MAP calls.test 127.0.0.1"})
	p := b.NewPage(site + "/page.html")
	const ask = `navigator.mediaDevices.getUserMedia({video: true}).then(() => "yes", (err) => err.name)`
	if got := browser.Value[string](t, p, ask); got != "NotFoundError" {
		t.Errorf("without a device: %s", got)
	}
	p.Navigate(strings.Replace(site, "127.0.0.1", "calls.test", 1) + "/page.html")
	if browser.Value[bool](t, p, "isSecureContext") {
		t.Error("a mapped name over http is a secure origin")
	}
}

func TestMissingProgramsSkipUnlessCI(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	start := func(tb testing.TB) { browser.Start(tb, browser.Options{}) }

	t.Setenv("CI", "")
	if tb := try(t, start); !strings.Contains(tb.skipped, "chromedriver not found in PATH: run .ci/install") {
		t.Errorf("skipped with %q", tb.skipped)
	}
	t.Setenv("CI", "true")
	try(t, start).failsWith(t, "chromium", "apt-get install chromium chromium-driver")
}
