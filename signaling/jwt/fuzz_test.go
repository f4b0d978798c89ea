package jwt

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// FuzzAuthenticate lets nothing in that the key has not signed, and has each
// refusal be one. Header and payload are also signed as they are, so that what
// is behind the signature is reached.
func FuzzAuthenticate(f *testing.F) {
	v := verifier(f, Config{Issuer: "i"})
	f.Add("", `{"alg":"HS256"}`, `{"exp":1800000060,"iss":"i","sub":"ann","name":"Ann","signal":{"app":"default","rooms":["a*"],"role":"host","users":["b"],"candidates":"relay"}}`)
	f.Add("a.b.c", `{"alg":"none","kid":"x","crit":[]}`, `{"exp":"1","nbf":-1,"iat":1e9,"aud":["x"]}`)
	f.Fuzz(func(t *testing.T, token, header, payload string) {
		if _, err := v.Authenticate(t.Context(), signaling.Hello{Token: token}); err == nil {
			t.Errorf("%q is let in", token)
		}
		id, err := v.Authenticate(t.Context(), signaling.Hello{Token: raw(secret, header, payload)})
		var refused *wire.Error
		switch {
		case err == nil:
			if id.Expires.Before(now) || id.Check() != nil {
				t.Errorf("%q gives %+v", payload, id)
			}
		case !errors.As(err, &refused) || !strings.Contains("unauthenticated forbidden", string(refused.Code)):
			t.Errorf("%q with %q: %v", payload, header, err)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add(set(f, privateKeys()))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ParseKeys(text)
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			if _, err := k.alg(); err != nil {
				t.Error(err)
			}
		}
	})
}
