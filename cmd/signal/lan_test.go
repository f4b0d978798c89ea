package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"
)

// presented is the certificate that a server shows.
func (s *served) presented() *x509.Certificate {
	s.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.url, "https://"), "/"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// With --lan the page is at the address of this host in its network, with a
// certificate for all of its addresses that is kept, and the relay is its own.
func TestLAN(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--lan", "--listen", ":0", "--turn-listen", ":0", "--state-dir", dir, "--self-test"}
	s := serve(t, args...)
	cert := s.presented()
	_, ips, err := ownNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, ip := range ips {
		if !slices.ContainsFunc(cert.IPAddresses, ip.Equal) {
			t.Errorf("the certificate is not for %v", ip)
		}
	}
	if !strings.HasPrefix(s.url, "https://"+lanIP().String()+":") || cert.VerifyHostname("localhost") != nil {
		t.Errorf("the page is at %s, with a certificate for %q", s.url, cert.DNSNames)
	}
	trust := x509.NewCertPool()
	trust.AddCert(cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}}}
	resp, err := client.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the page: %s", resp.Status)
	}
	s.wantLogged("all URLs that clients are given work") // by loopback or not, it is this host
	for _, u := range urlsOf(s.helloOver(&tls.Config{RootCAs: trust})) {
		if !strings.HasPrefix(u, "turn:"+lanIP().String()+":") && !strings.HasPrefix(u, "stun:"+lanIP().String()+":") {
			t.Errorf("clients are given %s", u)
		}
	}
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.log)
	}
	if again := serve(t, args...).presented(); !again.Equal(cert) {
		t.Error("the second start has another certificate")
	}
}

// A certificate that lacks an address, or holds not much longer, is made anew.
func TestLANCertificateIsRenewed(t *testing.T) {
	dir := t.TempDir()
	one, two := net.IPv4(192, 0, 2, 1), net.IPv4(192, 0, 2, 2)
	first, err := keptCertificate(dir, []string{"localhost"}, []net.IP{one, two})
	if err != nil {
		t.Fatal(err)
	}
	second, err := keptCertificate(dir, []string{"localhost"}, []net.IP{two})
	if err != nil || !second.Leaf.Equal(first.Leaf) {
		t.Errorf("one for more than is needed is not kept: %v", err)
	}
	third, err := keptCertificate(dir, []string{"localhost", "box"}, []net.IP{one})
	if err != nil || third.Leaf.Equal(first.Leaf) || third.Leaf.VerifyHostname("box") != nil {
		t.Errorf("one without a name is kept: %v", err)
	}
	third.Leaf.NotAfter = time.Now().Add(time.Hour)
	if isFor(third.Leaf, []string{"box"}, nil) {
		t.Error("one that holds for an hour is kept")
	}
	info, err := os.Stat(filepath.Join(dir, lanFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is in a file of mode %v, %v", info.Mode(), err)
	}
}

// The drawing has the modules of the code, dark ones black on white.
func TestQRCode(t *testing.T) {
	const text = "https://192.168.178.23:8443/"
	picture, err := drawQR(text)
	if err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(picture, "\n"), "\n")
	if want := (code.Size + 2*quiet + 1) / 2; len(lines) != want {
		t.Fatalf("%d lines, want %d", len(lines), want)
	}
	for i, line := range lines {
		line, ok := strings.CutPrefix(line, "\x1b[30;107m")
		line, end := strings.CutSuffix(line, "\x1b[0m")
		cells := []rune(line)
		if !ok || !end || len(cells) != code.Size+2*quiet {
			t.Fatalf("line %d is %q", i, line)
		}
		for j, cell := range cells {
			x, y := j-quiet, 2*i-quiet
			if upper := cell == '█' || cell == '▀'; upper != code.Black(x, y) {
				t.Fatalf("the module %d, %d is wrong", x, y)
			}
			if lower := cell == '█' || cell == '▄'; lower != code.Black(x, y+1) {
				t.Fatalf("the module %d, %d is wrong", x, y+1)
			}
		}
	}
	if !strings.Contains(lanGuide(text), picture) {
		t.Error("people are not shown it")
	}
}
