// Package suite is what a service has to do for calls of its users, whatever
// router it is on.
package suite

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/robot"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// patience is how long one call may take, on a machine with other work.
const patience = 60 * time.Second

// A Service is one, and what is expected of it. Its users are ann and ben.
type Service struct {
	Calls  *signaling.Server
	Router http.Handler
	Login  string // the path at which a form with user gives a cookie
	Path   string // of the WebSocket

	Room    string // ann and ben may join it
	Refused string // a room that ann may not join
	Why     string // what she is told then

	Event  string // with Data, of ann, when both are in Room
	Data   any
	Answer string // to it, as JSON
	Heard  string // "": nothing; else the event that ben hears of it
}

// Run has ann and ben call each other, with sound and pictures, through s.
func Run(t *testing.T, s Service) {
	v := serve(t, s)
	v.wantStatus(t, nil, http.StatusUnauthorized)
	ann, ben := v.login(t, "ann"), v.login(t, "ben")
	v.wantStatus(t, ann, http.StatusNoContent)
	_, err := client.Dial(v.ctx, v.url(), client.Config{})
	wantRefusal(t, err, wire.CodeUnauthenticated, "")

	heard := make(chan string, 1)
	first := v.join(t, "ana", ann, nil)
	second := v.join(t, "ben", ben, map[string]client.Handler{s.Heard: func(_ context.Context, e *client.ServerEvent) (any, error) {
		heard <- string(e.Data)
		return nil, nil
	}})
	v.wantCall(t, first, second)
	v.wantCall(t, second, first)

	answer, err := first.Client().Emit(v.ctx, s.Event, s.Data)
	if err != nil || string(answer) != s.Answer {
		t.Errorf("event %q is answered with %s, %v; want %s", s.Event, answer, err, s.Answer)
	}
	if s.Heard != "" {
		select {
		case data := <-heard:
			if data != `"ann"` {
				t.Errorf("ben hears %s of ann's event, want her name", data)
			}
		case <-v.ctx.Done():
			t.Error("ben does not hear of ann's event")
		}
	}
	_, err = first.Client().Join(v.ctx, s.Refused, nil)
	wantRefusal(t, err, wire.CodeForbidden, s.Why)
}

// visit is a service that runs.
type visit struct {
	Service
	server *httptest.Server
	ctx    context.Context
}

// serve starts the service. It ends with the test, and has to end without a
// word of net/http about what was done to a response.
func serve(t *testing.T, s Service) *visit {
	var complaints buffer
	server := httptest.NewUnstartedServer(s.Router)
	server.Config.ErrorLog = log.New(&complaints, "", 0)
	server.Start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(func() {
		cancel()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Calls.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		server.Close()
		if said := complaints.String(); said != "" {
			t.Errorf("net/http complains: %s", said)
		}
	})
	return &visit{Service: s, server: server, ctx: ctx}
}

func (v *visit) url() string { return v.server.URL + v.Path }

// header is what a browser sends along, that a Go client does not.
func header(cookie *http.Cookie) http.Header {
	h := http.Header{"Accept-Encoding": {"gzip, deflate, br"}}
	if cookie != nil {
		h.Set("Cookie", cookie.Name+"="+cookie.Value)
	}
	return h
}

// login returns the session's cookie.
func (v *visit) login(t *testing.T, user string) *http.Cookie {
	t.Helper()
	resp, err := http.PostForm(v.server.URL+v.Login, url.Values{"user": {user}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if cookies := resp.Cookies(); resp.StatusCode == http.StatusOK && len(cookies) == 1 {
		return cookies[0]
	}
	t.Fatalf("login: %s with the cookies %v", resp.Status, resp.Cookies())
	return nil
}

// wantStatus asks whether a connection would be let in.
func (v *visit) wantStatus(t *testing.T, cookie *http.Cookie, want int) {
	t.Helper()
	r, err := http.NewRequestWithContext(v.ctx, "GET", v.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header(cookie)
	r.Header.Set("Accept", "application/problem+json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != want {
		t.Errorf("%s, want %d", resp.Status, want)
	}
}

// join brings a robot with a clip into the room.
func (v *visit) join(t *testing.T, clip string, cookie *http.Cookie, on map[string]client.Handler) *robot.Robot {
	t.Helper()
	r, err := robot.Join(v.ctx, v.url(), v.Room, robot.Config{Name: clip, Client: client.Config{Header: header(cookie), On: on}})
	if err != nil {
		t.Fatalf("%s: join: %v", clip, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Errorf("%s: close: %v", clip, err)
		}
	})
	return r
}

// wantCall wants r to get sound and pictures of other.
func (v *visit) wantCall(t *testing.T, r, other *robot.Robot) {
	t.Helper()
	err := r.WaitConnected(v.ctx, other.ID())
	if err == nil {
		err = r.WaitMedia(v.ctx, other.ID(), webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo)
	}
	if err != nil {
		t.Fatalf("no call: %v", err)
	}
}

func wantRefusal(t *testing.T, err error, code wire.Code, text string) {
	t.Helper()
	var refusal *wire.Error
	if !errors.As(err, &refusal) || refusal.Code != code || !strings.Contains(refusal.Text, text) {
		t.Errorf("%v, want %s with %q", err, code, text)
	}
}

// Hidden wants the connection through router, at path, to be refused with 500
// and a sentence that has all of words in it.
func Hidden(t *testing.T, router http.Handler, path string, words ...string) {
	t.Helper()
	Refused(t, router, path, http.StatusInternalServerError, words...)
}

// Refused is Hidden with any status.
func Refused(t *testing.T, router http.Handler, path string, status int, words ...string) {
	t.Helper()
	resp := upgrade(t, router, path)
	defer resp.Body.Close()
	var body io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	var problem struct{ Code, Detail string }
	if err := json.NewDecoder(body).Decode(&problem); err != nil || resp.StatusCode != status || problem.Code != "internal" {
		t.Fatalf("%s, %+v, %v; want %d internal", resp.Status, problem, err, status)
	}
	for _, word := range words {
		if !strings.Contains(problem.Detail, word) {
			t.Errorf("%q does not say %q", problem.Detail, word)
		}
	}
}

// Reached wants the connection through router, at path, to be upgraded.
func Reached(t *testing.T, router http.Handler, path string) {
	t.Helper()
	resp := upgrade(t, router, path)
	resp.Body.Close()
	if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != http.StatusSwitchingProtocols || got != "" {
		t.Errorf("%s with Content-Encoding %q, want 101", resp.Status, got)
	}
}

// upgrade asks for a connection as a browser does.
func upgrade(t *testing.T, router http.Handler, path string) *http.Response {
	t.Helper()
	server := httptest.NewUnstartedServer(router)
	server.Config.ErrorLog = log.New(&buffer{}, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header(nil)
	r.Header.Set("Connection", "keep-alive, Upgrade") // as Firefox has it
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	r.Header.Set("Sec-WebSocket-Protocol", "signal.v1")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// A buffer is written by many.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}
