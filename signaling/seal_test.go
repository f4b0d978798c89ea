package signaling

import (
	"bytes"
	"strings"
	"testing"
)

// TestSealHasOneForm has what is sealed good for one purpose, under the keys that
// count, and in one encoding.
func TestSealHasOneForm(t *testing.T) {
	keys := [][]byte{[]byte("new"), []byte("old")}
	payload := []byte("\x07twelve bytes") // with the sum 45, of which base64 leaves nothing over
	padded := append(bytes.Clone(payload), '!')
	for _, key := range keys {
		if got, ok := unseal(seal(key, bytes.Clone(payload)), 7, keys); !ok || !bytes.Equal(got, payload) {
			t.Errorf("under %q: got %q, %v", key, got, ok)
		}
	}
	good := seal(keys[0], bytes.Clone(padded))
	last := good[len(good)-1]
	for what, s := range map[string]string{
		"another purpose":       seal(keys[0], append([]byte{8}, payload[1:]...)),
		"another key":           seal([]byte("another"), bytes.Clone(payload)),
		"a line end inside":     good[:9] + "\n" + good[9:],
		"a line end behind":     good + "\r\n",
		"bits that say nothing": good[:len(good)-1] + string(nextLetter(last)),
		"padding":               good + "==",
		"no payload":            seal(keys[0], nil),
		"nothing":               "",
	} {
		if _, ok := unseal(s, 7, keys); ok {
			t.Errorf("%s is taken: %q", what, s)
		}
	}
}

// nextLetter is the letter of base64url behind c, which differs in the last bit.
func nextLetter(c byte) byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return letters[strings.IndexByte(letters, c)^1]
}
