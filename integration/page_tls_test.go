package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// A certificate is one for a name, in files, and what has a browser trust it.
type certificate struct {
	cert, key string   // files
	trust     []string // flags of Chromium
}

// newCertificate makes one. A browser that is given its flags takes this key for
// every name, and no other.
func newCertificate(t *testing.T, name string) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	pin := sha256.Sum256(public)
	dir := t.TempDir()
	c := certificate{
		cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"),
		trust: []string{"--ignore-certificate-errors-spki-list=" + base64.StdEncoding.EncodeToString(pin[:])},
	}
	for file, block := range map[string]*pem.Block{c.cert: {Type: "CERTIFICATE", Bytes: der}, c.key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// freePort is one at which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Where nothing but TLS to one port gets out, two browsers get the page, the
// WebSocket and the relay of their call from that port, under one name.
func TestPageOverOnePortOfTLS(t *testing.T) {
	const name = "call.test"
	c := newCertificate(t, name)
	options := func(camera yuv) browser.Options {
		return browser.Options{CameraFile: cameraFile(t, camera), Wait: stepTime, HostRules: "MAP " + name + " 127.0.0.1", Flags: c.trust}
	}
	at := net.JoinHostPort("127.0.0.1", freePort(t))
	relay := "turns:" + strings.Replace(at, "127.0.0.1", name, 1) + "?transport=tcp"
	s := site{red: startBrowser(t, options(red)), blue: startBrowser(t, options(blue))}
	s.server = serveSignal(t, buildSignal(t), "--listen", at, "--public-host", name, "--tls-cert", c.cert, "--tls-key", c.key, "--turn-urls", relay)
	if !strings.HasPrefix(s.server.url, "https://"+name+":") {
		t.Fatalf("the page is at %s", s.server.url)
	}
	ana, ben := s.call(t, "relay=1")
	for _, p := range []*person{ana, ben} {
		p.wait(tileSays("path", "relay"))
		if by := browser.Value[string](t, p.Page, p.sees(`relayedBy()`)); by != "tls "+relay {
			t.Errorf("relayed by %q, want TLS at %s", by, relay)
		}
	}
}
