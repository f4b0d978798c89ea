package jwt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// claims are those that count.
type claims struct {
	Issuer    string             `json:"iss,omitempty"`
	Audience  gojwt.ClaimStrings `json:"aud,omitempty"`
	Subject   string             `json:"sub,omitempty"`
	Name      string             `json:"name,omitempty"`
	Expires   *seconds           `json:"exp,omitempty"`
	NotBefore *seconds           `json:"nbf,omitempty"`
	IssuedAt  *seconds           `json:"iat,omitempty"`
	Signal    json.RawMessage    `json:"signal,omitempty"`
}

// private is the claim signal.
type private struct {
	App string `json:"app,omitempty"`
	signaling.Grants
}

// seconds is a time that is a whole number, as all known issuers write it: no
// string, no fraction, nothing that overflows.
type seconds int64

const maxSeconds = 1 << 40

// UnmarshalJSON implements json.Unmarshaler.
func (s *seconds) UnmarshalJSON(text []byte) error {
	var n int64
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	if string(text) == "null" || n < 0 || n > maxSeconds {
		return fmt.Errorf("jwt: %s is not a time", text)
	}
	*s = seconds(n)
	return nil
}

func (s *seconds) date() (*gojwt.NumericDate, error) {
	if s == nil {
		return nil, nil
	}
	return gojwt.NewNumericDate(time.Unix(int64(*s), 0)), nil
}

// The following implement gojwt.Claims, for its checks.

func (c *claims) GetExpirationTime() (*gojwt.NumericDate, error) { return c.Expires.date() }
func (c *claims) GetNotBefore() (*gojwt.NumericDate, error)      { return c.NotBefore.date() }
func (c *claims) GetIssuedAt() (*gojwt.NumericDate, error)       { return c.IssuedAt.date() }
func (c *claims) GetIssuer() (string, error)                     { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                    { return c.Subject, nil }
func (c *claims) GetAudience() (gojwt.ClaimStrings, error)       { return c.Audience, nil }

// identity is who claims, which were verified, say that a client of app is. It
// lasts for as long as the token would be let in.
func (c *claims) identity(app string, leeway time.Duration) (id signaling.Identity, err error) {
	id = signaling.Identity{User: c.Subject, Name: c.Name, Expires: time.Unix(int64(*c.Expires), 0).Add(leeway)}
	var p private
	if c.Signal != nil {
		dec := json.NewDecoder(bytes.NewReader(c.Signal))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&p); err != nil {
			return id, refuse("the claim signal of the token: %v", err)
		}
		var raw map[string]json.RawMessage
		_ = json.Unmarshal(c.Signal, &raw) // it is an object by now, or null
		for name, value := range raw {
			if string(value) == "null" { // would count as absent: all rooms
				return id, refuse("the claim signal of the token: %s is null; leave it out", name)
			}
		}
		id.Grants = &p.Grants
	}
	if p.App == "" {
		p.App = "default"
	}
	if app == "" {
		app = "default"
	}
	if p.App != app {
		return id, wire.Refuse(wire.CodeForbidden, "the token is for the app %q, and not for %q", p.App, app)
	}
	if err := id.Check(); err != nil {
		return id, refuse("the token: %v", err)
	}
	return id, nil
}

// Claims are what Sign says in a token.
type Claims struct {
	// Identity is whom the token lets in. Expires is needed.
	signaling.Identity

	App      string    // "": the default one
	Issuer   string    // iss
	Audience []string  // aud
	IssuedAt time.Time // iat; zero: it has none
	KeyID    string    // the kid in the header
}

// Sign makes a token that a Verifier with that key lets in. The key is a secret
// of 32 bytes or more ([]byte), an *rsa.PrivateKey, an *ecdsa.PrivateKey on
// P-256 or an ed25519.PrivateKey.
func Sign(key any, c Claims) (string, error) {
	alg, err := Key{Value: public(key)}.alg()
	if err != nil {
		return "", err
	}
	if c.Expires.IsZero() {
		return "", fmt.Errorf("jwt: Expires is not set: a token needs an end")
	}
	if err := c.Check(); err != nil {
		return "", err
	}
	exp := seconds(c.Expires.Unix())
	out := claims{Issuer: c.Issuer, Audience: c.Audience, Subject: c.User, Name: c.Name, Expires: &exp}
	if !c.IssuedAt.IsZero() {
		iat := seconds(c.IssuedAt.Unix())
		out.IssuedAt = &iat
	}
	if c.App != "" || c.Grants != nil {
		p := private{App: c.App}
		if c.Grants != nil {
			p.Grants = *c.Grants
		}
		if out.Signal, err = json.Marshal(p); err != nil {
			return "", fmt.Errorf("jwt: %w", err)
		}
	}
	t := gojwt.NewWithClaims(gojwt.GetSigningMethod(alg), &out)
	if c.KeyID != "" {
		t.Header["kid"] = c.KeyID
	}
	signed, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("jwt: sign: %w", err)
	}
	return signed, nil
}
