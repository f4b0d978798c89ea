package ws

import (
	"net/http"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

func TestOrigins(t *testing.T) {
	cfg := Config{Origins: []string{"https://app.example", "http://app.example:8080"}}
	tests := []struct {
		name, origin, host string
		loopback, allowed  bool
	}{
		{"none", "", "signal.example", false, true},
		{"same", "http://signal.example", "signal.example", false, true},
		{"same with port", "http://signal.example:8080", "signal.example:8080", false, true},
		{"same, TLS ended by a proxy", "https://signal.example", "signal.example", false, true},
		{"same, default port named", "https://signal.example", "signal.example:443", false, true},
		{"same in capitals", "http://Signal.Example", "signal.example", false, true},
		{"same IPv6", "http://[2001:db8::1]:8080", "[2001:db8::1]:8080", false, true},
		{"other port", "http://signal.example:81", "signal.example", false, false},
		{"suffix", "http://signal.example.evil.test", "signal.example", false, false},
		{"prefix", "http://evil-signal.example", "signal.example", false, false},
		{"user info", "http://signal.example@evil.test", "signal.example", false, false},
		{"listed", "https://app.example", "signal.example", false, true},
		{"listed, port named", "https://app.example:443", "signal.example", false, true},
		{"listed, other scheme", "http://app.example", "signal.example", false, false},
		{"listed, other port", "https://app.example:8443", "signal.example", false, false},
		{"below a listed one", "https://evil.app.example", "signal.example", false, false},
		{"loopback in production", "http://localhost:5173", "127.0.0.1:8080", false, false},
		{"localhost", "http://localhost:5173", "127.0.0.1:8080", true, true},
		{"127.0.0.0/8", "http://127.1.2.3:5173", "localhost:8080", true, true},
		{"::1", "http://[::1]:5173", "localhost:8080", true, true},
		{"name like localhost", "http://localhost.evil.test", "localhost:8080", true, false},
		{"null in development", "null", "localhost:8080", true, false},
		{"file in development", "file://", "localhost:8080", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := cfg
			cfg.AnyLoopback = tt.loopback
			resp, p := send(t, Handler(signaling.New(signaling.Config{}), cfg), func(r *http.Request) {
				r.Host = tt.host
				if tt.origin != "" {
					r.Header.Set("Origin", tt.origin)
				}
			})
			if allowed := resp.StatusCode == 101; allowed != tt.allowed {
				t.Errorf("%d %s, want allowed: %v", resp.StatusCode, p.Detail, tt.allowed)
			}
		})
	}
}

func TestTwoOriginsAreNone(t *testing.T) {
	resp, _ := send(t, Handler(signaling.New(signaling.Config{}), Config{}), func(r *http.Request) {
		r.Header["Origin"] = []string{"http://" + r.URL.Host, "https://x.example"}
	})
	if resp.StatusCode != 403 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestParseOrigin(t *testing.T) {
	for _, s := range []string{"", "*", "app.example", "https://", "https://*.app.example", "https://app.example/", "https://app.example?x", "ftp://app.example", "https://a@app.example", "http://[::1"} {
		if err := ParseOrigin(s); err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("ParseOrigin(%q) = %v", s, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Handler took a wildcard origin")
		}
	}()
	Handler(signaling.New(signaling.Config{}), Config{Origins: []string{"*"}})
}
