package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A served is a `signal serve` of a test.
type served struct {
	t    *testing.T
	url  string // of the page
	log  *lockedBuffer
	stop context.CancelFunc
	code chan int
}

// serve starts `signal serve` on free ports, with more args, and waits for its
// line.
func serve(t *testing.T, args ...string) *served {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := &served{t: t, log: &lockedBuffer{}, stop: stop, code: make(chan int, 1)}
	out, in := io.Pipe()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--state-dir", t.TempDir()}, args...)
	if !slices.Contains(args, "--turn-listen") {
		args = append(args, "--turn-listen", "127.0.0.1:0")
	}
	if !slices.Contains(args, "--self-test") {
		args = append(args, "--no-self-test")
	}
	go func() {
		code := run(&environment{ctx, in, s.log}, args)
		in.CloseWithError(fmt.Errorf("it ended with code %d: %s", code, s.log))
		s.code <- code
	}()
	t.Cleanup(stop)
	if _, err := fmt.Fscanf(out, "signal is ready: %s\n", &s.url); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out) // ends when the command does
	return s
}

func (s *served) ended() int {
	s.t.Helper()
	s.stop()
	select {
	case code := <-s.code:
		return code
	case <-time.After(20 * time.Second):
		s.t.Fatalf("it does not stop: %s", s.log)
		return 0
	}
}

func (s *served) get(path string) (int, string) {
	s.t.Helper()
	resp, err := http.Get(strings.TrimSuffix(s.url, "/") + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// dial says hello with a token, from a page of another port of this machine.
func (s *served) dial(token string) (c *websocket.Conn, welcome string) {
	s.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"signal.v1", "signal.token." + base64.RawURLEncoding.EncodeToString([]byte(token))}}
	header := http.Header{"Origin": {"http://localhost:5173"}}
	c, _, err := d.DialContext(s.t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"ws", header)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	return c, s.say(c, fmt.Sprintf(`{"type":"hello","token":%q}`, token))
}

func (s *served) say(c *websocket.Conn, frame string) (answer string) {
	s.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		s.t.Fatal(err)
	}
	_, b, err := c.ReadMessage()
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func TestServeFromHelloToSIGTERM(t *testing.T) {
	s := serve(t, "--log-level", "debug")
	if status, body := s.get("/"); status != 200 || !strings.Contains(body, "<!doctype html>") {
		t.Errorf("page: %d %q", status, body)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := s.get(path); status != 200 || body != "ok\n" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	c, welcome := s.dial("open-sesame")
	for _, part := range []string{`"type":"welcome"`, `"turn:127.0.0.1:`, `transport=tcp`, `"credential":`} {
		if !strings.Contains(welcome, part) {
			t.Errorf("welcome %s lacks %s", welcome, part)
		}
	}
	if joined := s.say(c, `{"id":1,"type":"join","room":"standup","data":{"sdp":"v=0 secret-sdp"}}`); !strings.Contains(joined, `"joined"`) {
		t.Errorf("join: %s", joined)
	}
	s.stop()
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
				t.Errorf("closed with %v, want 1012", err)
			}
			break
		}
	}
	c.Close()
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.log)
	}
	for _, secret := range []string{"open-sesame", "secret-sdp", "b3Blbi1zZXNhbWU"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %q: %s", secret, s.log)
		}
	}
	if line := regexp.MustCompile(`level=DEBUG msg=message type=join room=standup from=[A-Za-z0-9]{20} id=1 bytes=\d+\n`); !line.MatchString(s.log.String()) {
		t.Errorf("the log lacks %s: %s", line, s.log)
	}
	if !strings.Contains(s.log.String(), "development") {
		t.Errorf("the log does not say that any loopback origin is allowed: %s", s.log)
	}
}

func TestServeBelowABasePath(t *testing.T) {
	s := serve(t, "--base-path", "/call", "--no-turn")
	if !strings.HasSuffix(s.url, "/call/") {
		t.Fatalf("url %s", s.url)
	}
	if status, _ := s.get("/"); status != 200 {
		t.Errorf("page: %d", status)
	}
	if status, _ := s.get("/sdk/wire.js"); status != 200 {
		t.Errorf("SDK: %d", status)
	}
	if _, welcome := s.dial("x"); strings.Contains(welcome, "turn:") {
		t.Errorf("--no-turn: %s", welcome)
	}
	root := served{t: t, url: strings.TrimSuffix(s.url, "call/")}
	if status, _ := root.get("/healthz"); status != 200 {
		t.Errorf("healthz: %d", status)
	}
	if status, _ := root.get("/ws"); status != 404 {
		t.Errorf("/ws beside the base path: %d", status)
	}
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.log)
	}
}

