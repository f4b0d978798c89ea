package wire

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Where testdata/policy has the addresses of its peers and of their relay.
const (
	vectorRelay     = "203.0.113.3"
	vectorReflexive = "198.51.100.7"
)

// vectorHosts match the addresses of the hosts.
var vectorHosts = regexp.MustCompile(`192\.168\.|127\.0\.|fd00:|\.local`)

// A gathered is what one implementation sent; testdata/README.md says how.
type gathered struct {
	By            string
	Offer, Answer string
	Candidates    []json.RawMessage
}

func readGathered(t testing.TB, by string) (g gathered) {
	t.Helper()
	text, err := os.ReadFile("testdata/policy/" + by + ".json")
	if err == nil {
		err = json.Unmarshal(text, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// kept reports whether a candidate stays under a policy.
func kept(p Policy, candidate string) bool {
	return strings.Contains(candidate, " typ relay") || p == PolicyNoHost && strings.Contains(candidate, " typ srflx")
}

// What browsers and pion send loses its addresses, and nothing else.
func TestStripVectors(t *testing.T) {
	for _, by := range []string{"chromium", "firefox", "pion"} {
		g := readGathered(t, by)
		for _, p := range []Policy{PolicyNoHost, PolicyRelay} {
			for typ, sdp := range map[Type]string{TypeOffer: g.Offer, TypeAnswer: g.Answer} {
				t.Run(fmt.Sprintf("%s %s %s", by, p, typ), func(t *testing.T) { testStripDescription(t, p, typ, sdp) })
			}
			t.Run(fmt.Sprintf("%s %s candidates", by, p), func(t *testing.T) { testStripCandidates(t, p, g.Candidates) })
		}
	}
}

func testStripDescription(t *testing.T, p Policy, typ Type, sdp string) {
	m := description(t, typ, sdp)
	if err := testStripper.Strip(p, m); err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "o="):
			line = "o=- " + f[1] + " " + f[2] + " IN IP4 0.0.0.0"
		case strings.HasPrefix(line, "c="):
			line = "c=IN IP4 0.0.0.0"
		case strings.HasPrefix(line, "a=rtcp:"):
			line = "a=rtcp:9 IN IP4 0.0.0.0"
		case strings.HasPrefix(line, "m="):
			f[1] = "9"
			line = strings.Join(f, " ")
		case strings.HasPrefix(line, "a=candidate:"):
			if !kept(p, line) {
				continue
			}
			line = withoutBase(line)
		}
		want = append(want, line)
	}
	text := sdpOf(t, m.Data)
	var got []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "a=candidate:") {
			line = withoutBase(line)
		}
		got = append(got, strings.TrimSuffix(line, "\r\n"))
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("lost: %s", line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
	wantHidden(t, p, text)
}

// withoutBase is a candidate without what the server replaces.
func withoutBase(line string) string {
	prefix, rest, _ := strings.Cut(line, "candidate:")
	_, rest, _ = strings.Cut(rest, " ")
	return prefix + "candidate:1 " + regexp.MustCompile(`raddr \S+ rport \d+`).ReplaceAllString(rest, "raddr 0.0.0.0 rport 0")
}

func wantHidden(t *testing.T, p Policy, text string) {
	t.Helper()
	if at := vectorHosts.FindStringIndex(text); at != nil {
		t.Errorf("%s lets through …%s…", p, text[max(0, at[0]-40):min(len(text), at[1]+40)])
	}
	if p == PolicyRelay && strings.Contains(text, vectorReflexive) {
		t.Errorf("%s lets through the address of the NAT:\n%s", p, text)
	}
	if strings.Contains(text, "raddr "+vectorReflexive) {
		t.Errorf("%s lets through where the relay was asked from:\n%s", p, text)
	}
}

func testStripCandidates(t *testing.T, p Policy, list []json.RawMessage) {
	var texts []string
	var want []map[string]any
	for _, raw := range list {
		texts = append(texts, string(raw))
		var c map[string]any
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		line := c["candidate"].(string)
		if line != "" && !kept(p, line) {
			continue
		}
		if line != "" {
			c["candidate"] = withoutBase(line)
		}
		if c["usernameFragment"] == nil {
			delete(c, "usernameFragment")
		}
		want = append(want, c)
	}
	m := candidatesFrame(texts...)
	if err := testStripper.Strip(p, m); err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(m.Data, &got); err != nil {
		t.Fatal(err)
	}
	for _, c := range got {
		if line := c["candidate"].(string); line != "" {
			c["candidate"] = withoutBase(line)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || m.Elements != len(want) {
		t.Errorf("%d elements:\n got %v\nwant %v", m.Elements, got, want)
	}
	wantHidden(t, p, string(m.Data))
}
