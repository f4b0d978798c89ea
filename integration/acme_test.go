package integration

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/seed-3a7b6cbd/signal/integration/browser"
)

// An authority is pebble, the certificate authority that Let's Encrypt tests with.
type authority struct {
	directory string         // URL
	trust     *x509.CertPool // of what it signs
	said      *signalLog
	stop      func()
}

// startAuthority runs one that asks for its challenge at a port of this host,
// whatever the name is. What asks it has to trust the certificate in a file: this
// process and those it starts are told to, so nothing may have looked at the roots
// of this host before.
func startAuthority(t *testing.T, port string) authority {
	t.Helper()
	program := filepath.Join(t.TempDir(), "pebble")
	ctx, cancel := context.WithTimeout(t.Context(), buildTime)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	build.Dir = "acme" // a module of its own
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build pebble: %v\n%s", err, out)
	}
	own := browser.NewCertificate(t, "localhost")
	t.Setenv("SSL_CERT_FILE", own.Cert)
	api, management := freePort(t), freePort(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "localhost:" + api, "managementListenAddress": "localhost:" + management,
		"certificate": own.Cert, "privateKey": own.Key, "tlsPort": json.Number(port), "httpPort": 1, // not used
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pebble.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	a := authority{directory: "https://localhost:" + api + "/dir", said: &signalLog{}}
	a.stop = guarded(t, a.said, program, "-config", file, "-dnsserver", serveDNS(t))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: poolOf(t, mustRead(t, own.Cert))}}}
	defer client.CloseIdleConnections()
	for late := time.After(patience); ; {
		resp, err := client.Get("https://localhost:" + management + "/roots/0")
		if err == nil {
			defer resp.Body.Close()
			root, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			a.trust = poolOf(t, root)
			return a
		}
		select {
		case <-late:
			t.Fatalf("pebble is not ready: %v\n%s", err, a.said)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// guarded runs a program until the test ends, or stop is called. It does not
// outlive the test binary.
func guarded(t *testing.T, log io.Writer, args ...string) (stop func()) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command("sh", append([]string{"-c", guardedSignal, "sh"}, args...)...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{read}
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Kill() // it may be gone
		_ = cmd.Wait()         // it was killed: its status says nothing
		write.Close()
	}
	t.Cleanup(stop)
	return stop
}

// serveDNS is a name server for which every name is this host.
func serveDNS(t *testing.T) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() { // ends when conn is closed
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60},
					Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
				}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from) // it asks again
			}
		}
	}()
	return conn.LocalAddr().String()
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func poolOf(t *testing.T, text []byte) *x509.CertPool {
	t.Helper()
	if block, _ := pem.Decode(text); block == nil {
		t.Fatalf("no certificate: %q", text)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// With nothing but --domain the server gets its certificate from an authority, over
// the one port that it serves the page and TURN at, and keeps it.
func TestDomainGetsItsCertificate(t *testing.T) {
	const name = "call.example.test"
	port := freePort(t)
	at := net.JoinHostPort("127.0.0.1", port)
	ca := startAuthority(t, port)
	p := serveSignal(t, buildSignal(t), "--listen", at, "--domain", name, "--acme-directory", ca.directory, "--state-dir", t.TempDir(), "--no-self-test")
	trust := &tls.Config{RootCAs: ca.trust, ServerName: name}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: trust,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", at)
		},
	}}
	defer client.CloseIdleConnections()
	if want := "https://" + name + ":" + port + "/"; p.url != want {
		t.Fatalf("the page is at %s, want %s", p.url, want)
	}
	var resp *http.Response
	for late := time.After(patience); ; { // a handshake waits for it, but not for long
		var err error
		if resp, err = client.Get(p.url); err == nil {
			break
		}
		select {
		case <-late:
			t.Fatalf("no certificate after %v: %v\n%s\n%s", patience, err, p.stderr, ca.said)
		default:
		}
	}
	resp.Body.Close()
	if hsts := resp.Header.Get("Strict-Transport-Security"); resp.StatusCode != 200 || hsts != "max-age=15552000" {
		t.Errorf("the page: %s, Strict-Transport-Security %q", resp.Status, hsts)
	}
	leaf := resp.TLS.PeerCertificates[0]
	bindOverTLS(t, at, trust)
	bindOverTLS(t, at, &tls.Config{InsecureSkipVerify: true}) // which names nobody

	ca.stop()
	p.stop()
	p.start()
	if again := bindOverTLS(t, at, trust); !bytes.Equal(again.Raw, leaf.Raw) {
		t.Error("after a restart, it has another certificate")
	}
	if strings.Contains(p.stderr.String(), "HTTPS and TURN over TLS have to wait") {
		t.Errorf("signal said:\n%s", p.stderr)
	}
}

// bindOverTLS asks a STUN server over TLS, and returns its certificate.
func bindOverTLS(t *testing.T, at string, trust *tls.Config) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", at, trust)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw); err != nil {
		t.Fatal(err)
	}
	answer := stun.New()
	if _, err := answer.ReadFrom(conn); err != nil || answer.Type != stun.BindingSuccess {
		t.Fatal(fmt.Errorf("STUN over TLS: %v, %w", answer.Type, err))
	}
	return conn.ConnectionState().PeerCertificates[0]
}
