// Package browser drives a real, headless Chromium from Go tests, in the
// manner of net/http/httptest. It speaks WebDriver BiDi to Debian's
// chromedriver over one WebSocket.
//
//	srv := httptest.NewServer(handler) // before Start: it is closed after the browser
//	b := browser.Start(t, browser.Options{})
//	alice := b.NewContext().NewPage(srv.URL) // a person: own cookies, own storage
//	bob := b.NewContext().NewPage(srv.URL)
//	alice.Click("#join")
//	bob.Click("#join")
//	alice.WaitFor(ctx, `document.querySelector("video.remote")?.videoWidth > 0`)
//
// One browser per test and a page per person is the cheap arrangement: Start
// takes about a second, a page a tenth of that. Subtests share a browser by In.
//
// Methods that return no error end the test when they fail, as t.Fatal does;
// call them from the goroutine of the test. Eval and CDP return errors and may
// be called from any goroutine, at the same time too.
//
// Nothing outlives the test: at its cleanup the pages' uncaught errors fail it
// (unless Options.AllowErrors), a failed test leaves the console and a
// screenshot of each open page in a directory, every process is ended and the
// profile removed. A killed test binary takes its browser with it as well, only
// the profile stays behind in the temporary directory.
//
// When Chromium or chromedriver is missing the test is skipped; where the
// environment says CI=true it fails.
//
// What Chromium does that a test should know:
//
//   - Every page has a window of its own and counts as visible. Only a tab in
//     front of it (Page.NewTab) hides it: it draws no frames then, and with
//     Options.Throttle its timers run once a second after a while, WaitFor's too.
//   - The fake camera offers 640x480 and other sizes by getUserMedia's
//     constraints; it has no setting for the size, only for the frame rate.
//   - Host candidates hide behind mDNS names until a camera was allowed:
//     Options.ShowLocalIPs.
//   - Eval is no user gesture: autoplay and the like behave as without one.
//     Click and Press are.
package browser
