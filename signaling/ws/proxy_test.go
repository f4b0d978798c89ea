package ws

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

// TestForwardedAddress is case 19.
func TestForwardedAddress(t *testing.T) {
	tests := []struct {
		name, from, header, value, want string
	}{
		{"no proxy", "192.0.2.1:1", XForwardedFor, "", "192.0.2.1:1"},
		{"forged by a client", "192.0.2.1:1", XForwardedFor, "198.51.100.1", "192.0.2.1:1"},
		{"one proxy", "10.0.0.1:1", XForwardedFor, "192.0.2.1", "192.0.2.1:0"},
		{"forged before the proxy", "10.0.0.1:1", XForwardedFor, "198.51.100.1, 192.0.2.1", "192.0.2.1:0"},
		{"forged as a proxy", "10.0.0.1:1", XForwardedFor, "198.51.100.1, 10.0.0.9, 192.0.2.1", "192.0.2.1:0"},
		{"two proxies", "10.0.0.1:1", XForwardedFor, "198.51.100.1, 192.0.2.1, 10.0.0.2", "192.0.2.1:0"},
		{"only proxies", "10.0.0.1:1", XForwardedFor, "10.0.0.3, 10.0.0.2", "10.0.0.3:0"},
		{"the proxy says nothing", "10.0.0.1:1", XForwardedFor, "", "10.0.0.1:1"},
		{"broken", "10.0.0.1:1", XForwardedFor, "192.0.2.1, x", "10.0.0.1:1"},
		{"with ports", "10.0.0.1:1", XForwardedFor, "192.0.2.1:5, 10.0.0.2:6", "192.0.2.1:5"},
		{"IPv6", "[fd00::1]:1", XForwardedFor, "2001:db8::1", "[2001:db8::1]:0"},
		{"IPv6 with brackets", "10.0.0.1:1", XForwardedFor, "[2001:db8::1]", "[2001:db8::1]:0"},
		{"mapped", "[::ffff:10.0.0.1]:1", XForwardedFor, "::ffff:192.0.2.1", "192.0.2.1:0"},
		{"the other header", "10.0.0.1:1", Forwarded, "", "10.0.0.1:1"},
		{"Forwarded", "10.0.0.1:1", Forwarded, `for=198.51.100.1, proto=https;For="192.0.2.1:5";by=10.0.0.1`, "192.0.2.1:5"},
		{"Forwarded, IPv6", "10.0.0.1:1", Forwarded, `for="[2001:db8::1]:47011"`, "[2001:db8::1]:47011"},
		{"Forwarded, a comma in quotes", "10.0.0.1:1", Forwarded, `for=192.0.2.1;host="a,for=198.51.100.1"`, "192.0.2.1:0"},
		{"Forwarded, twice in one element", "10.0.0.1:1", Forwarded, `for=192.0.2.1;host=a;for=198.51.100.1`, "10.0.0.1:1"},
		{"Forwarded, hidden", "10.0.0.1:1", Forwarded, `for=192.0.2.1, for=_secret`, "10.0.0.1:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/ws", nil)
			r.RemoteAddr = tt.from
			if tt.header == Forwarded {
				r.Header.Set(XForwardedFor, "198.51.100.99") // nobody's who is trusted
			}
			for value := range strings.SplitSeq(tt.value, "|") {
				r.Header.Add(tt.header, value)
			}
			if got := BehindProxies(proxies, tt.header)(r).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestForwardedHeadersAreOneList(t *testing.T) {
	r := httptest.NewRequest("GET", "/ws", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header[XForwardedFor] = []string{"198.51.100.1", "192.0.2.1", "10.0.0.2"}
	if got := BehindProxies(proxies, XForwardedFor)(r).Addr().String(); got != "192.0.2.1" {
		t.Errorf("got %s", got)
	}
}

// FuzzForwarded looks for panics, and for a client who gets around its proxy.
func FuzzForwarded(f *testing.F) {
	f.Add(`for="[2001:db8::1]:47011", for=_x;by=1.2.3.4`)
	f.Add(`1.2.3.4, [::1]:5, "a`)
	f.Fuzz(func(t *testing.T, forged string) {
		r := httptest.NewRequest("GET", "/ws", nil)
		r.RemoteAddr = "10.0.0.1:1"
		for _, header := range []string{XForwardedFor, Forwarded} {
			r.Header = http.Header{header: {forged}}
			BehindProxies(proxies, header)(r)
		}
		for header, own := range map[string]string{XForwardedFor: "192.0.2.1", Forwarded: `for="192.0.2.1:5";proto=https`} {
			r.Header = http.Header{header: {forged + ", " + own}}
			if got := BehindProxies(proxies, header)(r).Addr().String(); got != "192.0.2.1" {
				t.Errorf("%s: %q leads to %s", header, forged, got)
			}
		}
	})
}

func ExampleBehindProxies() {
	remote := BehindProxies([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, XForwardedFor)
	srv := signaling.New(signaling.Config{})
	http.Handle("/ws", Handler(srv, Config{Remote: remote}))

	r := httptest.NewRequest("GET", "/ws", nil)
	r.RemoteAddr = "127.0.0.1:50000" // nginx on the same host
	r.Header.Set(XForwardedFor, "1.1.1.1, 192.0.2.7")
	fmt.Println(remote(r).Addr())
	// Output: 192.0.2.7
}
