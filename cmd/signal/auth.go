package main

import (
	"bytes"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"github.com/seed-3a7b6cbd/signal/signaling/jwt"
)

// Auth are the settings of who is let in. Without a secret and keys, everybody is.
type Auth struct {
	JWTSecretFile string   `name:"jwt-secret-file" help:"Clients need a JSON Web Token that is signed with the secret in this file (HS256). signal token makes some. Default: everybody is let in." placeholder:"FILE" type:"path" group:"Tokens"`
	JWTKeys       string   `name:"jwt-keys" help:"Clients need a token that is signed with one of these keys (RS256, ES256, EdDSA): the https address of a JWK set, as issuers have it, or a file with one or with public keys in PEM." placeholder:"URL|FILE" group:"Tokens"`
	JWTIssuer     string   `name:"jwt-issuer" help:"What iss in a token must be. Default: anything." placeholder:"ISS" group:"Tokens"`
	JWTAudience   []string `name:"jwt-audience" help:"Of which aud in a token must have one. Default: anything." placeholder:"AUD" group:"Tokens"`
}

// verifier judges tokens; nil: everybody is let in.
func (a *Auth) verifier(log *slog.Logger) (*jwt.Verifier, error) {
	cfg := jwt.Config{Issuer: a.JWTIssuer, Audience: a.JWTAudience, Logger: log}
	if a.JWTSecretFile == "" && a.JWTKeys == "" {
		if a.JWTIssuer != "" || len(a.JWTAudience) > 0 {
			return nil, badSetting("--jwt-issuer, --jwt-audience: without a key no token is judged; set --jwt-keys or --jwt-secret-file, too")
		}
		return nil, nil
	}
	if a.JWTSecretFile != "" {
		secret, err := readSecret(a.JWTSecretFile)
		if err != nil {
			return nil, err
		}
		cfg.Keys = []jwt.Key{{Value: secret}}
	}
	if strings.Contains(a.JWTKeys, "://") {
		cfg.URL = a.JWTKeys
	} else {
		cfg.File = a.JWTKeys
	}
	v, err := jwt.New(cfg)
	if err != nil {
		return nil, badSetting("--jwt-keys: %s", strings.TrimPrefix(err.Error(), "jwt: "))
	}
	return v, nil
}

// readSecret reads the secret that signs tokens: all of the file, but for space
// around it.
func readSecret(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, badSetting("--jwt-secret-file: %v", err)
	}
	secret := bytes.TrimSpace(text)
	if len(secret) < minSecret {
		return nil, badSetting("--jwt-secret-file: %s has %d characters; use %d or more, as from openssl rand -base64 32", file, len(secret), minSecret)
	}
	return secret, nil
}

// announceAuth logs who is let in.
func (n *node) announceAuth() {
	const how = "everybody is let in, without a name that is checked, and may join every room"
	switch {
	case n.tokens != nil:
		n.log.Info("clients need a token", "secret", n.cfg.JWTSecretFile != "", "keys", shownKeys(n.cfg.JWTKeys), "issuer", n.cfg.JWTIssuer, "audience", n.cfg.JWTAudience)
	case n.loopback():
		n.log.Info("development: " + how)
	default:
		n.log.Warn(how + "; for users of yours set --jwt-keys or --jwt-secret-file")
	}
}

// shownKeys is where the keys are, without what of an address may be a secret.
func shownKeys(where string) string {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" {
		return where
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
