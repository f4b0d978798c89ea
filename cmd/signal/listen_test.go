package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"
	"github.com/pires/go-proxyproto"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// certificate makes files for --tls-cert and --tls-key, good for loopback, and
// returns what trusts them.
func certificate(t *testing.T) (args []string, trust *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:     []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trust = &tls.Config{RootCAs: x509.NewCertPool()}
	trust.RootCAs.AddCert(cert)
	return []string{"--tls-cert", filepath.Join(dir, "cert"), "--tls-key", filepath.Join(dir, "key")}, trust
}

// helloOver says hello over a WebSocket, and returns what it is told of TURN.
func (s *served) helloOver(trust *tls.Config) wire.ICE {
	s.t.Helper()
	d := websocket.Dialer{TLSClientConfig: trust, Subprotocols: []string{"signal.v1"}}
	c, _, err := d.DialContext(s.t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"ws", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	return welcomed(s.t, s.say(c, `{"type":"hello"}`)).ICE
}

// urlsOf are all URLs that clients are told.
func urlsOf(ice wire.ICE) (urls []string) {
	for _, server := range ice.List {
		urls = append(urls, server.URLs...)
	}
	return urls
}

// relayAt makes an allocation at a URL that clients were told.
func relayAt(t *testing.T, ice wire.ICE, at string, trust *tls.Config) {
	t.Helper()
	u, err := stun.ParseURI(at)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort(u.Host, strconv.Itoa(u.Port))
	var conn net.PacketConn
	switch {
	case u.Proto == stun.ProtoTypeUDP:
		conn, err = net.ListenPacket("udp", "127.0.0.1:0")
	case u.IsSecure():
		var c net.Conn
		if c, err = tls.Dial("tcp", address, trust); err == nil {
			conn = turn.NewSTUNConn(c)
		}
	default:
		var c net.Conn
		if c, err = net.Dial("tcp", address); err == nil {
			conn = turn.NewSTUNConn(c)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	t.Cleanup(func() { conn.Close() })
	last := ice.List[len(ice.List)-1]
	c, err := turn.NewClient(&turn.ClientConfig{Conn: conn, TURNServerAddr: address, Username: last.Username, Password: last.Credential})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Allocate(); err != nil {
		t.Errorf("%s: %v", at, err)
	}
}

// One port has the page, the WebSocket and TURN over TLS, and TURN over UDP is at
// the same number.
func TestEverythingOnOnePort(t *testing.T) {
	args, trust := certificate(t)
	s := serve(t, append(args, "--turn-listen", "udp://127.0.0.1:0")...)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}}
	resp, err := client.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.ProtoMajor != 1 || !strings.HasPrefix(s.url, "https://127.0.0.1:") {
		t.Errorf("the page at %s: %s %d", s.url, resp.Proto, resp.StatusCode)
	}
	ice := s.helloOver(trust)
	here, _ := url.Parse(s.url)
	urls := urlsOf(ice)
	if len(urls) != 3 || urls[2] != "turns:"+here.Host+"?transport=tcp" {
		t.Fatalf("told %q, want STUN, TURN over UDP, and over TLS at %s", urls, here.Host)
	}
	for _, at := range urls[1:] {
		relayAt(t, ice, at, trust)
	}
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.log)
	}
}

// Without a certificate, TURN over TCP can be at the port of HTTP all the same.
func TestTURNSharesThePortOfHTTP(t *testing.T) {
	s := serve(t, "--turn-shared")
	ice := s.helloOver(nil)
	here, _ := url.Parse(s.url)
	at := "turn:" + here.Host + "?transport=tcp"
	if !slices.Contains(urlsOf(ice), at) {
		t.Fatalf("told %q, want %s among them", urlsOf(ice), at)
	}
	relayAt(t, ice, at, nil)
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.log)
	}
}

// With a load balancer that ends TLS, clients are told what it offers.
func TestURLsAsSeenFromOutside(t *testing.T) {
	outside := []string{"turns:call.example:443?transport=tcp", "turn:call.example:13478?transport=udp"}
	s := serve(t, "--turn-shared", "--turn-urls", strings.Join(outside, ","))
	if got := urlsOf(s.helloOver(nil)); !slices.Equal(got, outside) {
		t.Errorf("told %q, want %q", got, outside)
	}
	code, _, stderr := start(t, "serve", "--listen", "127.0.0.1:0", "--state-dir", t.TempDir(), "--turn-listen", "udp://127.0.0.1:0", "--turn-urls", outside[0])
	if code != exitFailed || !strings.Contains(stderr, outside[0]) || !strings.Contains(stderr, "add a tcp:// or tls:// listener") {
		t.Errorf("a URL that ends nowhere: exit code %d, %q", code, stderr)
	}
}

