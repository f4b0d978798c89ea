package negotiation

import (
	"encoding/json"
	"slices"
	"strings"
)

// Ufrags are the distinct values of the a=ice-ufrag lines of a description, in
// the order in which they appear, without judging the rest of it.
func Ufrags(sdp string) []string {
	var found []string
	for len(sdp) > 0 {
		line := sdp
		if i := strings.IndexByte(sdp, '\n'); i >= 0 {
			line, sdp = sdp[:i], sdp[i+1:]
		} else {
			sdp = ""
		}
		value, ok := strings.CutPrefix(line, "a=ice-ufrag:")
		if !ok {
			continue
		}
		value = strings.TrimRight(value, "\r \t")
		if value != "" && !slices.Contains(found, value) {
			found = append(found, value)
		}
	}
	return found
}

// CandidateUfrag is the ufrag of an RTCIceCandidateInit: its usernameFragment,
// else the word behind "ufrag" in its candidate line (pion puts it only
// there), else "": then it is that of the local description.
func CandidateUfrag(usernameFragment, candidate string) string {
	if usernameFragment != "" {
		return usernameFragment
	}
	words := strings.Fields(candidate)
	// RFC 8839 section 5.1: name and value pairs follow the first eight fields.
	for i := 8; i+1 < len(words); i += 2 {
		if words[i] == "ufrag" {
			return words[i+1]
		}
	}
	return ""
}

// description takes the SDP out of the data of an offer or an answer; "" if it
// is not there: whoever has to apply it will fail and say so.
func description(data json.RawMessage) string {
	var d struct{ SDP any }
	if json.Unmarshal(data, &d) != nil {
		return ""
	}
	sdp, _ := d.SDP.(string)
	return sdp
}
