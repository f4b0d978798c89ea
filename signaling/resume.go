package signaling

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A resumeToken is what a client shows to come back to its session, or to its
// identity where the session is gone.
//
// Encoded: base64url, without padding, of
//
//	version (1) | rank (8) | epoch (8) | start (8) | peer (20) | length of app (1) | app | length of user (2) | user | length of the rest of the identity (2) | that, as JSON | HMAC-SHA256 (32)
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
	b = append(b, tokenMAC(key, b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

func tokenMAC(key, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	return mac.Sum(nil)
}

// parseToken decodes s if one of keys has signed it. What was signed needs no
// further trust, but is checked all the same: a key may be shared by versions
// that write something else.
func parseToken(s string, keys [][]byte) (*resumeToken, error) {
	if len(s) > maxToken || strings.ContainsAny(s, "\r\n") { // the decoder skips line ends
		return nil, errToken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < tokenHead+5+sha256.Size {
		return nil, errToken
	}
	payload, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	signed := false
	for _, key := range keys {
		signed = hmac.Equal(tokenMAC(key, payload), sum) || signed
	}
	if !signed || payload[0] != tokenVersion {
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

func cutField(b []byte, n int) (field, rest []byte, ok bool) {
	if n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
