package turn

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// recheck is how long the files of a certificate are not looked at again. A
// tool that writes both has done so by then, or is caught at the next look.
const recheck = time.Second

// protocols are those of ALPN: HTTP/2 has no WebSockets here, and RFC 7443
// names TURN.
var protocols = []string{"http/1.1", "stun.turn", "stun.nat-discovery"}

// TLSFiles returns a TLS configuration, for TURN and HTTP, whose certificate is
// in two PEM files: first the server's own, then what leads to a root. Handshakes
// take newer files as soon as they are there. Files that cannot be used leave
// the old certificate in place, and log, which may be nil, hears of them once.
func TLSFiles(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	f := &tlsFiles{certFile: certFile, keyFile: keyFile, log: cmp.Or(log, slog.New(slog.DiscardHandler))}
	seen, err := f.look()
	if err != nil {
		return nil, fmt.Errorf("turn: certificate: %w", err)
	}
	if err := f.load(); err != nil {
		return nil, err
	}
	f.seen, f.checked = seen, time.Now()
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: f.get}, nil
}

// tlsFiles are a certificate and its key in files.
type tlsFiles struct {
	certFile, keyFile string       // static
	log               *slog.Logger // static

	mu      sync.Mutex // guards the following
	cert    *tls.Certificate
	seen    [2]fs.FileInfo // the files that were last loaded, or tried
	missing bool           // they were not there at the last look
	checked time.Time
}

// get implements tls.Config.GetCertificate.
func (f *tlsFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.checked) >= recheck {
		f.checked = now
		f.refresh()
	}
	return f.cert, nil
}

// refresh loads the files if they are not those of before.
func (f *tlsFiles) refresh() {
	seen, err := f.look()
	if err != nil {
		if !f.missing {
			f.log.Warn("turn: the certificate is not where it was; the old one stays", "error", err)
		}
		f.missing = true
		return
	}
	f.missing = false
	if same(seen[0], f.seen[0]) && same(seen[1], f.seen[1]) {
		return
	}
	f.seen = seen
	if err := f.load(); err != nil {
		f.log.Warn("turn: the new certificate cannot be used; the old one stays until the files change again", "error", err)
		return
	}
	f.log.Info("turn: a new certificate is in use", "file", f.certFile, "until", f.cert.Leaf.NotAfter)
}

// look finds out which files there are.
func (f *tlsFiles) look() (seen [2]fs.FileInfo, err error) {
	for i, name := range []string{f.certFile, f.keyFile} {
		if seen[i], err = os.Stat(name); err != nil {
			return seen, err
		}
	}
	return seen, nil
}

// same says whether a file has not changed.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// load reads both files.
func (f *tlsFiles) load() error {
	cert, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return fmt.Errorf("turn: certificate %s with key %s: %w", f.certFile, f.keyFile, err)
	}
	if now := time.Now(); now.After(cert.Leaf.NotAfter) {
		f.log.Warn("turn: the certificate has expired; browsers will refuse it", "file", f.certFile, "until", cert.Leaf.NotAfter)
	}
	f.cert = &cert
	return nil
}
