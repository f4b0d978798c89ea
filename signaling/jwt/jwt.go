package jwt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// maxToken is the length in bytes above which nothing of a token is looked at.
const maxToken = 4096

// Config says which tokens are good. At least one of Keys, File and URL is
// needed.
type Config struct {
	// Keys verify tokens.
	Keys []Key

	// File has more keys, in a form that ParseKeys reads. New reads it, once.
	File string

	// URL has more keys, as a JWK set. It is fetched with the first token that
	// needs it, which waits for that, or by Refresh; again when what it has is
	// ten minutes old, and when a token names a key that it does not have, at
	// most every ten seconds. While it fails, the keys of before hold; a key that
	// a later set lacks holds no more. It must be https, but for a loopback host.
	URL string

	Issuer   string        // what iss must be; "": anything
	Audience []string      // of which aud must have one; nil: anything
	Leeway   time.Duration // by which clocks may differ; zero means 30 s

	Client *http.Client     // fetches URL; nil: one with a timeout of 5 s
	Now    func() time.Time // the wall clock; nil: time.Now
	Logger *slog.Logger     // is told when URL fails; nil: nobody is
}

func (c Config) withDefaults() Config {
	c.Leeway = cmp.Or(c.Leeway, 30*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Verifier judges tokens. Its methods may be called from any goroutine.
type Verifier struct {
	cfg    Config
	keys   []Key // static
	remote *remote
	parser *gojwt.Parser
}

// New makes a Verifier. It reads Config.File, and does not fetch Config.URL.
func New(cfg Config) (*Verifier, error) {
	v := &Verifier{cfg: cfg.withDefaults(), keys: cfg.Keys}
	if cfg.File != "" {
		text, err := os.ReadFile(cfg.File)
		if err != nil {
			return nil, fmt.Errorf("jwt: keys: %w", err)
		}
		keys, err := ParseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("%w, in %s", err, cfg.File)
		}
		v.keys = append(v.keys[:len(v.keys):len(v.keys)], keys...)
	}
	for _, k := range v.keys {
		if _, err := k.alg(); err != nil {
			return nil, err
		}
	}
	if cfg.URL != "" {
		var err error
		if v.remote, err = newRemote(v.cfg); err != nil {
			return nil, err
		}
	}
	if len(v.keys) == 0 && v.remote == nil {
		return nil, errors.New("jwt: there is no key: set Keys, File or URL")
	}
	options := []gojwt.ParserOption{
		gojwt.WithValidMethods(algs), gojwt.WithStrictDecoding(), gojwt.WithExpirationRequired(), gojwt.WithIssuedAt(),
		gojwt.WithLeeway(v.cfg.Leeway), gojwt.WithTimeFunc(v.cfg.Now),
	}
	if cfg.Issuer != "" {
		options = append(options, gojwt.WithIssuer(cfg.Issuer))
	}
	if len(cfg.Audience) > 0 {
		options = append(options, gojwt.WithAudience(cfg.Audience...))
	}
	v.parser = gojwt.NewParser(options...)
	return v, nil
}

// Refresh fetches Config.URL now, so that no token has to wait for it, and a
// wrong one is noticed. Without a URL it does nothing.
func (v *Verifier) Refresh(ctx context.Context) error {
	if v.remote == nil {
		return nil
	}
	return v.remote.refresh(ctx)
}

// Authenticate is for signaling.Config. It refuses with unauthenticated what is
// not a good token, with forbidden one for another app, and with unavailable
// one that cannot be judged as long as Config.URL fails. It blocks while that is
// fetched.
func (v *Verifier) Authenticate(ctx context.Context, h signaling.Hello) (signaling.Identity, error) {
	if h.Token == "" {
		return signaling.Identity{}, refuse("a token is needed: put one into hello")
	}
	if !shaped(h.Token) {
		return signaling.Identity{}, refuse("the token is not a JWT of up to %d bytes", maxToken)
	}
	c, err := v.parse(h.Token, func(fits fitting) ([]gojwt.VerificationKey, error) { return fits(v.keys), nil })
	if v.remote != nil && (errors.Is(err, errNoKey) || errors.Is(err, gojwt.ErrTokenSignatureInvalid)) { // it is not of the keys at hand
		c, err = v.parse(h.Token, func(fits fitting) ([]gojwt.VerificationKey, error) { return v.fetched(ctx, fits) })
	}
	if err != nil {
		return signaling.Identity{}, refusal(err)
	}
	return c.identity(h.App, v.cfg.Leeway)
}

// fitting takes of keys those that may have signed a token.
type fitting func(keys []Key) []gojwt.VerificationKey

// parse reads a token that one of the keys has signed.
func (v *Verifier) parse(token string, keys func(fitting) ([]gojwt.VerificationKey, error)) (c claims, err error) {
	_, err = v.parser.ParseWithClaims(token, &c, func(t *gojwt.Token) (any, error) {
		fits, err := fittingTo(t)
		if err != nil {
			return nil, err
		}
		found, err := keys(fits)
		if err == nil && len(found) == 0 {
			err = errNoKey
		}
		return gojwt.VerificationKeySet{Keys: found}, err
	})
	return c, err
}

// fetched returns the keys of Config.URL that fit.
func (v *Verifier) fetched(ctx context.Context, fits fitting) ([]gojwt.VerificationKey, error) {
	keys, err := v.remote.get(ctx, func(keys []Key) bool { return len(fits(keys)) > 0 })
	found := fits(keys)
	if len(found) == 0 && err != nil {
		return nil, wire.Refuse(wire.CodeUnavailable, "the keys of tokens cannot be fetched now")
	}
	return found, nil
}

// shaped reports whether s has the length and the characters of a JWT, with
// its two dots, before anybody takes it apart.
func shaped(s string) bool {
	if len(s) > maxToken {
		return false
	}
	dots := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			dots++
		case c-'0' <= 9, c|0x20 >= 'a' && c|0x20 <= 'z', c == '-', c == '_':
		default:
			return false
		}
	}
	return dots == 2
}

