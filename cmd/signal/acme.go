package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

const (
	// domainListen is the default of --listen with --domain.
	domainListen = ":443"
	// acmeDir keeps certificates and keys, in the state directory.
	acmeDir = "acme"
	// acmeRetry and acmeRetryMost are when a certificate is asked for again: at
	// first after longer than autocert remembers a failure, then after twice as
	// long each time. Let's Encrypt lets five an hour fail.
	acmeRetry     = 2 * time.Minute
	acmeRetryMost = time.Hour
)

// An issued certificate is one that an ACME server gives, and renews, for the name
// of --domain.
type issued struct {
	domain  string
	manager *autocert.Manager
	log     *slog.Logger
	ready   chan struct{} // closed when there is one; by keep alone
}

// newIssued asks for nothing yet.
func (c *Config) newIssued(log *slog.Logger) (*issued, error) {
	dir := c.StateDir
	if dir == "" {
		var err error
		if dir, err = stateDir(); err != nil {
			return nil, fmt.Errorf("--domain: certificates have to be kept, set --state-dir: %w", err)
		}
	}
	m := &autocert.Manager{
		Prompt:     autocert.AcceptTOS, // the help says so
		HostPolicy: autocert.HostWhitelist(c.Domain),
		Cache:      autocert.DirCache(filepath.Join(dir, acmeDir)),
		Email:      c.ACMEEmail,
	}
	if c.ACMEDirectory != "" {
		m.Client = &acme.Client{DirectoryURL: c.ACMEDirectory}
	}
	return &issued{domain: c.Domain, manager: m, log: log, ready: make(chan struct{})}, nil
}

// config is a TLS configuration with the certificate. It answers the challenge of
// the ACME server too, RFC 8737, so that no other port is needed.
func (i *issued) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1", "stun.turn", "stun.nat-discovery", acme.ALPNProto},
		GetCertificate: i.get,
	}
}

// get implements tls.Config.GetCertificate. Until there is a certificate clients
// wait, for as long as a handshake may take: autocert would hold them for minutes.
func (i *issued) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) { // nothing else is a challenge to autocert
		return i.manager.GetCertificate(hello)
	}
	select {
	case <-i.ready:
	case <-hello.Context().Done():
		return nil, fmt.Errorf("there is no certificate yet: %w", context.Cause(hello.Context()))
	}
	if hello.ServerName != "" && !strings.EqualFold(strings.TrimSuffix(hello.ServerName, "."), i.domain) {
		return nil, fmt.Errorf("the certificate is of %s, not of %q", i.domain, hello.ServerName)
	}
	return i.manager.GetCertificate(i.own()) // some TURN clients name nobody; what a client can do makes no second order
}

// own is the hello that the certificate is made for, of ECDSA.
func (i *issued) own() *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: i.domain, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
}

// obtain has the certificate made, if it is not kept from before, and returns when
// it is there, or ctx has ended.
func (i *issued) obtain(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { // autocert gives up after five minutes; a stop does not wait for it
		_, err := i.manager.GetCertificate(i.own())
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("--domain %s: no certificate: see that the name leads here and that TCP 443 gets through from everywhere: %w", i.domain, err)
		}
		close(i.ready)
		i.log.Info("there is a certificate", "domain", i.domain)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep obtains the certificate, again and again until there is one or ctx ends; each
// failure is logged. From then on autocert renews it. first is called when the
// first attempt is over.
func (i *issued) keep(ctx context.Context, first func()) {
	for wait := acmeRetry; ; wait = min(2*wait, acmeRetryMost) {
		err := i.obtain(ctx)
		if err != nil && ctx.Err() == nil {
			i.log.Error("HTTPS and TURN over TLS have to wait", "error", err, "again in", wait)
		}
		if first != nil {
			first()
			first = nil
		}
		if err == nil {
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}
