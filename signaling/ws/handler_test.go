package ws

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A request is a change to a right upgrade request.
type request func(*http.Request)

func header(name, value string) request {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = []string{value} }
}

func without(name string) request { return func(r *http.Request) { r.Header.Del(name) } }

func method(m string) request { return func(r *http.Request) { r.Method = m } }

func query(q string) request { return func(r *http.Request) { r.URL.RawQuery = q } }

// plain makes it a GET without upgrade.
func plain(r *http.Request) {
	r.Header = http.Header{}
}

// send sends an upgrade request with changes to h, and returns the status, the
// header and the problem.
func send(t *testing.T, h http.Handler, changes ...request) (*http.Response, problem) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Connection":             {"Upgrade"},
		"Upgrade":                {"websocket"},
		"Sec-Websocket-Version":  {"13"},
		"Sec-Websocket-Key":      {"dGhlIHNhbXBsZSBub25jZQ=="},
		"Sec-Websocket-Protocol": {Subprotocol},
	}
	for _, change := range changes {
		change(r)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var p problem
	if resp.StatusCode >= 400 {
		if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("content type %q", got)
		}
		if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
			t.Errorf("body: %v", err)
		}
		if p.Status != resp.StatusCode || p.Type != "about:blank" || p.Title == "" {
			t.Errorf("problem %+v for status %d", p, resp.StatusCode)
		}
	}
	return resp, p
}

func TestRefusedUpgrades(t *testing.T) {
	tests := []struct {
		name   string
		change request
		status int
		code   wire.Code
		header string // that has to be there, "name: value"
		detail string // that has to be in it
	}{
		{"POST", method("POST"), 405, wire.CodeMethodNotAllowed, "Allow: GET", "POST"},
		{"plain GET", plain, 426, wire.CodeUpgradeRequired, "Upgrade: websocket", "signal.v1"},
		{"old version", header("Sec-WebSocket-Version", "8"), 426, wire.CodeUpgradeRequired, "Sec-Websocket-Version: 13", `"8"`},
		{"no subprotocol", without("Sec-WebSocket-Protocol"), 400, wire.CodeUnsupportedVersion, "", "signal.v1"},
		{"other subprotocol", header("Sec-WebSocket-Protocol", "mqtt"), 400, wire.CodeUnsupportedVersion, "", "mqtt"},
		{"token that is not base64url", header("Sec-WebSocket-Protocol", "signal.v1, signal.token.a+b"), 400, wire.CodeBadMessage, "", "base64url"},
		{"bad key", header("Sec-WebSocket-Key", "short"), 400, wire.CodeBadMessage, "", "Sec-WebSocket-Key"},
		{"foreign origin", header("Origin", "https://x.example"), 403, wire.CodeOriginNotAllowed, "", `--origins https://x.example`},
		{"null origin", header("Origin", "null"), 403, wire.CodeOriginNotAllowed, "", "sandboxed"},
		{"broken origin", header("Origin", "x.example"), 403, wire.CodeOriginNotAllowed, "", "x.example"},
		{"token in the URL", query("app=default&token=SECRET"), 400, wire.CodeBadMessage, "", "hello"},
		{"token in the URL, by another name", query("Access_Token=SECRET"), 400, wire.CodeBadMessage, "", "hello"},
		{"token in the URL, its name escaped", query("%74oke%6E=SECRET"), 400, wire.CodeBadMessage, "", "hello"},
		{"token in the URL, behind a semicolon", query("app=default;token=SECRET"), 400, wire.CodeBadMessage, "", "hello"},
		{"token in the URL, with a bad escape", query("token=SECRET%zz"), 400, wire.CodeBadMessage, "", "hello"},
		{"token in the URL, with a space", query("+jwt%20=SECRET"), 400, wire.CodeBadMessage, "", "hello"},
		{"token in the URL, empty", query("token"), 400, wire.CodeBadMessage, "", "hello"},
		{"unknown app", query("app=nobody"), 404, wire.CodeUnknownApp, "", "nobody"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, p := send(t, Handler(signaling.New(signaling.Config{}), Config{}), tt.change)
			if resp.StatusCode != tt.status || p.Code != tt.code || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("%d %s %q, want %d %s with %q", resp.StatusCode, p.Code, p.Detail, tt.status, tt.code, tt.detail)
			}
			if strings.Contains(p.Detail, "SECRET") {
				t.Errorf("the refusal repeats the token: %q", p.Detail)
			}
			if name, value, ok := strings.Cut(tt.header, ": "); ok && resp.Header.Get(name) != value {
				t.Errorf("%s: %q, want %q", name, resp.Header.Get(name), value)
			}
		})
	}
}

