package wire

import (
	"fmt"
	"strings"
)

// sdp rebuilds a session description (RFC 8866) without addresses and ports.
// What it does not know goes: SDP tells who receives it to ignore that.
func (w *work) sdp(text string) (string, error) {
	// Receivers differ in what ends a line: each of these does for one of them.
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' })
	if len(lines) == 0 || lines[0] != "v=0" {
		return "", fmt.Errorf("sdp does not begin with v=0")
	}
	var b strings.Builder
	b.Grow(len(text))
	for i, line := range lines {
		if len(line) < 2 || line[1] != '=' {
			return "", fmt.Errorf("line %d of sdp is not of the form x=…", i+1)
		}
		out, err := w.line(line[0], line[2:])
		if err != nil {
			return "", fmt.Errorf("line %d of sdp: %w", i+1, err)
		}
		if out != "" {
			b.WriteByte(line[0])
			b.WriteByte('=')
			b.WriteString(out)
			b.WriteString("\r\n")
		}
	}
	return b.String(), nil
}

const nowhere = "IN IP4 0.0.0.0"

// line rebuilds what stands behind x= in one line; "": it goes.
func (w *work) line(kind byte, value string) (string, error) {
	switch kind {
	case 'v':
		return "0", nil
	case 'o':
		return origin(value)
	case 's':
		return "-", nil
	case 't':
		return "0 0", nil
	case 'c':
		return nowhere, nil
	case 'b':
		if name, rate, _ := strings.Cut(value, ":"); (name == "AS" || name == "TIAS" || name == "CT") && number(rate) {
			return value, nil
		}
	case 'm':
		return media(value)
	case 'a':
		return w.attribute(value), nil
	}
	return "", nil
}

// origin keeps the number of the session and its version, which have to grow.
func origin(value string) (string, error) {
	f := strings.Fields(value)
	if len(f) != 6 || !number(f[1]) || !number(f[2]) {
		return "", fmt.Errorf("want o=<user> <session> <version> IN IP4 <address>")
	}
	return "- " + f[1] + " " + f[2] + " " + nowhere, nil
}

// media keeps the port only where it says that there is no medium.
func media(value string) (string, error) {
	f := strings.Fields(value)
	if len(f) < 4 || !number(f[1]) || !words(strings.Join(f, "")) {
		return "", fmt.Errorf("want m=<medium> <port> <protocol> <format> …")
	}
	if f[1] != "0" {
		f[1] = "9" // discard: what trickle ICE has where no candidate is chosen (RFC 8840 section 4.1.1)
	}
	return strings.Join(f, " "), nil
}

// A form judges the value of an attribute.
type form func(value string) bool

// attributes are the known ones that have a value, with what that may be: all
// that Chromium, Firefox and pion send, but for those of which something stays
// behind.
var attributes = map[string]form{
	"group": words, "msid": words, "msid-semantic": words, "mid": words, "setup": words, "ice-options": words, "tls-id": words,
	"rtpmap": words, "fmtp": words, "rtcp-fb": words, "rtcp-xr": words, "ssrc": words, "ssrc-group": words,
	"rid": words, "simulcast": words, "sctpmap": words, "content": words, "label": words, "x-google-flag": words, "packetization": words,
	"sctp-port": number, "max-message-size": number, "ptime": number, "maxptime": number, "framerate": number, "ice-pacing": number,
	"ice-ufrag": iceChars, "ice-pwd": iceChars, "fingerprint": fingerprint, "extmap": extmap,
}

// attribute rebuilds an attribute; "": it goes.
func (w *work) attribute(a string) string {
	name, value, valued := strings.Cut(a, ":")
	switch name {
	case "candidate":
		line, _ := w.candidateLine(a)
		return line
	case "rtcp":
		return "rtcp:9 " + nowhere
	}
	if fits := attributes[name]; !valued && flag(name) || valued && fits != nil && value != "" && fits(value) {
		return a
	}
	return ""
}

// flag reports whether an attribute without a value, known or not, is no more
// than a name.
func flag(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return name != ""
}

// words reports whether s is plain text that cannot be read as an address or
// the name of a host: visible ASCII without dots, and with one colon at most,
// where an IPv6 address has two.
func words(s string) bool {
	colons := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~' || c == '.':
			return false
		case c == ':':
			colons++
		}
	}
	return colons <= 1
}

// digests are the hash functions of RFC 8122 with their length in bytes: each is
// too long for an address.
var digests = map[string]int{"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}

// fingerprint reports whether s is a hash in the form of RFC 8122.
func fingerprint(s string) bool {
	hash, digest, _ := strings.Cut(s, " ")
	pairs := strings.Split(digest, ":")
	for _, p := range pairs {
		if _, ok := hex4([]byte("00" + p)); !ok || len(p) != 2 {
			return false
		}
	}
	return len(pairs) == digests[strings.ToLower(hash)]
}

// extensionNames are the beginnings of the names of header extensions. Many are
// URLs, and so is an address.
var extensionNames = []string{
	"urn:ietf:params:rtp-hdrext:", "urn:3gpp:", "http://www.webrtc.org/experiments/rtp-hdrext/", "http://www.ietf.org/id/",
	"https://aomediacodec.github.io/av1-rtp-spec/", "http://tools.ietf.org/html/",
}

// extmap reports whether s maps a known kind of header extension (RFC 8285).
func extmap(s string) bool {
	id, uri, ok := strings.Cut(s, " ")
	for _, name := range extensionNames {
		if rest, found := strings.CutPrefix(uri, name); ok && found {
			return words(id) && words(rest)
		}
	}
	return false
}
