// Package jwt lets clients in by JSON Web Tokens (RFC 7519).
//
//	v, err := jwt.New(jwt.Config{URL: "https://id.example/.well-known/jwks.json", Audience: []string{"calls"}})
//	srv := signaling.New(signaling.Config{Authenticate: v.Authenticate})
//
// A token is signed with HS256, RS256, ES256 or EdDSA, whichever fits its key:
// the key decides, not the token. What it has to say, and what becomes of it:
//
//	exp     required: when the session has to be renewed, or ends
//	nbf     not to be used before, if it is there
//	iat     not in the future, if it is there
//	iss     must be Config.Issuer, if that is set
//	aud     must have one of Config.Audience, if that is set
//	sub     Identity.User; without it the client is anonymous
//	name    Identity.Name
//	signal  {"app", "rooms", "role", "users", "candidates"}: the app that it
//	        opens, and Identity.Grants; see signaling.Grants
//
// Times are whole seconds. A token without signal.app opens the default app,
// and none opens two. In signal a name that is not known here refuses the
// token: a grant that was misspelled must not grant everything. Outside of it
// unknown claims are ignored, and so are the headers jku, x5u, x5c and jwk.
//
// Sign makes tokens, for services that have the key, and for tests.
package jwt
