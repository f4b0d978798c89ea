package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write writes a file and returns its name.
func write(t *testing.T, text []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// token runs `signal token`.
func token(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := start(t, append([]string{"token"}, args...)...)
	if code != 0 || stderr != "" || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	return strings.TrimSpace(stdout)
}

func TestTokenLetsIn(t *testing.T) {
	secret := write(t, []byte("0123456789abcdef0123456789abcdef\n"))
	s := serve(t, "--no-turn", "--jwt-secret-file", secret, "--jwt-audience", "calls", "--log-level", "debug")
	good := token(t, "--secret-file", secret, "--audience", "calls", "--user", "ann", "--room", "team-*,board", "--ttl", "1h")
	c, welcome := s.dial(good)
	for _, part := range []string{`"type":"welcome"`, `"user":"ann"`, `"expires":36`} {
		if !strings.Contains(welcome, part) {
			t.Errorf("welcome %s lacks %s", welcome, part)
		}
	}
	if answer := s.say(c, `{"id":1,"type":"join","room":"team-7"}`); !strings.Contains(answer, `"joined"`) {
		t.Errorf("join: %s", answer)
	}
	if answer := s.say(c, `{"id":2,"type":"join","room":"standup"}`); !strings.Contains(answer, `"forbidden"`) {
		t.Errorf("join of another room: %s", answer)
	}
	for name, bad := range map[string]string{
		"none": "", "another audience": token(t, "--secret-file", secret, "--user", "ann"),
		"another secret": token(t, "--secret-file", write(t, []byte("another 0123456789abcdef0123456789abcdef")), "--audience", "calls"),
		"another app":    token(t, "--secret-file", secret, "--audience", "calls", "--app", "shop"),
	} {
		if _, answer := s.dial(bad); !strings.Contains(answer, `"type":"error"`) {
			t.Errorf("%s: %s", name, answer)
		}
	}
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.log)
	}
	if log := s.log.String(); strings.Contains(log, good) || strings.Contains(log, "0123456789abcdef") || !strings.Contains(log, "clients need a token") {
		t.Errorf("log %s", log)
	}
}

func TestPrivateKeysSignTokens(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) *pem.Block {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	public := func(key any) []byte {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	keys := write(t, append(public(ed.Public()), public(ec.Public())...))
	s := serve(t, "--no-turn", "--jwt-keys", keys)
	for name, block := range map[string]*pem.Block{"Ed25519": pkcs8(ed), "P-256": pkcs8(ec), "P-256, SEC 1": {Type: "EC PRIVATE KEY", Bytes: sec1}} {
		if _, welcome := s.dial(token(t, "--key-file", write(t, pem.EncodeToMemory(block)), "--user", "ann", "--key-id", "k")); !strings.Contains(welcome, `"user":"ann"`) {
			t.Errorf("%s: %s", name, welcome)
		}
	}
}

func TestKeysThatCannotBeFetchedAreAWarning(t *testing.T) {
	s := serve(t, "--no-turn", "--jwt-keys", "http://127.0.0.1:1/keys")
	_, answer := s.dial(token(t, "--secret-file", write(t, []byte("0123456789abcdef0123456789abcdef"))))
	if !strings.Contains(answer, `"unavailable"`) {
		t.Errorf("a token that cannot be judged: %s", answer)
	}
	if code := s.ended(); code != 0 || !strings.Contains(s.log.String(), "level=WARN msg=\"the keys of tokens cannot be fetched") {
		t.Errorf("exit code %d: %s", code, s.log)
	}
}

func TestAnonymousModeIsSaid(t *testing.T) {
	for listen, level := range map[string]string{"127.0.0.1:0": "INFO", ":0": "WARN"} {
		s := serve(t, "--no-turn", "--listen", listen)
		if code := s.ended(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		said := false
		for line := range strings.Lines(s.log.String()) {
			said = said || strings.Contains(line, "level="+level) && strings.Contains(line, "everybody is let in")
		}
		if !said {
			t.Errorf("on %s: %s", listen, s.log)
		}
	}
}

func TestAddressOfKeysIsShownWithoutSecrets(t *testing.T) {
	for where, want := range map[string]string{
		"https://ann:secret@id.example/keys?key=secret#x": "https://id.example/keys",
		"/etc/signal/keys.json":                           "/etc/signal/keys.json",
		"":                                                "",
	} {
		if got := shownKeys(where); got != want {
			t.Errorf("%q is shown as %q, want %q", where, got, want)
		}
	}
}
