package wire

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// plainLine matches what has no shape of an address: no dots, no two colons.
var plainLine = regexp.MustCompile(`^[^.:]*:?[^.:]*$`)

// fixed are the places where dots and colons may be.
var fixed = regexp.MustCompile(`^a=[a-z-]+:|IN IP4 0\.0\.0\.0|raddr 0\.0\.0\.0 rport 0|raddr :: rport 0|sha-\d+ [0-9A-Fa-f:]{59,191}$|` +
	`(urn:ietf:params:rtp-hdrext|urn:3gpp):|https?://(www\.webrtc\.org|www\.ietf\.org|aomediacodec\.github\.io|tools\.ietf\.org)/`)

// wantNoAddress judges one line of what was let through, by another way than
// the code does.
func wantNoAddress(t *testing.T, s *Stripper, p Policy, line string) {
	if i := strings.Index(line, "candidate:"); i >= 0 && strings.Contains(line, " typ ") {
		f := strings.Fields(line[i:])
		addr, err := netip.ParseAddr(f[4])
		switch typ := f[7]; {
		case err != nil:
			t.Fatalf("%s: %v", line, err)
		case typ == "relay" && !s.Relays[0].Contains(addr), typ == "host", p == PolicyRelay && typ != "relay":
			t.Fatalf("%s lets through %q", p, line)
		case typ != "relay" && (addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast()):
			t.Fatalf("%s lets through %q", p, line)
		}
		line = strings.Replace(line, f[4], "", 1)
	}
	if rest := fixed.ReplaceAllString(line, ""); !plainLine.MatchString(rest) {
		t.Fatalf("%s lets through %q", p, line)
	}
}

// stringsIn calls f for each string in a JSON value.
func stringsIn(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case []any:
		for _, e := range v {
			stringsIn(e, f)
		}
	case map[string]any:
		for key, e := range v {
			f(key)
			stringsIn(e, f)
		}
	}
}

// Whatever comes in, what goes out is JSON without addresses, and stripping it
// again takes nothing more.
func FuzzStrip(f *testing.F) {
	for _, by := range []string{"chromium", "firefox", "pion"} {
		g := readGathered(f, by)
		f.Add(uint8(0), string(description(f, TypeOffer, g.Offer).Data), "abcd")
		f.Add(uint8(1), string(description(f, TypeAnswer, g.Answer).Data), "abcd")
		list, _ := json.Marshal(g.Candidates)
		f.Add(uint8(2), string(list), "aB+/")
	}
	f.Add(uint8(0), `{"sdp":"v=0\r\no=- 1 2 IN IP4 10.0.0.5\r\nc=IN IP6 fd00::2\r\na=candidate:1 1 udp 5 203.0.113.3 9 typ relay raddr 10.0.0.5 rport 9\r\na=mid:0"}`, "")
	f.Add(uint8(2), `[{"candidate":"candidate:1 1 udp 5 198.51.100.7 9 typ srflx raddr 10.0.0.5 rport 9","sdpMid":"0"}]`, "abcd")
	f.Add(uint8(3), `{"need":{"audio":1,"video":1,"data":0},"restart":true}`, "")
	f.Add(uint8(4), `{"reason":"failed before"}`, "")
	types := []Type{TypeOffer, TypeAnswer, TypeCandidates, TypeNegotiate, TypeReject}
	f.Fuzz(func(t *testing.T, kind uint8, data, ufrag string) {
		m := &Message{
			Type: types[int(kind)%len(types)], ID: 1, Room: "room", To: strings.Repeat("A", 20), PC: 1, Gen: 1, Ufrag: ufrag, Data: []byte(data),
		}
		m, err := Scan(AppendClient(nil, 1, 0, m.AppendBody(nil)))
		if err != nil || m.Check() != nil || m.Data == nil {
			return // no frame that the server would judge
		}
		for _, p := range []Policy{PolicyNoHost, PolicyRelay} {
			once := *m
			if testStripper.Strip(p, &once) != nil {
				continue
			}
			var v any
			if err := json.Unmarshal(once.Data, &v); err != nil {
				t.Fatalf("%s: %v", once.Data, err)
			}
			stringsIn(v, func(s string) {
				for line := range strings.SplitSeq(s, "\r\n") {
					wantNoAddress(t, &testStripper, p, line)
				}
			})
			twice := once
			if err := testStripper.Strip(p, &twice); err != nil || twice.Elements != once.Elements || sample(twice.Data) != sample(once.Data) {
				t.Fatalf("again: %v\n%s\n%s", err, once.Data, twice.Data)
			}
		}
	})
}

var anyFoundation = regexp.MustCompile(`candidate:\d+ `)

// sample is data without foundations, which each stripping replaces.
func sample(data []byte) string {
	return anyFoundation.ReplaceAllString(string(data), "candidate:1 ")
}

func BenchmarkStrip(b *testing.B) {
	g := readGathered(b, "chromium")
	for _, p := range []Policy{PolicyAll, PolicyNoHost, PolicyRelay} {
		b.Run(fmt.Sprintf("offer %s", p), func(b *testing.B) {
			offer := *description(b, TypeOffer, g.Offer)
			b.ReportAllocs()
			b.SetBytes(int64(len(offer.Data)))
			for b.Loop() {
				m := offer
				if err := testStripper.Strip(p, &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
