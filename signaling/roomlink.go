package signaling

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A roomLink lets those in who bring it, as its host has decided.
//
// Sealed:
//
//	version (1) | until (8) | uses (2) | id (16) | length of app (1) | app | length of room (1) | room | length of role (1) | role
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
	return seal(key, b)
}

// parseRoomLink decodes s if one of keys has signed it. Whether it has ended, and
// how often it was used, is the roster's to judge.
func parseRoomLink(s string, keys [][]byte) (*roomLink, error) {
	if len(s) > wire.MaxLink {
		return nil, errLink
	}
	payload, sealed := unseal(s, linkVersion, keys)
	if !sealed || len(payload) < linkHead+3 {
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
