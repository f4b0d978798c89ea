package signaling

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A roomLink lets those in who bring it, as its host has decided.
//
// Encoded: base64url, without padding, of
//
//	version (1) | until (8) | uses (2) | id (16) | length of app (1) | app | length of room (1) | room | length of role (1) | role | HMAC-SHA256 (32)
type roomLink struct {
	LinkPass
	app, room string
}

const (
	linkVersion = 2 // what a resume token never begins with: one is not the other
	linkID      = 16
	linkHead    = 1 + 8 + 2 + linkID
)

var errLink = errors.New("not a link of this server")

// sign encodes l under key.
func (l *roomLink) sign(key []byte) string {
	b := make([]byte, 0, linkHead+3+len(l.app)+len(l.room)+len(l.Role)+sha256.Size)
	b = append(b, linkVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(l.Until))
	b = binary.BigEndian.AppendUint16(b, uint16(l.Uses))
	b = append(b, l.ID...)
	for _, field := range []string{l.app, l.room, string(l.Role)} {
		b = append(append(b, byte(len(field))), field...)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, tokenMAC(key, b)...))
}

// parseRoomLink decodes s if one of keys has signed it. Whether it has ended, and
// how often it was used, is the roster's to judge.
func parseRoomLink(s string, keys [][]byte) (*roomLink, error) {
	if len(s) > wire.MaxLink || strings.ContainsAny(s, "\r\n") { // the decoder skips line ends
		return nil, errLink
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < linkHead+3+sha256.Size {
		return nil, errLink
	}
	payload, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	signed := false
	for _, key := range keys {
		signed = hmac.Equal(tokenMAC(key, payload), sum) || signed
	}
	if !signed || payload[0] != linkVersion {
		return nil, errLink
	}
	l := &roomLink{LinkPass: LinkPass{
		Until: int64(binary.BigEndian.Uint64(payload[1:])), Uses: int(binary.BigEndian.Uint16(payload[9:])), ID: string(payload[11:linkHead]),
	}}
	rest, ok := payload[linkHead:], true
	for _, field := range []*string{&l.app, &l.room, (*string)(&l.Role)} {
		var value []byte
		if !ok || len(rest) == 0 {
			return nil, errLink
		}
		value, rest, ok = cutField(rest[1:], int(rest[0]))
		*field = string(value)
	}
	if !ok || len(rest) > 0 || l.Role != "" && !l.Role.Valid() {
		return nil, errLink
	}
	return l, nil
}
