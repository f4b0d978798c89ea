package signaling

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// What clients are given to show again is sealed: everybody can read it, and
// nobody but a server with the key can make or change it. The first byte of the
// payload says what it is, so that nothing that was sealed for one purpose is
// good for another.
//
// Encoded: base64url, without padding, of
//
//	payload | HMAC-SHA256 (32)

// seal encodes payload under key.
func seal(key, payload []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(payload, tokenMAC(key, payload)...))
}

// unseal returns the payload of s, if it begins with kind and one of keys has
// sealed it. There is one encoding of it only. The caller bounds the length.
func unseal(s string, kind byte, keys [][]byte) (payload []byte, ok bool) {
	if strings.ContainsAny(s, "\r\n") { // the decoder skips line ends
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) <= sha256.Size {
		return nil, false
	}
	payload, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	for _, key := range keys {
		ok = hmac.Equal(tokenMAC(key, payload), sum) || ok
	}
	return payload, ok && payload[0] == kind
}

func tokenMAC(key, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	return mac.Sum(nil)
}

// cutField takes a field of n bytes off the head of a payload.
func cutField(b []byte, n int) (field, rest []byte, ok bool) {
	if n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
