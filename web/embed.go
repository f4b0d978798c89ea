// Package web has the call page and the JavaScript SDK, and serves them.
//
//	http.Handle("/", web.Handler(web.Config{}))
//	http.Handle("/call/", http.StripPrefix("/call", web.Handler(web.Config{})))
//
// The page is at the root, and a room is its query: "?room=standup". So one
// static file serves every room, and a mistyped path is a 404 and not a call.
// The SDK is below sdk/. All URLs inside are relative: the handler works under
// any path prefix, as long as the page's own URL ends in a slash.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed page sdk
var files embed.FS

// contentTypes are the files that are served, by the end of their name. They
// are named here since the system's table differs from host to host, and with
// nosniff a module of a wrong type does not run.
var contentTypes = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".ico":         "image/x-icon",
	".woff2":       "font/woff2",
	".webmanifest": "application/manifest+json",
}

// policy is strict: nothing comes from elsewhere, no string becomes code, and
// nobody frames the page, which would let them lend its camera permission.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"font-src 'self'; manifest-src 'self'; media-src 'self' blob:; img-src 'self' blob: data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// An asset is one file in memory, ready to serve.
type asset struct {
	content     []byte
	contentType string
	etag        string
}

// Config configures a Handler. The zero Config is right behind a proxy and on
// localhost.
type Config struct {
	// HSTS is for how long a browser that came over HTTPS shall never use
	// anything else for this host. Zero: nothing is said.
	HSTS time.Duration
}

// Handler serves the page and the SDK. It may be shared.
func Handler(cfg Config) http.Handler {
	assets := load(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if cfg.HSTS > 0 && r.TLS != nil {
			w.Header().Set("Strict-Transport-Security", "max-age="+strconv.FormatInt(int64(cfg.HSTS/time.Second), 10))
		}
		serve(w, r, assets)
	})
}

// load reads what is to be served, by its path below the root.
func load(from fs.FS) map[string]asset {
	assets := map[string]asset{}
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		contentType, known := contentTypes[path.Ext(name)]
		if err != nil || entry.IsDir() || !known {
			return err
		}
		content, err := fs.ReadFile(from, name)
		sum := sha256.Sum256(content)
		assets[urlOf(name)] = asset{content, contentType, `"` + hex.EncodeToString(sum[:12]) + `"`}
		return err
	})
	if err != nil {
		panic("web: the embedded files cannot be read: " + err.Error()) // the binary is broken
	}
	return assets
}

// urlOf is where an embedded file is served.
func urlOf(name string) string {
	if name == "page/index.html" {
		return "/"
	}
	return "/" + strings.TrimPrefix(name, "page/")
}

func serve(w http.ResponseWriter, r *http.Request, assets map[string]asset) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Use GET.", http.StatusMethodNotAllowed)
		return
	}
	a, ok := assets[r.URL.Path]
	if !ok {
		http.Error(w, "There is nothing here. The call page is one level up, its rooms are ?room=NAME.", http.StatusNotFound)
		return
	}
	header := w.Header()
	header.Set("Content-Type", a.contentType)
	header.Set("ETag", a.etag)
	// The names have no version in them: ask each time, and get a 304.
	header.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(r.URL.Path, "/sdk/") {
		// A page of another origin imports the SDK from here.
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}

// secure sets what every answer has.
func secure(header http.Header) {
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer") // a room's name is in the URL
	header.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self)")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}
