package integration

import (
	"net"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

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
	c := browser.NewCertificate(t, name)
	options := func(camera yuv) browser.Options {
		return browser.Options{CameraFile: cameraFile(t, camera), Wait: stepTime, HostRules: "MAP " + name + " 127.0.0.1", Flags: c.Trust}
	}
	at := net.JoinHostPort("127.0.0.1", freePort(t))
	relay := "turns:" + strings.Replace(at, "127.0.0.1", name, 1) + "?transport=tcp"
	s := site{red: startBrowser(t, options(red)), blue: startBrowser(t, options(blue))}
	s.server = serveSignal(t, buildSignal(t), "--listen", at, "--public-host", name, "--tls-cert", c.Cert, "--tls-key", c.Key, "--turn-urls", relay)
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