func TestReadyzWhileDraining(t *testing.T) {
	n, err := newNode(Config{Listen: "127.0.0.1:0", BasePath: "/", StateDir: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer n.listener.Close()
	if err := n.drain(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503} {
		handler := n.health.alive
		if path == "/readyz" {
			handler = n.ready
		}
		w := httptest.NewRecorder()
		handler(w, nil)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// TestWhoSaysNothingIsCut has no way to wait for minutes, so it looks at what
// net/http was told.
func TestWhoSaysNothingIsCut(t *testing.T) {
	n, err := newNode(Config{Listen: "127.0.0.1:0", BasePath: "/", StateDir: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer n.listener.Close()
	for name, limit := range map[string]time.Duration{
		"headers": n.http.ReadHeaderTimeout, "a request": n.http.ReadTimeout, "an answer": n.http.WriteTimeout, "the next request": n.http.IdleTimeout,
	} {
		if limit <= 0 {
			t.Errorf("%s may take for ever", name)
		}
	}
}

func TestSettingsReachClients(t *testing.T) {
	s := serve(t, "--no-turn", "--resume-window", "0s", "--max-links", "1", "--max-peers", "3", "--max-rooms", "4",
		"--max-message", "5000", "--rate", "60", "--burst", "70", "--bytes", "80000")
	_, welcome := s.dial("")
	for _, part := range []string{`"message":5000,`, `"peers":3,`, `"rooms":4,`, `"rate":60,`, `"burst":70,`, `"bytes":80000}`} {
		if !strings.Contains(welcome, part) {
			t.Errorf("welcome %s lacks %s", welcome, part)
		}
	}
	if strings.Contains(welcome, `"resume"`) {
		t.Errorf("welcome %s has a resume token, and nobody is waited for", welcome)
	}
	if status := s.check(""); status != http.StatusServiceUnavailable {
		t.Errorf("a second connection: %d, want 503", status)
	}
}

func TestOnlyLoopbackTrustsLoopback(t *testing.T) {
	if status := serve(t, "--no-turn").check("http://localhost:5173"); status != http.StatusNoContent {
		t.Errorf("on a loopback address: %d, want 204", status)
	}
	if status := serve(t, "--no-turn", "--listen", ":0").check("http://localhost:5173"); status != http.StatusForbidden {
		t.Errorf("on all addresses: %d, want 403", status)
	}
}

// check asks whether a page of origin could connect.
func (s *served) check(origin string) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"ws", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/problem+json")
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestTakenPortsAreExplained(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	code, _, stderr := start(t, "serve", "--no-turn", "--listen", taken, "--state-dir", t.TempDir())
	if code != exitFailed || !strings.Contains(stderr, taken) || !strings.Contains(stderr, "localhost:8081") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	code, _, stderr = start(t, "serve", "--listen", "127.0.0.1:0", "--turn-listen", taken, "--state-dir", t.TempDir())
	if code != exitFailed || !strings.Contains(stderr, taken) || !strings.Contains(stderr, "--no-turn") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

func TestKeyIsMadeOnceAndReused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	first, file, err := loadKey(dir)
	if err != nil || len(first) != minSecret {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	second, _, err := loadKey(dir)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("the key changed, %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if err := os.WriteFile(file, []byte("c2hvcnQ=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := start(t, "serve", "--no-turn", "--listen", "127.0.0.1:0", "--state-dir", dir)
	if code != exitUsage || !strings.Contains(stderr, file) {
		t.Errorf("a broken key: exit code %d, %q", code, stderr)
	}
}

func TestKeyThatCannotBeKeptIsAWarning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--no-turn", "--state-dir", filepath.Join(file, "below"))
	if code := s.ended(); code != 0 || !strings.Contains(s.log.String(), "level=WARN") || !strings.Contains(s.log.String(), "--resume-key") {
		t.Errorf("exit code %d, log %s", code, s.log)
	}
}

func TestStateDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	if dir, err := stateDir(); dir != "/state/signal" || err != nil {
		t.Errorf("%q, %v", dir, err)
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	t.Setenv("HOME", "/home/ana")
	if dir, err := stateDir(); dir != "/home/ana/.local/state/signal" || err != nil {
		t.Errorf("%q, %v", dir, err)
	}
}
