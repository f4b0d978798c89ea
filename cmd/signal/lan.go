package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// lanListen is the default of --listen with --lan.
	lanListen = ":8443"
	// lanFile has the certificate and its key, in the state directory: a browser
	// that was told to take it need not be told again.
	lanFile = "lan.pem"
	// lanLife is less than what browsers let a certificate hold.
	lanLife = 365 * 24 * time.Hour
)

// lanConfig makes the TLS configuration of --lan: a certificate that this machine
// has signed for all its addresses and names.
func (c *Config) lanConfig(log *slog.Logger) (*tls.Config, error) {
	names, ips, err := ownNames()
	if err != nil {
		return nil, fmt.Errorf("--lan: %w", err)
	}
	cert, err := keptCertificate(c.StateDir, names, ips)
	if err != nil {
		log.Warn("the certificate of --lan cannot be kept: browsers will ask about it again after a restart; set --state-dir to a directory that can be written", "error", err)
		_, cert, err = newCertificate(names, ips)
	}
	if err != nil {
		return nil, fmt.Errorf("--lan: make a certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{cert}}, nil
}

// ownNames is all that this host can be called.
func ownNames() (names []string, ips []net.IP, err error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, nil, fmt.Errorf("list the addresses of this host: %w", err)
	}
	for _, a := range addrs {
		if ipNet, ok := a.(*net.IPNet); ok {
			ips = append(ips, ipNet.IP)
		}
	}
	names = []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		names = append(names, host)
		if !strings.Contains(host, ".") {
			names = append(names, host+".local") // by mDNS
		}
	}
	return names, ips, nil
}

// keptCertificate is the one of the state directory, if it is for all of these and
// holds for another day, else a new one that is kept there.
func keptCertificate(dir string, names []string, ips []net.IP) (tls.Certificate, error) {
	if dir == "" {
		var err error
		if dir, err = stateDir(); err != nil {
			return tls.Certificate{}, err
		}
	}
	file := filepath.Join(dir, lanFile)
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, err
	}
	if cert, err := tls.X509KeyPair(text, text); err == nil && isFor(cert.Leaf, names, ips) {
		return cert, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, err
	}
	text, cert, err := newCertificate(names, ips)
	if err != nil {
		return tls.Certificate{}, err
	}
	return cert, os.WriteFile(file, text, 0o600)
}

func isFor(leaf *x509.Certificate, names []string, ips []net.IP) bool {
	if time.Until(leaf.NotAfter) < 24*time.Hour {
		return false
	}
	for _, ip := range ips {
		if !slices.ContainsFunc(leaf.IPAddresses, ip.Equal) {
			return false
		}
	}
	return !slices.ContainsFunc(names, func(name string) bool { return leaf.VerifyHostname(name) != nil })
}

// newCertificate signs one for itself, and returns it in PEM too, with its key.
func newCertificate(names []string, ips []net.IP) (text []byte, cert tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, cert, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, cert, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "signal on " + names[len(names)-1]},
		NotBefore:             time.Now().Add(-time.Hour), // clocks of phones differ
		NotAfter:              time.Now().Add(lanLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              names,
		IPAddresses:           ips,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, cert, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, cert, err
	}
	text = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	cert, err = tls.X509KeyPair(text, text)
	return text, cert, err
}

// lanIP is the address of this host in its network, by which others there find it.
func lanIP() netip.Addr {
	// A UDP socket that is connected sends nothing: only the routing table is asked.
	if conn, err := net.Dial("udp4", "192.0.2.1:9"); err == nil {
		defer conn.Close()
		return addrPort(conn.LocalAddr().String()).Addr()
	}
	addrs, _ := net.InterfaceAddrs() // none are left then
	for _, a := range addrs {
		if ipNet, ok := a.(*net.IPNet); ok && ipNet.IP.To4() != nil && ipNet.IP.IsGlobalUnicast() {
			ip, _ := netip.AddrFromSlice(ipNet.IP.To4())
			return ip
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// lanGuide is what a person in the network is told.
func lanGuide(url string) string {
	picture, err := drawQR(url)
	if err != nil {
		picture = "" // a base path as long as that is typed by nobody either
	}
	return "\n" + picture + `
Open this address on any device of this network. The browser warns, since this
machine has signed the certificate itself: take it. A firewall here has to let in
TCP and UDP ` + turnPort + `, and TCP at the port of the address.

`
}
