package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/jwt"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// tokenCmd is `signal token`.
type tokenCmd struct {
	User       string        `env:"-" help:"Who it is for. Default: nobody in particular." placeholder:"ID"`
	Name       string        `env:"-" help:"What others are shown." placeholder:"NAME"`
	Room       []string      `env:"-" help:"A room that may be joined; * and ? stand for any. Default: all." placeholder:"ROOM"`
	Role       string        `env:"-" help:"host, participant or viewer in these rooms." enum:",host,participant,viewer" default:"" placeholder:"ROLE"`
	MayCall    []string      `env:"-" help:"A user who may be rung, watched and written to without a room in common; * and ? stand for any. Default: nobody." placeholder:"ID"`
	Candidates string        `env:"-" help:"Which ICE candidates others get: all, no-host or relay." enum:",all,no-host,relay" default:"" placeholder:"POLICY"`
	App        string        `env:"-" help:"The app that it opens." default:"default"`
	TTL        time.Duration `env:"-" name:"ttl" help:"For how long it holds." default:"10m"`

	SecretFile string   `name:"jwt-secret-file" aliases:"secret-file" help:"Sign with the secret in this file, as --jwt-secret-file of signal serve." placeholder:"FILE" type:"path"`
	KeyFile    string   `name:"jwt-key-file" aliases:"key-file" help:"Sign with the private key in this file, in PEM: RSA, P-256 or Ed25519." placeholder:"FILE" type:"path"`
	KeyID      string   `env:"-" name:"key-id" help:"The kid of the key." placeholder:"ID"`
	Issuer     string   `name:"jwt-issuer" aliases:"issuer" help:"iss" placeholder:"ISS"`
	Audience   []string `name:"jwt-audience" aliases:"audience" help:"aud" placeholder:"AUD"`
}

// Help is the end of `signal token --help`.
func (tokenCmd) Help() string {
	return `Examples:

  A secret, a server that wants tokens, and one for Ann, for ten minutes:
      openssl rand -base64 32 > secret
      signal serve --jwt-secret-file secret
      signal token --jwt-secret-file secret --user ann --name Ann --room 'team-*'

  The call page takes it behind the #: http://localhost:8080/?room=team-1#token=…

The algorithm is that of the key: HS256, RS256, ES256 or EdDSA.
The environment is that of signal serve: SIGNAL_JWT_SECRET_FILE and so on.`
}

// Run prints a token.
func (c tokenCmd) Run(env *environment) error {
	key, err := c.key()
	if err != nil {
		return err
	}
	if c.TTL <= 0 {
		return badSetting("--ttl %v: use more than 0, as 10m", c.TTL)
	}
	now := time.Now()
	token, err := jwt.Sign(key, jwt.Claims{
		Identity: signaling.Identity{
			User: c.User, Name: c.Name, Expires: now.Add(c.TTL),
			Grants: &signaling.Grants{Rooms: c.Room, Role: wire.Role(c.Role), Users: c.MayCall, Candidates: wire.Policy(c.Candidates)},
		},
		App: c.App, Issuer: c.Issuer, Audience: c.Audience, IssuedAt: now, KeyID: c.KeyID,
	})
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintln(env.stdout, token)
	return err
}

// key is what signs: a secret or a private key.
func (c tokenCmd) key() (any, error) {
	switch {
	case (c.SecretFile == "") == (c.KeyFile == ""):
		return nil, badSetting("--jwt-secret-file, --jwt-key-file: give one of them, to sign with")
	case c.SecretFile != "":
		return readSecret(c.SecretFile)
	}
	text, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return nil, badSetting("--jwt-key-file: %v", err)
	}
	var key any
	switch block, _ := pem.Decode(text); {
	case block == nil:
		return nil, badSetting("--jwt-key-file: %s is not PEM; make a key with openssl genpkey -algorithm ed25519", c.KeyFile)
	case block.Type == "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, badSetting("--jwt-key-file: %s is not a private key: %v", c.KeyFile, err)
	}
	return key, nil
}
