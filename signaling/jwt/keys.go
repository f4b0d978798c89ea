package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// algs are the algorithms of tokens, one for each type of key.
var algs = []string{"HS256", "RS256", "ES256", "EdDSA"}

const (
	minSecret = 32   // bytes: the output of SHA-256, RFC 7518 §3.2
	minRSA    = 2048 // bits, RFC 7518 §3.3
	maxRSA    = 8192 // bits: more is only slow
	maxKeys   = 100  // of one set
)

// A Key verifies tokens. Its type says which algorithm it is for, and it is
// good for no other.
type Key struct {
	// ID is the kid that a token may name. A key without one is tried for all
	// tokens; a token without kid is tried with all keys.
	ID string
	// Value is []byte (a secret of at least 32 bytes, HS256), *rsa.PublicKey (of
	// 2048 bits or more, RS256), *ecdsa.PublicKey (on P-256, ES256) or
	// ed25519.PublicKey (EdDSA).
	Value any
}

// alg is the algorithm that k is for, or what is wrong with it.
func (k Key) alg() (string, error) {
	switch key := k.Value.(type) {
	case []byte:
		if len(key) < minSecret {
			return "", fmt.Errorf("jwt: a secret of %d bytes is too short; use %d or more, as from openssl rand -base64 32", len(key), minSecret)
		}
		return "HS256", nil
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < minRSA || n > maxRSA {
			return "", fmt.Errorf("jwt: an RSA key of %d bits; use %d to %d", n, minRSA, maxRSA)
		}
		return "RS256", nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return "", fmt.Errorf("jwt: an elliptic curve key on %s; use P-256", key.Params().Name)
		}
		return "ES256", nil
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return "", fmt.Errorf("jwt: an Ed25519 key of %d bytes, not %d", len(key), ed25519.PublicKeySize)
		}
		return "EdDSA", nil
	}
	return "", fmt.Errorf("jwt: a key of type %T; use []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey", k.Value)
}

// public is what verifies what key signs.
func public(key any) any {
	if signer, ok := key.(crypto.Signer); ok {
		return signer.Public()
	}
	return key
}

// ParseKeys reads keys from a JWK set (RFC 7517) or from public keys in PEM. Of
// a set, keys that are not for these tokens are left out; without any left it is
// an error.
func ParseKeys(text []byte) ([]Key, error) {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
		return parseSet(text)
	}
	var keys []Key
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("jwt: a PEM block %q; only PUBLIC KEY is for verifying", block.Type)
		}
		value, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("jwt: PEM: %w", err)
		}
		k := Key{Value: value}
		if _, err := k.alg(); err != nil {
			return nil, err
		}
		if keys = append(keys, k); len(keys) > maxKeys {
			return nil, fmt.Errorf("jwt: more than %d keys", maxKeys)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("jwt: neither a JWK set nor a public key in PEM")
	}
	return keys, nil
}

// jwk is one key of a set: RFC 7518 §6, RFC 8037 §2.
type jwk struct {
	Type       string   `json:"kty"`
	ID         string   `json:"kid"`
	Use        string   `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`
	Curve      string   `json:"crv"`
	N, E, X, Y bytesURL
	K          bytesURL
}

// bytesURL is base64url without padding.
type bytesURL []byte

// UnmarshalJSON implements json.Unmarshaler.
func (b *bytesURL) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	var err error
	*b, err = base64.RawURLEncoding.DecodeString(s)
	return err
}

func parseSet(text []byte) ([]Key, error) {
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("jwt: JWK set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("jwt: JWK set: %d keys, more than %d", len(set.Keys), maxKeys)
	}
	var keys []Key
	for _, raw := range set.Keys {
		var j jwk
		if json.Unmarshal(raw, &j) != nil { // RFC 7517 §5: what cannot be used is ignored
			continue
		}
		if k, ok := j.key(); ok {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("jwt: JWK set: none of its %d keys is for HS256, RS256, ES256 or EdDSA", len(set.Keys))
	}
	return keys, nil
}

// key is j, if it can be used.
func (j *jwk) key() (Key, bool) {
	k := Key{ID: j.ID}
	switch j.Type + " " + j.Curve {
	case "oct ":
		k.Value = []byte(j.K)
	case "RSA ":
		e := new(big.Int).SetBytes(j.E)
		if !e.IsInt64() || e.Int64() < 3 || e.Int64() >= 1<<31 || e.Bit(0) == 0 {
			return k, false
		}
		k.Value = &rsa.PublicKey{N: new(big.Int).SetBytes(j.N), E: int(e.Int64())}
	case "EC P-256":
		point, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, j.X, j.Y))
		if err != nil || len(j.X) != 32 {
			return k, false
		}
		k.Value = point
	case "OKP Ed25519":
		k.Value = ed25519.PublicKey(j.X)
	}
	alg, err := k.alg()
	usable := err == nil &&
		(j.Algorithm == "" || j.Algorithm == alg) &&
		(j.Use == "" || j.Use == "sig") &&
		(j.Operations == nil || slices.Contains(j.Operations, "verify"))
	return k, usable
}