func TestTokenIsNotRepeatedInARefusal(t *testing.T) {
	_, p := send(t, Handler(signaling.New(signaling.Config{}), Config{}), header("Sec-WebSocket-Protocol", "signal.token.c2VjcmV0, other"))
	if strings.Contains(p.Detail, "c2VjcmV0") || !strings.Contains(p.Detail, "other") {
		t.Errorf("detail %q", p.Detail)
	}
}

func TestUpgradeSelectsTheSubprotocol(t *testing.T) {
	resp, _ := send(t, Handler(signaling.New(signaling.Config{}), Config{}), header("Sec-WebSocket-Protocol", "signal.token.c2VjcmV0, signal.v1"))
	if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Protocol") != Subprotocol {
		t.Errorf("%d, subprotocol %q", resp.StatusCode, resp.Header.Get("Sec-WebSocket-Protocol"))
	}
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("extensions %q, want none: compressing secrets beside what others chose leaks them", got)
	}
}

// ask is the check that a browser makes after an upgrade that failed.
func ask(r *http.Request) {
	plain(r)
	r.Header.Set("Accept", "application/problem+json")
}

func TestReadableCheck(t *testing.T) {
	srv := signaling.New(signaling.Config{MaxLinks: 1})
	h := Handler(srv, Config{})
	for range 3 { // creates nothing: more than MaxLinks may ask
		resp, p := send(t, h, ask)
		if resp.StatusCode != 204 || resp.Header.Get("Access-Control-Allow-Origin") != "*" || resp.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%d %v, header %v", resp.StatusCode, p, resp.Header)
		}
	}
	resp, p := send(t, h, ask, header("Origin", "https://x.example"))
	if resp.StatusCode != 403 || p.Code != wire.CodeOriginNotAllowed || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("foreign origin: %d %v, header %v", resp.StatusCode, p, resp.Header)
	}
	resp, p = send(t, h, ask, query("origin=https%3A%2F%2Fx.example")) // of a page that a proxy hides
	if resp.StatusCode != 403 || p.Code != wire.CodeOriginNotAllowed {
		t.Errorf("foreign origin in the query: %d %v", resp.StatusCode, p)
	}
	resp, p = send(t, h, ask, query("app=nobody"))
	if resp.StatusCode != 404 || p.Code != wire.CodeUnknownApp {
		t.Errorf("unknown app: %d %v", resp.StatusCode, p)
	}
}

// TestReadableCheckIsNoOracle asks with a token, which is not looked at, and too often.
func TestReadableCheckIsNoOracle(t *testing.T) {
	srv := signaling.New(signaling.Config{
		IPRate: 1, IPBurst: 3,
		Authenticate: func(context.Context, signaling.Hello) (signaling.Identity, error) { panic("asked") },
	})
	h := Handler(srv, Config{Context: func(*http.Request) any { panic("asked") }})
	shown := header("Sec-WebSocket-Protocol", "signal.v1, signal.token.Z3Vlc3M")
	for range 3 {
		if resp, p := send(t, h, ask, shown); resp.StatusCode != 204 {
			t.Errorf("%d %v", resp.StatusCode, p)
		}
	}
	for _, changes := range [][]request{{ask, shown}, {ask, query("app=nobody")}, {shown}} {
		resp, p := send(t, h, changes...)
		if resp.StatusCode != 429 || p.Code != wire.CodeRateLimited || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%d %v, Retry-After %q", resp.StatusCode, p, resp.Header.Get("Retry-After"))
		}
	}
}

func TestStoppedServerSaysWhenToComeBack(t *testing.T) {
	srv := signaling.New(signaling.Config{})
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, changes := range [][]request{nil, {ask}} {
		resp, p := send(t, Handler(srv, Config{}), changes...)
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || p.Code != wire.CodeGoingAway {
			t.Errorf("%d %v, Retry-After %q", resp.StatusCode, p, resp.Header.Get("Retry-After"))
		}
	}
}

// quiet hides everything but the three methods of a ResponseWriter, as
// middleware often does.
type quiet struct{ http.ResponseWriter }

// polite is the same done right.
type polite struct{ quiet }

func (p polite) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// shallow hands on to the next writer, and complains or panics if that has no Hijack.
type shallow struct {
	http.ResponseWriter
	panics bool
}

func (s shallow) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if s.panics {
		return s.ResponseWriter.(http.Hijacker).Hijack()
	}
	if h, ok := s.ResponseWriter.(http.Hijacker); ok {
		return h.Hijack()
	}
	return nil, nil, errors.New("no hijacker below")
}

// deep is a shallow one that says what it wraps.
type deep struct{ shallow }

