package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestBadKeysAreNoKeys(t *testing.T) {
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	big := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 9000), E: 65537}
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	for what, cfg := range map[string]Config{
		"no key":     {},
		"20 bytes":   {Keys: []Key{{Value: []byte("a secret of 20 bytes")}}},
		"1024 bits":  {Keys: []Key{{Value: small.Public()}}},
		"9001 bits":  {Keys: []Key{{Value: big}}},
		"P-384":      {Keys: []Key{{Value: p384.Public()}}},
		"type str":   {Keys: []Key{{Value: "secret"}}},
		"type *rsa.": {Keys: []Key{{Value: privateKeys()["RS256"]}}},
		"https":      {URL: "http://id.example/keys"},
		"no such":    {File: filepath.Join(t.TempDir(), "keys")},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// set is the JWK set with the public halves of keys, by kid.
func set(t testing.TB, keys map[string]any) []byte {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	var list []map[string]string
	for kid, key := range keys {
		j := map[string]string{"kid": kid, "use": "sig"}
		switch k := public(key).(type) {
		case []byte:
			j["kty"], j["k"] = "oct", b64(k)
		case *rsa.PublicKey:
			j["kty"], j["n"], j["e"], j["alg"] = "RSA", b64(k.N.Bytes()), "AQAB", "RS256"
		case *ecdsa.PublicKey:
			point, err := k.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			j["kty"], j["crv"], j["x"], j["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
		case ed25519.PublicKey:
			j["kty"], j["crv"], j["x"] = "OKP", "Ed25519", b64(k)
		}
		list = append(list, j)
	}
	text, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestKeysFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	write := func(text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(set(t, privateKeys()))
	v := verifier(t, Config{File: file})
	for alg, key := range privateKeys() {
		want(t, v, sign(t, key, Claims{KeyID: alg}), "")
		want(t, v, sign(t, key, Claims{}), "")
		want(t, v, sign(t, key, Claims{KeyID: "other"}), wire.CodeUnauthenticated)
	}
	der, _ := x509.MarshalPKIXPublicKey(public(privateKeys()["ES256"]))
	write(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	want(t, verifier(t, Config{File: file}), sign(t, privateKeys()["ES256"], Claims{KeyID: "any"}), "")
}

func TestParseKeysRefusesWhatIsNone(t *testing.T) {
	private, _ := x509.MarshalPKCS8PrivateKey(privateKeys()["EdDSA"])
	for _, text := range []string{
		"", "secret", "{", "{}", `{"keys":[]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`,
		`{"keys":[{"kty":"oct","k":"c2hvcnQ"}]}`, `{"keys":[` + strings.Repeat(`{},`, 100) + `{}]}`, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		`{"keys":[{"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"ES256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","key_ops":["sign"],"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
	} {
		if keys, err := ParseKeys([]byte(text)); err == nil {
			t.Errorf("%.60s: %+v", text, keys)
		}
	}
	keys, err := ParseKeys([]byte(`{"keys":[{"kty":"later"},7,{"kty":"OKP","crv":"Ed25519","kid":"x","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	if err != nil || len(keys) != 1 || keys[0].ID != "x" {
		t.Errorf("beside what cannot be used: %+v, %v", keys, err)
	}
}
