package turn

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// What clients are told is where something listens, as it is reached from outside.
func TestURLs(t *testing.T) {
	seven := netip.MustParseAddr("192.0.2.7")
	all := []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0", "tls://[::1]:0"}
	tests := []struct {
		name string
		cfg  Config
		want string // with the ports of the listeners as 1, 2, 3
	}{
		{"as bound", Config{Listen: all}, "stun:127.0.0.1:1 turn:127.0.0.1:1?transport=udp turn:127.0.0.1:2?transport=tcp turns:[::1]:3?transport=tcp"},
		{"public address", Config{Listen: all, PublicIP: seven}, "stun:192.0.2.7:1 turn:192.0.2.7:1?transport=udp turn:192.0.2.7:2?transport=tcp turns:[::1]:3?transport=tcp"},
		{"public name", Config{Listen: all, PublicName: "call.example"}, "stun:call.example:1 turn:call.example:1?transport=udp turn:call.example:2?transport=tcp turns:call.example:3?transport=tcp"},
		{"every address", Config{Listen: []string{"udp://:0"}, PublicIP: seven}, "stun:192.0.2.7:1 turn:192.0.2.7:1?transport=udp"},
		{"other ports outside", Config{Listen: all, URLs: []string{"turns:call.example:443?transport=tcp", "stun:call.example"}}, "stun:call.example turns:call.example:443?transport=tcp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.TLS = tlsConfig(t)
			s := serve(t, tt.cfg)
			var urls []string
			for _, server := range s.ICEServers("alice") {
				urls = append(urls, server.URLs...)
			}
			got := strings.Join(urls, " ")
			var ports []string
			for _, conn := range s.udp {
				ports = append(ports, portOf(conn.LocalAddr()))
			}
			ports = slices.Compact(ports) // loops share one
			for _, l := range slices.Concat(s.tcp, s.tls) {
				ports = append(ports, portOf(l.Addr()))
			}
			want := tt.want
			for i, port := range ports {
				want = strings.ReplaceAll(want+" ", ":"+string(rune('1'+i))+" ", ":"+port+" ")
				want = strings.ReplaceAll(want, ":"+string(rune('1'+i))+"?", ":"+port+"?")
			}
			if got != strings.TrimSpace(want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func portOf(addr net.Addr) string {
	_, port, _ := net.SplitHostPort(addr.String())
	return port
}

func TestURLsAreRefused(t *testing.T) {
	tests := []struct{ url, want string }{
		{"turn:call.example:0", "a port that cannot be"},
		{"turn:call.example:99999", "a port that cannot be"},
		{"turn:call.example?transport=sctp", "write it like turn:call.example:3478?transport=udp"},
		{"turn://call.example:3478", "write it like"},
		{"https://call.example", "write it like"},
		{"turns:call.example?transport=udp", "DTLS"},
		{"stuns:call.example:443", "not of STUN or TURN"},
		{"turns:[1]443?t", "a host that cannot be"}, // the parser of pion/stun never ends
		{"turn:", "a host that cannot be"},
		{"turn:fe80::1%eth0", "a host that cannot be"},
		{"stun:call.example?transport=udp", "means nothing behind it"},
		{"turn:call.example?transport=tcp", "does not listen for TCP or TLS"},
		{"turns:call.example", "does not listen for TCP or TLS"},
	}
	for _, tt := range tests {
		s, err := New(Config{Listen: []string{"udp://127.0.0.1:0"}, URLs: []string{tt.url}})
		if err == nil {
			s.Close()
			t.Errorf("%s was accepted", tt.url)
			continue
		}
		if !strings.Contains(err.Error(), `"`+tt.url+`"`) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %q, want %q in it", tt.url, err, tt.want)
		}
	}
	if _, err := New(Config{Listen: []string{"tcp://127.0.0.1:0"}, URLs: []string{"stun:call.example"}}); err == nil || !strings.Contains(err.Error(), "does not listen for UDP") {
		t.Errorf("STUN without UDP: %v", err)
	}
}

// FuzzCheckURL: what is accepted says the same when it is written again.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"turn:call.example", "turns:[::1]:443?transport=tcp", "stun:192.0.2.1:3478", "turn:x:0", "turn://x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if CheckURL(text) != nil {
			return
		}
		u, err := parseURL(text)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseURL(u.String()); err != nil || again != u {
			t.Errorf("%q is %+v, and written again %+v, %v", text, u, again, err)
		}
	})
}
