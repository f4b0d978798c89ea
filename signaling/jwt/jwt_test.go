package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

var (
	secret = []byte("a secret of tests, of 32 bytes and more")
	now    = time.Unix(1_800_000_000, 0)
)

// private keys, made once: RSA takes its time.
var privateKeys = sync.OnceValue(func() map[string]any {
	r, _ := rsa.GenerateKey(rand.Reader, 2048)
	e, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, d, _ := ed25519.GenerateKey(rand.Reader)
	return map[string]any{"HS256": secret, "RS256": r, "ES256": e, "EdDSA": d}
})

func verifier(t testing.TB, cfg Config) *Verifier {
	t.Helper()
	if cfg.Keys == nil && cfg.URL == "" && cfg.File == "" {
		cfg.Keys = []Key{{Value: secret}}
	}
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return now }
	}
	v, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// raw makes a token of any header and payload, signed with a secret.
func raw(key []byte, header, payload string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

// good makes a token of claims, signed with the secret.
func good(payload string) string { return raw(secret, `{"alg":"HS256"}`, payload) }

func sign(t testing.TB, key any, c Claims) string {
	t.Helper()
	if c.Expires.IsZero() {
		c.Expires = now.Add(time.Minute)
	}
	token, err := Sign(key, c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func want(t *testing.T, v *Verifier, token string, code wire.Code) signaling.Identity {
	t.Helper()
	id, err := v.Authenticate(t.Context(), signaling.Hello{App: "default", Token: token})
	var refused *wire.Error
	switch errors.As(err, &refused); {
	case err == nil && code == "":
	case refused == nil || refused.Code != code:
		t.Errorf("%.80s: got %v, want %q", token, err, code)
	case token != "" && strings.Contains(refused.Text, token):
		t.Errorf("the refusal repeats the token: %q", refused.Text)
	}
	return id
}

func TestEachAlgorithmLetsItsKeyIn(t *testing.T) {
	full := signaling.Identity{
		User: "ann", Name: "Ann", Expires: now.Add(time.Minute),
		Grants: &signaling.Grants{Rooms: []string{"team-*"}, Role: wire.RoleHost, Users: []string{"*"}, Candidates: wire.PolicyRelay},
	}
	for alg, key := range privateKeys() {
		t.Run(alg, func(t *testing.T) {
			v := verifier(t, Config{Keys: []Key{{Value: public(key)}}})
			token := sign(t, key, Claims{Identity: full, IssuedAt: now})
			id := want(t, v, token, "")
			wanted := full
			wanted.Expires = full.Expires.Add(30 * time.Second)
			if !reflect.DeepEqual(id, wanted) {
				t.Errorf("got %+v, want %+v", id, wanted)
			}
			for other, key := range privateKeys() {
				if other != alg {
					want(t, v, sign(t, key, Claims{Identity: full}), wire.CodeUnauthenticated)
				}
			}
			payload := strings.Index(token, ".") + 5
			want(t, v, token[:payload]+string(token[payload]^1)+token[payload+1:], wire.CodeUnauthenticated)
		})
	}
}

func TestAlgNoneIsRefused(t *testing.T) {
	v := verifier(t, Config{})
	for _, alg := range []string{"none", "None", "nOnE", "NONE", ""} {
		token := raw(secret, `{"alg":"`+alg+`"}`, `{"exp":1800000060}`)
		want(t, v, token, wire.CodeUnauthenticated)
		want(t, v, token[:strings.LastIndex(token, ".")+1], wire.CodeUnauthenticated)
	}
}

func TestPublicKeyIsNoSecret(t *testing.T) {
	for alg, key := range privateKeys() {
		if alg == "HS256" {
			continue
		}
		v := verifier(t, Config{Keys: []Key{{Value: public(key)}}})
		der, err := x509.MarshalPKIXPublicKey(public(key))
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		for _, confused := range [][]byte{der, text} {
			for _, alg := range []string{"HS256", alg} {
				want(t, v, raw(confused, `{"alg":"`+alg+`"}`, `{"exp":1800000060}`), wire.CodeUnauthenticated)
			}
		}
	}
}

func TestOnlyTheAlgorithmOfTheKeyCounts(t *testing.T) {
	v := verifier(t, Config{})
	for _, alg := range []string{`"HS384"`, `"HS512"`, `"RS256"`, `"PS256"`, `["HS256"]`, `{"HS256":1}`, `null`, `1`, `"hs256"`} {
		want(t, v, raw(secret, `{"alg":`+alg+`}`, `{"exp":1800000060}`), wire.CodeUnauthenticated)
	}
	want(t, v, raw(secret, `{"typ":"JWT"}`, `{"exp":1800000060}`), wire.CodeUnauthenticated)
	want(t, v, raw(secret, `{"alg":"HS256"}`, `{"exp":1800000060}`), "")
}

func TestHugeTokenIsNotTakenApart(t *testing.T) {
	v := verifier(t, Config{})
	for name, token := range map[string]string{
		"dots": strings.Repeat(".", 10_000), "1 MB": strings.Repeat("a", 1<<20), "1 MB in three": strings.Repeat("a", 1<<19) + "." + strings.Repeat("b", 1<<19) + ".c",
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(10, func() {
				if shaped(token) {
					t.Error("it has the shape of one")
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
			want(t, v, token, wire.CodeUnauthenticated)
		})
	}
	for s, ok := range map[string]bool{"a.b.c": true, "..": true, "a.b": false, "a.b.c.d": false, "": false, "a.b.c ": false, "a.b.ç": false, "a+.b.c": false} {
		if shaped(s) != ok {
			t.Errorf("%q has the shape of a JWT: %v", s, !ok)
		}
	}
	long := good(`{"exp":1800000060,"x":"` + strings.Repeat("x", 4096) + `"}`)
	want(t, v, long, wire.CodeUnauthenticated)
}

func TestTokenHasThreePartsInBase64URL(t *testing.T) {
	v := verifier(t, Config{})
	token := good(`{"exp":1800000060,"name":"ÿÿÿ>>>???"}`)
	want(t, v, token, "")
	parts := strings.Split(token, ".")
	header := base64.StdEncoding.EncodeToString([]byte(`{"alg":"HS256" }`))
	for _, bad := range []string{
		"", parts[0], parts[0] + "." + parts[1], token + ".x", token + "=", token + "\n", token[:20] + "\r\n" + token[20:], token + " ", " " + token,
		header + "." + parts[1] + "." + parts[2], "..", parts[0] + ".." + parts[2], "." + parts[1] + "." + parts[2], token[:len(token)-1], token + "A",
		parts[0] + "." + strings.ReplaceAll(strings.ReplaceAll(parts[1], "-", "+"), "_", "/") + "+." + parts[2],
	} {
		want(t, v, bad, wire.CodeUnauthenticated)
	}
}

func TestClocksMayDiffer(t *testing.T) {
	v := verifier(t, Config{})
	for payload, code := range map[string]wire.Code{
		`{"exp":1799999971}`:                   "", // 29 s ago
		`{"exp":1799999969}`:                   wire.CodeUnauthenticated,
		`{"exp":1800000060,"nbf":1800000029}`:  "",
		`{"exp":1800000060,"nbf":1800000031}`:  wire.CodeUnauthenticated,
		`{"exp":1800000060,"iat":1800000029}`:  "",
		`{"exp":1800000060,"iat":1800000031}`:  wire.CodeUnauthenticated,
		`{"exp":1800000060,"iat":1799000000}`:  "",
		`{"exp":1800000060,"nbf":"tomorrow"}`:  wire.CodeUnauthenticated,
		`{"exp":1800000060,"nbf":null}`:        "",
		`{"exp":1800000060,"nbf":1.8e9}`:       wire.CodeUnauthenticated,
		`{"exp":1800000060,"iat":-1800000000}`: wire.CodeUnauthenticated,
	} {
		want(t, v, good(payload), code)
	}
	strict := verifier(t, Config{Leeway: time.Nanosecond})
	want(t, strict, good(`{"exp":1799999999}`), wire.CodeUnauthenticated)
}

func TestTokenNeedsAnEnd(t *testing.T) {
	v := verifier(t, Config{})
	for _, exp := range []string{`"1800000060"`, `1800000060.5`, `1e20`, `1.8e9`, `-1`, `null`, `true`, `[1800000060]`, `9223372036854775807`, `1099511627777`} {
		want(t, v, good(`{"exp":`+exp+`}`), wire.CodeUnauthenticated)
	}
	want(t, v, good(`{"sub":"ann"}`), wire.CodeUnauthenticated)
	want(t, v, good(`{"exp":1099511627776}`), "")
}

// TestExpiredTokenOfAStrangerIsRefused is CVE-2024-51744: two faults at once.
func TestExpiredTokenOfAStrangerIsRefused(t *testing.T) {
	v := verifier(t, Config{})
	want(t, v, raw([]byte("a stranger's secret of 32 bytes or so"), `{"alg":"HS256"}`, `{"exp":1700000000}`), wire.CodeUnauthenticated)
	want(t, v, raw([]byte("a stranger's secret of 32 bytes or so"), `{"alg":"HS256"}`, `{"exp":1800000060}`), wire.CodeUnauthenticated)
}

func TestIssuerAndAudience(t *testing.T) {
	v := verifier(t, Config{Issuer: "https://id.example", Audience: []string{"calls", "chat"}})
	for claims, code := range map[string]wire.Code{
		`"iss":"https://id.example","aud":"calls"`:      "",
		`"iss":"https://id.example","aud":["x","chat"]`: "",
		`"iss":"https://id.example","aud":["x"]`:        wire.CodeUnauthenticated,
		`"iss":"https://id.example","aud":[]`:           wire.CodeUnauthenticated,
		`"iss":"https://id.example","aud":[""]`:         wire.CodeUnauthenticated,
		`"iss":"https://id.example","aud":{"calls":1}`:  wire.CodeUnauthenticated,
		`"iss":"https://id.example"`:                    wire.CodeUnauthenticated,
		`"iss":"https://id.example/","aud":"calls"`:     wire.CodeUnauthenticated,
		`"iss":["https://id.example"],"aud":"calls"`:    wire.CodeUnauthenticated,
		`"aud":"calls"`: wire.CodeUnauthenticated,
		`"iss":"https://id.example","aud":"calls","exp":"x"`: wire.CodeUnauthenticated,
	} {
		want(t, v, good(`{"exp":1800000060,`+claims+`}`), code)
	}
}

func TestKidIsOnlyAName(t *testing.T) {
	v := verifier(t, Config{Keys: []Key{{ID: "a", Value: secret}}})
	for kid, code := range map[string]wire.Code{
		`"a"`: "", `"b"`: wire.CodeUnauthenticated, `"../../etc/passwd"`: wire.CodeUnauthenticated, `"' OR 1=1 --"`: wire.CodeUnauthenticated,
		`"` + strings.Repeat("a", 1<<20) + `"`: wire.CodeUnauthenticated, `["a"]`: wire.CodeUnauthenticated, `null`: wire.CodeUnauthenticated, `""`: wire.CodeUnauthenticated,
	} {
		want(t, v, raw(secret, `{"alg":"HS256","kid":`+kid+`}`, `{"exp":1800000060}`), code)
	}
	want(t, v, good(`{"exp":1800000060}`), "")
}

func TestKeysInTheHeaderAreIgnored(t *testing.T) {
	v := verifier(t, Config{})
	own := []byte("the secret of somebody who sends it")
	b64 := base64.RawURLEncoding.EncodeToString(own)
	for _, header := range []string{
		`{"alg":"HS256","jwk":{"kty":"oct","k":"` + b64 + `"}}`, `{"alg":"HS256","jku":"http://127.0.0.1:1/keys"}`, `{"alg":"HS256","x5u":"http://127.0.0.1:1/x"}`,
	} {
		want(t, v, raw(own, header, `{"exp":1800000060}`), wire.CodeUnauthenticated)
		want(t, v, raw(secret, header, `{"exp":1800000060}`), "")
	}
	want(t, v, raw(secret, `{"alg":"HS256","crit":["b64"],"b64":false}`, `{"exp":1800000060}`), wire.CodeUnauthenticated)
}

func TestTokenOfOneAppOpensNoOther(t *testing.T) {
	v := verifier(t, Config{})
	for _, tt := range []struct {
		app, claim string
		code       wire.Code
	}{
		{"default", `{}`, ""}, {"default", `{"app":"default"}`, ""}, {"shop", `{"app":"shop"}`, ""},
		{"shop", `{}`, wire.CodeForbidden}, {"default", `{"app":"shop"}`, wire.CodeForbidden}, {"shop", `{"app":"sho*"}`, wire.CodeForbidden},
	} {
		_, err := v.Authenticate(t.Context(), signaling.Hello{App: tt.app, Token: good(`{"exp":1800000060,"signal":` + tt.claim + `}`)})
		var refused *wire.Error
		if errors.As(err, &refused); (err == nil) != (tt.code == "") || refused != nil && refused.Code != tt.code {
			t.Errorf("%s with %s: %v, want %q", tt.app, tt.claim, err, tt.code)
		}
	}
}

// TestMisspelledGrantsGrantNothing has whatever is not understood refused.
func TestMisspelledGrantsGrantNothing(t *testing.T) {
	v := verifier(t, Config{})
	for _, claim := range []string{
		`{"room":["standup"]}`, `{"rooms":"standup"}`, `{"rooms":null}`, `{"rooms":["[a-"]}`, `{"role":"king"}`, `{"role":null}`, `{"candidates":"some"}`,
		`{"rooms":[1]}`, `[]`, `"standup"`, `{"grants":{}}`, `{"rooms":["` + strings.Repeat("x", 1100) + `"]}`,
	} {
		want(t, v, good(`{"exp":1800000060,"signal":`+claim+`}`), wire.CodeUnauthenticated)
	}
	want(t, v, good(`{"exp":1800000060,"sub":"`+strings.Repeat("x", 300)+`"}`), wire.CodeUnauthenticated)
	id := want(t, v, good(`{"exp":1800000060,"signal":{"rooms":[]}}`), "")
	if id.Grants == nil || id.Grants.Rooms == nil {
		t.Errorf("no room has become all rooms: %+v", id.Grants)
	}
	id = want(t, v, good(`{"exp":1800000060,"sub":"ann","email":"x"}`), "")
	if id.Grants != nil || id.User != "ann" {
		t.Errorf("%+v", id)
	}
}

func TestSignRefusesWhatCannotBe(t *testing.T) {
	for what, c := range map[string]Claims{
		"Expires": {},
		"role":    {Identity: signaling.Identity{Expires: now, Grants: &signaling.Grants{Role: "king"}}},
	} {
		if _, err := Sign(secret, c); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Sign([]byte("short"), Claims{Identity: signaling.Identity{Expires: now}}); err == nil {
		t.Error("a short secret signs")
	}
}