func (d deep) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// behind has h serve what wrap makes of each ResponseWriter.
func behind(wrap func(http.ResponseWriter) http.ResponseWriter) http.Handler {
	h := Handler(signaling.New(signaling.Config{}), Config{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrap(w), r) })
}

func TestHiddenConnectionIsNamed(t *testing.T) {
	tests := []struct {
		name   string
		wrap   func(http.ResponseWriter) http.ResponseWriter
		detail []string // of 500; nil: it can be upgraded
		passes bool     // the check cannot see it
	}{
		{"no wrapper", func(w http.ResponseWriter) http.ResponseWriter { return w }, nil, true},
		{"quiet", func(w http.ResponseWriter) http.ResponseWriter { return quiet{w} }, []string{"into ws.quiet,"}, false},
		{"polite", func(w http.ResponseWriter) http.ResponseWriter { return polite{quiet{w}} }, nil, true},
		{"quiet in polite", func(w http.ResponseWriter) http.ResponseWriter { return polite{quiet{quiet{w}}} }, []string{"into ws.quiet,"}, false},
		{"quiet in deep", func(w http.ResponseWriter) http.ResponseWriter { return deep{shallow{quiet{w}, true}} }, []string{"into ws.quiet,"}, false},
		{"polite in deep that complains", func(w http.ResponseWriter) http.ResponseWriter { return deep{shallow{polite{quiet{w}}, false}} }, nil, true},
		{"polite in deep that panics", func(w http.ResponseWriter) http.ResponseWriter { return deep{shallow{polite{quiet{w}}, true}} }, nil, true},
		{"quiet in shallow that complains", func(w http.ResponseWriter) http.ResponseWriter { return shallow{quiet{w}, false} }, []string{"ws.shallow: no hijacker below"}, true},
		{"quiet in shallow that panics", func(w http.ResponseWriter) http.ResponseWriter { return shallow{quiet{w}, true} }, []string{"ws.shallow: panic: ", "ws.quiet is not http.Hijacker"}, true},
		{"all in polite", func(w http.ResponseWriter) http.ResponseWriter { return polite{quiet{shallow{quiet{w}, false}}} }, []string{"ws.shallow: no hijacker below"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, p := send(t, behind(tt.wrap))
			if want := map[bool]int{true: 101, false: 500}[tt.detail == nil]; resp.StatusCode != want {
				t.Fatalf("%d %q, want %d", resp.StatusCode, p.Detail, want)
			}
			for _, want := range tt.detail {
				if !strings.Contains(p.Detail, want) {
					t.Errorf("detail %q, want %q in it", p.Detail, want)
				}
			}
			if resp, p := send(t, behind(tt.wrap), ask); (resp.StatusCode == 204) != tt.passes {
				t.Errorf("the check: %d %q", resp.StatusCode, p.Detail)
			}
		})
	}
}

// Middleware that limits the time of requests ends their context. A connection
// is none of its business.
func TestConnectionOutlivesTheContextOfItsRequest(t *testing.T) {
	h := Handler(signaling.New(signaling.Config{}), Config{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
	}))
	defer server.Close()
	d := websocket.Dialer{Subprotocols: []string{Subprotocol}}
	c, _, err := d.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, frame := range []string{`{"type":"hello"}`, `{"id":1,"type":"join","room":"r"}`} {
		c.WriteMessage(websocket.TextMessage, []byte(frame))
		if _, frame, err := c.ReadMessage(); err != nil {
			t.Errorf("%s, %v", frame, err)
		}
	}
}

func TestRemoteIsUnmapped(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.1:7": "192.0.2.1:7", "[::ffff:192.0.2.1]:7": "192.0.2.1:7", "@": "invalid AddrPort"} {
		if got := remoteOf(&http.Request{RemoteAddr: in}).String(); got != want {
			t.Errorf("remoteOf(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestOverTLS(t *testing.T) {
	srv := signaling.New(signaling.Config{})
	server := httptest.NewTLSServer(Handler(srv, Config{}))
	defer server.Close()
	d := websocket.Dialer{Subprotocols: []string{Subprotocol}, TLSClientConfig: server.Client().Transport.(*http.Transport).TLSClientConfig}
	c, _, err := d.DialContext(t.Context(), "wss"+strings.TrimPrefix(server.URL, "https")+"/ws", http.Header{"Origin": {server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello"}`))
	if _, frame, err := c.ReadMessage(); err != nil || !strings.Contains(string(frame), `"welcome"`) {
		t.Errorf("%s, %v", frame, err)
	}
	go func() { // reads the close frame, and closes
		for {
			if _, _, err := c.ReadMessage(); err != nil {
				c.Close()
				return
			}
		}
	}()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
