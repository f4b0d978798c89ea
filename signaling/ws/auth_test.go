package ws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// dialWith dials with a header and further subprotocols.
func (h *harness) dialWith(header http.Header, protocols ...string) *client {
	h.t.Helper()
	c := &client{h: h}
	d := websocket.Dialer{
		Subprotocols:   append([]string{Subprotocol}, protocols...),
		NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return h.listener.Dial(ctx) },
	}
	var err error
	if c.Conn, _, err = d.DialContext(context.Background(), "ws://signal.test/ws", header); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// user says a hello and returns who the server takes the client for.
func (c *client) user(hello string) string {
	c.h.t.Helper()
	c.say(hello)
	_, text, err := c.ReadMessage()
	if err != nil {
		c.h.t.Fatal(err)
	}
	var welcome struct{ Type, User string }
	if err := json.Unmarshal(text, &welcome); err != nil || welcome.Type != "welcome" {
		c.h.t.Fatalf("got %s", text)
	}
	return welcome.User
}

func TestTokenComesInHelloOrAsASubprotocol(t *testing.T) {
	cfg := signaling.Config{Authenticate: func(_ context.Context, h signaling.Hello) (signaling.Identity, error) {
		return signaling.Identity{User: h.Token}, nil
	}}
	bubble(t, cfg, Config{}, func(h *harness) {
		listed := tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte("header.payload.sig>?~"))
		for _, tt := range []struct{ listed, hello, want string }{
			{listed, `{"type":"hello"}`, "header.payload.sig>?~"},
			{listed, `{"type":"hello","token":"newer"}`, "newer"},
			{"", `{"type":"hello","token":"alone"}`, "alone"},
			{"", `{"type":"hello"}`, ""},
		} {
			var protocols []string
			if tt.listed != "" {
				protocols = []string{tt.listed}
			}
			c := h.dialWith(nil, protocols...)
			if got := c.user(tt.hello); got != tt.want {
				t.Errorf("%s with %q: user %q, want %q", tt.hello, tt.listed, got, tt.want)
			}
			c.Close()
		}
	})
}

// TestCookieSessionLetsIn has a service's own cookie judged, behind the check of
// Origin.
func TestCookieSessionLetsIn(t *testing.T) {
	sessions := map[string]string{"c00k1e": "ann"}
	cfg := signaling.Config{Authenticate: func(_ context.Context, h signaling.Hello) (signaling.Identity, error) {
		if user, ok := h.Context.(string); ok {
			return signaling.Identity{User: user}, nil
		}
		return signaling.Identity{}, wire.Refuse(wire.CodeUnauthenticated, "log in first")
	}}
	wsCfg := Config{Context: func(r *http.Request) any {
		cookie, err := r.Cookie("session")
		if err != nil || sessions[cookie.Value] == "" {
			return nil
		}
		return sessions[cookie.Value]
	}}
	bubble(t, cfg, wsCfg, func(h *harness) {
		c := h.dialWith(http.Header{"Cookie": {"session=c00k1e"}, "Origin": {"http://signal.test"}})
		if user := c.user(`{"type":"hello"}`); user != "ann" {
			t.Errorf("user %q", user)
		}
		c.Close()
		c = h.dialWith(nil)
		c.say(`{"type":"hello"}`)
		c.wantClose(4401, "unauthenticated")
	})
	resp, _ := send(t, Handler(signaling.New(cfg), wsCfg), header("Cookie", "session=c00k1e"), header("Origin", "https://evil.example"))
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin gets %d with the cookie", resp.StatusCode)
	}
}

// TestCookieIsNotLookedAtAboveTheLimits has who opens connections too fast not
// reach code of the application.
func TestCookieIsNotLookedAtAboveTheLimits(t *testing.T) {
	asked := 0
	h := Handler(signaling.New(signaling.Config{IPRate: 1, IPBurst: 2}), Config{Context: func(*http.Request) any { asked++; return nil }})
	for range 10 {
		send(t, h)
	}
	if asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
}

func TestTokenInTheSubprotocolsIsBounded(t *testing.T) {
	h := Handler(signaling.New(signaling.Config{}), Config{})
	for size, want := range map[int]int{maxToken: http.StatusSwitchingProtocols, maxToken + 1: http.StatusBadRequest} {
		entry := tokenPrefix + base64.RawURLEncoding.EncodeToString(make([]byte, size))
		if resp, problem := send(t, h, header("Sec-WebSocket-Protocol", Subprotocol+", "+entry)); resp.StatusCode != want {
			t.Errorf("%d bytes: %d %s, want %d", size, resp.StatusCode, problem.Detail, want)
		}
	}
}
