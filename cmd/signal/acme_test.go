package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"
)

// An authority that cannot be reached leaves a server that runs, says so, and does
// not hold up the end. (integration has one that can.)
func TestDomainWithoutAnAuthority(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	s := serve(t, "--domain", "call.example.invalid", "--acme-directory", "http://"+nobody+"/dir")
	if !strings.HasPrefix(s.url, "https://call.example.invalid:") {
		t.Errorf("the page is said to be at %s", s.url)
	}
	s.wantLogged("see that the name leads here and that TCP 443 gets through")
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.log)
	}
}

// Who comes before there is a certificate waits, but no longer than a handshake may.
func TestHandshakeBeforeTheCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Domain: "call.example.invalid", StateDir: t.TempDir()}
		i, err := c.newIssued(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		client, server := net.Pipe()
		defer client.Close()
		go func() {
			_ = tls.Client(client, &tls.Config{ServerName: c.Domain}).Handshake() // it is cut
		}()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err = tls.Server(server, i.config()).HandshakeContext(ctx)
		if d := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || d != 5*time.Second {
			t.Errorf("got %v after %v, want the deadline after 5s", err, d)
		}
		server.Close()
	})
}

func TestFirewallRules(t *testing.T) {
	got := firewallRules("0.0.0.0:443", []string{"udp://:3478", "tcp://:3478", "udp://:443"}, "")
	for _, line := range []string{"ufw allow 443/tcp", "ufw allow 3478/tcp", "ufw allow 3478/udp", "ufw allow 443/udp", "tcp dport { 443, 3478 } accept", "udp dport { 3478, 443 } accept"} {
		if !strings.Contains(got, " "+line+"\n") {
			t.Errorf("%q lacks %q", got, line)
		}
	}
	if n := strings.Count(got, "\n"); n != 10 {
		t.Errorf("%d lines: %s", n, got)
	}
	if got := firewallRules("[::]:443", nil, "49152-65535"); !strings.Contains(got, "ufw allow 49152:65535/udp\n") || !strings.Contains(got, "udp dport { 49152-65535 } accept") {
		t.Errorf("of an open relay it says %q", got)
	}
}

// A hello that is no challenge, whatever it says besides, asks the authority for nothing.
func TestStrangersOrderNoCertificate(t *testing.T) {
	asked := make(chan string, 16)
	directory := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	defer directory.Close()
	c := Config{Domain: "call.example.invalid", StateDir: t.TempDir(), ACMEDirectory: directory.URL}
	i, err := c.newIssued(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	defer client.Close()
	go func() { // it is cut
		_ = tls.Client(client, &tls.Config{ServerName: c.Domain, NextProtos: []string{acme.ALPNProto, "x"}}).Handshake()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tls.Server(server, i.config()).HandshakeContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want it to wait for the certificate", err)
	}
	server.Close()
	select {
	case path := <-asked:
		t.Errorf("the authority was asked for %s", path)
	default:
	}
}
