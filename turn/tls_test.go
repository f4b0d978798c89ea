package turn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A keyPair is a certificate of a test in two files.
type keyPair struct{ cert, key string }

// write makes a certificate for loopback with this serial number. Files that are
// there already are given a time that differs from before.
func (k keyPair) write(t testing.TB, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "signal"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		DNSNames:     []string{"call.test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	k.put(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), serial)
}

func (k keyPair) put(t testing.TB, cert, key []byte, serial int64) {
	t.Helper()
	for name, content := range map[string][]byte{k.cert: cert, k.key: key} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Unix(1e9+serial, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

func newKeyPair(t testing.TB) keyPair {
	t.Helper()
	dir := t.TempDir()
	k := keyPair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	k.write(t, 1)
	return k
}

// tlsConfig is one that a server of a test can use.
func tlsConfig(t testing.TB) *tls.Config {
	t.Helper()
	k := newKeyPair(t)
	cfg, err := TLSFiles(k.cert, k.key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestTwoClientsMeetOverTLS(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(at, func(t *testing.T) {
			s := serve(t, Config{Listen: []string{"udp://" + at, "tcp://" + at, "tls://" + at}, TLS: tlsConfig(t)})
			for _, other := range []string{"udp", "tcp", "tls"} {
				alice, a := allocate(t, s, "tls", "alice")
				_, b := allocate(t, s, other, "bob")
				if err := alice.CreatePermission(b.LocalAddr()); err != nil {
					t.Fatal(err)
				}
				for _, text := range []string{"hi", "a longer packet, in a channel by now", "!"} {
					send(t, b, a.LocalAddr(), text)
					want(t, a, b.LocalAddr(), text)
					send(t, a, b.LocalAddr(), text)
					want(t, b, a.LocalAddr(), text)
				}
			}
		})
	}
}

// Clients of IPv4 and of IPv6 meet, and each is given a URL it can use.
func TestFamiliesMeet(t *testing.T) {
	s := serve(t, Config{
		Listen: []string{"udp://127.0.0.1:0", "tls://[::1]:0"}, TLS: tlsConfig(t),
	})
	if at := s.address(t, "udp"); !strings.HasPrefix(at, "127.0.0.1:") {
		t.Errorf("udp at %s", at)
	}
	if at := s.address(t, "tls"); !strings.HasPrefix(at, "[::1]:") {
		t.Errorf("tls at %s", at)
	}
	_, a := allocate(t, s, "udp", "alice")
	_, b := allocate(t, s, "tls", "bob")
	send(t, a, b.LocalAddr(), "first") // which lets bob in
	send(t, b, a.LocalAddr(), "hello")
	want(t, a, b.LocalAddr(), "hello")
}

// The deadline by which an edge is told to end an allocation passes while TLS
// reads, and the connection is as good as before.
func TestTLSConnectionOutlivesItsAllocation(t *testing.T) {
	s := serve(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: tlsConfig(t)})
	alice := newRawClient(t, s, "tls", s.Credentials("alice"))
	for range 3 {
		if _, code := alice.allocate(); code != 0 {
			t.Fatalf("Allocate: %d", code)
		}
		s.CloseAllocations("alice")
		eventually(t, "no allocation", func() bool { return s.Stats().Allocations == 0 })
	}
}

// descriptors is how many files this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("files are counted in /proc, which is missing: run this on Linux: %v", err)
		}
		t.Skipf("files are counted in /proc, which is missing: run this on Linux: %v", err)
	}
	return len(list)
}

// Reliability catalogue, H: a failed TLS handshake kept its descriptor in plain
// pion/turn.
func TestFailedHandshakesFreeTheirDescriptors(t *testing.T) {
	s := serve(t, Config{Listen: []string{"tls://127.0.0.1:0"}, TLS: tlsConfig(t)})
	before := descriptors(t)
	conns := make([]net.Conn, 200)
	for i := range conns {
		conn, err := net.Dial("tcp", s.address(t, "tls"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
		if _, err := conn.Write([]byte{22, 3, 1, 0, 5, 1, 2, 3, 4, 5, 6, 7}); err != nil {
			t.Fatal(err)
		}
	}
	for _, conn := range conns { // each is answered with an alert, and closed
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a connection is still open")
		}
	}
	// Ours still have a descriptor each.
	eventually(t, "200 descriptors of the server are closed", func() bool { return descriptors(t) <= before+len(conns) })
	if _, code := newRawClient(t, s, "tls", s.Credentials("alice")).allocate(); code != 0 {
		t.Errorf("Allocate: %d", code)
	}
}

func TestCertificateIsReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBook
		k := newKeyPair(t)
		cfg, err := TLSFiles(k.cert, k.key, log.logger(slog.LevelInfo))
		if err != nil {
			t.Fatal(err)
		}
		wantSerial := func(want int64) {
			t.Helper()
			cert, err := cfg.GetCertificate(nil)
			if err != nil || cert.Leaf.SerialNumber.Int64() != want {
				t.Fatalf("got %v, %v, want serial %d", cert.Leaf.SerialNumber, err, want)
			}
		}
		k.write(t, 2)
		wantSerial(1) // not looked at yet
		time.Sleep(recheck)
		wantSerial(2)

		k.put(t, []byte("half a"), []byte("certificate"), 3)
		for range 5 {
			time.Sleep(recheck)
			wantSerial(2)
		}
		if err := os.Remove(k.key); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(recheck)
			wantSerial(2)
		}
		text := log.String()
		for _, part := range []string{"cannot be used; the old one stays", "not where it was; the old one stays", k.cert} {
			if strings.Count(text, "level=WARN") != 2 || !strings.Contains(text, part) {
				t.Errorf("logged %q, want two warnings and %q in it", text, part)
			}
		}
		k.write(t, 4)
		time.Sleep(recheck)
		wantSerial(4)
	})
}

func TestCertificateIsRefused(t *testing.T) {
	k, other := newKeyPair(t), newKeyPair(t)
	if _, err := TLSFiles(filepath.Join(t.TempDir(), "none"), k.key, nil); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("missing file: %v", err)
	}
	if _, err := TLSFiles(k.cert, other.key, nil); err == nil || !strings.Contains(err.Error(), k.cert) || !strings.Contains(err.Error(), other.key) {
		t.Errorf("a key that does not fit: %v", err)
	}
	if _, err := TLSFiles(k.cert, filepath.Join(k.key, "x"), nil); err == nil || !strings.Contains(err.Error(), "key.pem/x") {
		t.Errorf("no directory: %v", err)
	}
}
