package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestServesThePageAndTheSDK(t *testing.T) {
	h := Handler(Config{})
	for path, want := range map[string]string{
		"/":                "text/html; charset=utf-8",
		"/?room=standup":   "text/html; charset=utf-8",
		"/sdk/wire.js":     "text/javascript; charset=utf-8",
		"/sdk/wire.js?v=1": "text/javascript; charset=utf-8",
	} {
		resp := get(t, h, path)
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != want {
			t.Errorf("%s: %d %q, want 200 %q", path, resp.StatusCode, got, want)
		}
	}
}

func TestUnknownPathsAreNotFound(t *testing.T) {
	h := Handler(Config{})
	for _, path := range []string{"/standup", "/sdk/", "/sdk", "/sdk/README.md", "/page/index.html", "/index.html", "/../embed.go", "/sdk/../embed.go"} {
		resp := get(t, h, path)
		if resp.StatusCode != 404 || resp.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func TestOnlyReads(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(Config{}).ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	h := Handler(Config{})
	first := get(t, h, "/")
	etag := first.Header.Get("ETag")
	if etag == "" || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("ETag %q, Cache-Control %q", etag, first.Header.Get("Cache-Control"))
	}
	if again := get(t, h, "/", "If-None-Match", etag); again.StatusCode != 304 {
		t.Errorf("status %d, want 304", again.StatusCode)
	}
}

func TestSecurityHeaders(t *testing.T) {
	header := get(t, Handler(Config{}), "/").Header
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self';",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
		"Permissions-Policy":      "camera=(self), microphone=(self), display-capture=(self)",
	} {
		if got := header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, directive := range []string{"base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'", "media-src 'self' blob:"} {
		if !strings.Contains(header.Get("Content-Security-Policy"), directive) {
			t.Errorf("the policy lacks %q", directive)
		}
	}
	if header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("the page is readable from other origins")
	}
	if got := get(t, Handler(Config{}), "/sdk/wire.js").Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("the SDK cannot be imported from other origins: %q", got)
	}
}

// TestFilesNeedNothingThePolicyForbids holds the page to its own policy, and
// to relative URLs, so that it works below any prefix.
func TestFilesNeedNothingThePolicyForbids(t *testing.T) {
	for path, a := range load(files) {
		if !strings.HasSuffix(path, "/") && !strings.HasSuffix(path, ".html") {
			continue
		}
		for _, bad := range []string{` style="`, `onclick=`, `onload=`, `javascript:`, `src="/`, `href="/`, `<style>`, `<script>`} {
			if strings.Contains(string(a.content), bad) {
				t.Errorf("%s contains %s", path, bad)
			}
		}
	}
}

func TestHSTSOverTLSOnly(t *testing.T) {
	h := Handler(Config{HSTS: 24 * time.Hour})
	r := httptest.NewRequest("GET", "https://signal.example/", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header().Get("Strict-Transport-Security"); got != "max-age=86400" {
		t.Errorf("over TLS: %q", got)
	}
	if got := get(t, h, "/").Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("without TLS: %q", got)
	}
}

func TestOnlyKnownTypesAreServed(t *testing.T) {
	assets := load(fstest.MapFS{
		"page/index.html": {Data: []byte("x")},
		"page/notes.txt":  {Data: []byte("x")},
		"sdk/client.js":   {Data: []byte("x")},
		"sdk/client.d.ts": {Data: []byte("x")},
	})
	if len(assets) != 2 || assets["/"].etag == "" || assets["/sdk/client.js"].etag == "" {
		t.Errorf("served: %v", assets)
	}
}
