package turn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// trusting is a TLS client that takes the certificate of a test.
func trusting(t testing.TB, k keyPair) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(k.cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate")
	}
	return &tls.Config{RootCAs: pool}
}

// All that works is found to work, though no peer but the test's own may have a
// single allocation, and nothing is left of it.
func TestSelfTestOfWhatWorks(t *testing.T) {
	for _, relay := range []Relay{RelayClosed, RelayOpen} {
		for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
			k := newKeyPair(t)
			files, err := TLSFiles(k.cert, k.key, nil)
			if err != nil {
				t.Fatal(err)
			}
			s := serve(t, Config{
				Listen: []string{"udp://" + host, "tcp://" + host, "tls://" + host}, TLS: files, Relay: relay,
				PublicIP:              netip.MustParseAddr("127.0.0.1"),
				MaxAllocationsPerPeer: 1, Alive: func(string) bool { return false },
			})
			findings := s.selfTest(t.Context(), trusting(t, k), 3*patience)
			if len(findings) != 4 {
				t.Errorf("%d findings, want one for STUN and one for each listener: %v", len(findings), findings)
			}
			for _, f := range findings {
				if f.Err != nil {
					t.Errorf("relay %v: %s: %v", relay, f.URL, f.Err)
				}
			}
			if made := s.Stats().AllocationsMade; made != 6 {
				t.Errorf("%d allocations were made, want 2 for each of 3 URLs", made)
			}
			eventually(t, "no allocation is left", func() bool { return s.Stats().Allocations == 0 })
		}
	}
}

// What does not work is said in words, with what to do about it.
func TestSelfTestOfWhatFails(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	mute, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close() // it takes connections all the same
	shut, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shut.Close()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, ours := Split(tls.NewListener(l, tlsConfig(t)))
	const soon = 500 * time.Millisecond // for what is never answered
	tests := []struct {
		url   string
		limit time.Duration
		want  string
	}{
		{"stun:" + silent.LocalAddr().String(), soon, "though the server answers at 127.0.0.1:|let UDP port|firewall|NAT"},
		{"turn:" + silent.LocalAddr().String() + "?transport=udp", soon, "though the server answers at 127.0.0.1:|let UDP port"},
		{"turn:" + mute.Addr().String() + "?transport=tcp", soon, "no answer from " + mute.Addr().String() + ", though|let TCP port"},
		{"turn:" + shut.Addr().String() + "?transport=tcp", 3 * patience, "no answer from|refused"},
		{"turns:" + l.Addr().String() + "?transport=tcp", 3 * patience, "will refuse the certificate|it has to be for 127.0.0.1"},
		{"turn:call.invalid:3478?transport=udp", 3 * patience, "the name call.invalid is not found|DNS"},
	}
	s := serve(t, Config{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}, TLSListeners: []net.Listener{ours}})
	for _, tt := range tests {
		s.stunURLs, s.turnURLs = nil, []string{tt.url}
		f := s.selfTest(t.Context(), nil, tt.limit)[0]
		if f.Err == nil || f.URL != tt.url {
			t.Errorf("%s: %+v", tt.url, f)
			continue
		}
		for part := range strings.SplitSeq(tt.want, "|") {
			if !strings.Contains(f.Err.Error(), part) {
				t.Errorf("%s: %q lacks %q", tt.url, f.Err, part)
			}
		}
	}
}

// A relay whose address leads elsewhere makes allocations, and nothing arrives.
func TestSelfTestOfARelayThatIsNotReached(t *testing.T) {
	elsewhere := netip.MustParseAddr("127.7.7.7") // loopback, so that nothing leaves this host
	s := serve(t, Config{
		Listen: []string{"udp://127.0.0.1:0"}, Relay: RelayOpen, PublicIP: netip.MustParseAddr("127.0.0.1"), MinPort: 50000, MaxPort: 50100,
	})
	s.relays.(*openRelays).policy.public = elsewhere
	for _, f := range s.selfTest(t.Context(), nil, time.Second) {
		switch {
		case strings.HasPrefix(f.URL, "stun:"):
			if f.Err != nil {
				t.Errorf("%s: %v", f.URL, f.Err)
			}
		case f.Err == nil || !strings.Contains(f.Err.Error(), "open the UDP ports 50000-50100"):
			t.Errorf("%s: %v, want the ports to open", f.URL, f.Err)
		}
	}
}

func TestSelfTestEndsWithItsContext(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := serve(t, Config{URLs: []string{"turn:" + silent.LocalAddr().String()}, Listen: []string{"udp://127.0.0.1:0"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f := s.SelfTest(ctx, nil); !errors.Is(f[0].Err, context.Canceled) {
		t.Errorf("got %v", f[0].Err)
	}
}