// fittingTo takes the keys with t's kid, or without any, of the type that its alg is
// for. Nothing else of the header counts.
func fittingTo(t *gojwt.Token) (fitting, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515 §4.1.11
		return nil, refuse("the token has a critical header that is not known here")
	}
	kid, named := "", false
	if value, ok := t.Header["kid"]; ok {
		if kid, named = value.(string); !named {
			return nil, refuse("the kid of the token is not a string")
		}
	}
	return func(keys []Key) (found []gojwt.VerificationKey) {
		for _, k := range keys {
			if alg, _ := k.alg(); alg == t.Method.Alg() && (!named || k.ID == "" || k.ID == kid) {
				found = append(found, k.Value)
			}
		}
		return found
	}, nil
}

var errNoKey = refuse("the token is signed with a key that is not known here")

func refuse(format string, args ...any) error {
	return wire.Refuse(wire.CodeUnauthenticated, format, args...)
}

// refusal is what the client is told of an error of the parser: nothing that
// stands in the token.
func refusal(err error) error {
	var refused *wire.Error
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, gojwt.ErrTokenSignatureInvalid):
		return refuse("the signature of the token is not right")
	case errors.Is(err, gojwt.ErrTokenRequiredClaimMissing):
		return refuse("the token lacks exp, iss or aud")
	case errors.Is(err, gojwt.ErrTokenExpired):
		return refuse("the token has expired; get a new one")
	case errors.Is(err, gojwt.ErrTokenNotValidYet), errors.Is(err, gojwt.ErrTokenUsedBeforeIssued):
		return refuse("the token is not valid yet; do the clocks agree?")
	case errors.Is(err, gojwt.ErrTokenInvalidIssuer), errors.Is(err, gojwt.ErrTokenInvalidAudience):
		return refuse("the token is not for this server: its iss or aud is another")
	}
	return refuse("the token is not a JWT that can be read here")
}
