package signaling

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A resumeToken is what a client shows to come back to its session, or to its
// identity where the session is gone.
//
// Sealed:
//
//	version (1) | rank (8) | epoch (8) | start (8) | peer (20) | length of app (1) | app | length of user (2) | user | length of the rest of the identity (2) | that, as JSON
type resumeToken struct {
	peer  string
	id    *Identity
	app   string
	rank  uint64
	epoch uint64 // of the welcome that brought it
	start int64  // of the session, ms of the wall clock
}

const (
	tokenVersion = 1
	tokenHead    = 1 + 8 + 8 + 8 + 20
	maxApp       = 128
	maxToken     = (tokenHead + 1 + maxApp + 2 + maxUser + 2 + maxIdentity + sha256.Size + 2) / 3 * 4
	maxTokenAge  = 24 * time.Hour // beyond it, a token finds only a session that lives
)

var errToken = errors.New("not a resume token of this server")

// sign encodes t under key.
func (t *resumeToken) sign(key []byte) string {
	rest := t.id.encode()
	b := make([]byte, 0, tokenHead+1+len(t.app)+2+len(t.id.User)+2+len(rest)+sha256.Size)
	b = append(b, tokenVersion)
	b = binary.BigEndian.AppendUint64(b, t.rank)
	b = binary.BigEndian.AppendUint64(b, t.epoch)
	b = binary.BigEndian.AppendUint64(b, uint64(t.start))
	b = append(b, t.peer...)
	b = append(append(b, byte(len(t.app))), t.app...)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(t.id.User))), t.id.User...)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(rest))), rest...)
	return seal(key, b)
}

// parseToken decodes s if one of keys has signed it. What was signed needs no
// further trust, but is checked all the same: a key may be shared by versions
// that write something else.
func parseToken(s string, keys [][]byte) (*resumeToken, error) {
	if len(s) > maxToken {
		return nil, errToken
	}
	payload, ok := unseal(s, tokenVersion, keys)
	if !ok || len(payload) < tokenHead+5 {
		return nil, errToken
	}
	t := &resumeToken{
		rank:  binary.BigEndian.Uint64(payload[1:]),
		epoch: binary.BigEndian.Uint64(payload[9:]),
		start: int64(binary.BigEndian.Uint64(payload[17:])),
		peer:  string(payload[25:tokenHead]),
	}
	if err := t.parseNames(payload[tokenHead:]); err != nil {
		return nil, errToken
	}
	return t, nil
}

// parseNames decodes what of a token has no fixed length.
func (t *resumeToken) parseNames(b []byte) error {
	app, b, ok := cutField(b[1:], int(b[0]))
	var user, rest []byte
	for _, field := range []*[]byte{&user, &rest} {
		if !ok || len(b) < 2 {
			return errToken
		}
		*field, b, ok = cutField(b[2:], int(binary.BigEndian.Uint16(b)))
	}
	if !ok || len(b) > 0 || len(user) > maxUser || len(rest) > maxIdentity {
		return errToken
	}
	t.app, t.id = string(app), &Identity{User: string(user)}
	if !wire.ValidPeer(t.peer) || !wire.ValidRoom(t.app) {
		return errToken
	}
	return t.id.decode(rest)
}