func TestPublicHost(t *testing.T) {
	args, trust := certificate(t)
	s := serve(t, append(args, "--public-host", "localhost", "--turn-listen", "127.0.0.1:0")...)
	if !strings.HasPrefix(s.url, "https://localhost:") {
		t.Errorf("the page is said to be at %s", s.url)
	}
	for _, at := range urlsOf(s.helloOver(trust)) {
		if !strings.Contains(at, ":localhost:") {
			t.Errorf("told %q, want the name in it", at)
		}
	}
}

// The public address may be said by a STUN server; here it is another signal.
func TestPublicIPIsLookedUp(t *testing.T) {
	other := serve(t)
	at := urlsOf(other.helloOver(nil))[0]
	s := serve(t, "--turn-public-ip", at)
	for _, u := range urlsOf(s.helloOver(nil)) {
		if !strings.Contains(u, ":127.0.0.1:") {
			t.Errorf("told %q, want 127.0.0.1 in it", u)
		}
	}
	code, _, stderr := start(t, "serve", "--listen", "127.0.0.1:0", "--state-dir", t.TempDir(), "--turn-listen", "udp://127.0.0.1:0", "--turn-public-ip", "dns:call.invalid")
	if code != exitFailed || !strings.Contains(stderr, "--turn-public-ip") || !strings.Contains(stderr, "dns:call.invalid") {
		t.Errorf("a name that is none: exit code %d, %q", code, stderr)
	}
}

// A load balancer that speaks the PROXY protocol hides nobody from TURN, in front of
// TLS or behind it.
func TestTURNKnowsTheClientBehindAProxy(t *testing.T) {
	args, trust := certificate(t)
	proxied := []string{"--trusted-proxies", "127.0.0.0/8", "--proxy-protocol", "--turn-shared"}
	source := &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 5678}
	header, err := proxyproto.HeaderProxyFromAddrs(2, source, &net.TCPAddr{IP: net.ParseIP("2001:db8::2"), Port: 443}).Format()
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{"plain": proxied, "tls": append(args, proxied...)} {
		t.Run(name, func(t *testing.T) {
			here, err := url.Parse(serve(t, args...).url)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial("tcp", here.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := conn.Write(header); err != nil {
				t.Fatal(err)
			}
			if here.Scheme == "https" {
				config := trust.Clone()
				config.ServerName = "localhost"
				conn = tls.Client(conn, config)
			}
			if _, err := conn.Write(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw); err != nil {
				t.Fatal(err)
			}
			answer := stun.New()
			if _, err := answer.ReadFrom(conn); err != nil {
				t.Fatal(err)
			}
			var mapped stun.XORMappedAddress
			if err := mapped.GetFrom(answer); err != nil || mapped.String() != source.String() {
				t.Errorf("the client is told that it is %v (%v), want %v", mapped, err, source)
			}
		})
	}
}

// askSTUN connects to the TCP port of TURN, and says whether it is served.
func askSTUN(t *testing.T, at string) bool {
	t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw); err != nil {
		return false
	}
	_, err = stun.New().ReadFrom(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("neither served nor closed")
	}
	return err == nil
}

// The limit of connections of one address is TURN's too, proxies aside.
func TestTURNConnectionsOfOneAddressAreBounded(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want bool // that there may be a second
	}{
		{[]string{"--max-ip-links", "1"}, false},
		{[]string{"--max-ip-links", "0"}, true},
		{[]string{"--max-ip-links", "1", "--trusted-proxies", "127.0.0.1"}, true},
	} {
		n, _ := relaying(t, tt.args...)
		_, at, _ := strings.Cut(strings.TrimSuffix(n.turnURLs()[2], "?transport=tcp"), ":")
		if !askSTUN(t, at) {
			t.Errorf("%q: the first connection is closed", tt.args)
		}
		if second := askSTUN(t, at); second != tt.want {
			t.Errorf("%q: the second is served %v, want %v", tt.args, second, tt.want)
		}
	}
}
