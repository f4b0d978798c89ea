//go:build linux

package nat

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// full is everything, and not only what fits into make test.
var full = flag.Bool("full", false, "run also what takes long: every pair over IPv6 too, and more pairs of browsers")

// A path is how two homes reach each other.
type path string

const (
	direct  path = "direct"
	relayed path = "relay"
	anyPath path = "any"
)

// expectedPaths is the table of web/docs/nat.md: the first is who was there first.
func expectedPaths(t *testing.T) map[[2]kind]path {
	t.Helper()
	text, err := os.ReadFile("../../web/docs/nat.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "<!-- paths:")
	if !ok {
		t.Fatal("nat.md has no table of paths")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	paths := map[[2]kind]path{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if first, bold := strings.CutPrefix(strings.TrimSpace(cells[0]), "**"); bold {
			for i, cell := range cells[1:] {
				paths[[2]kind{kind(strings.TrimSuffix(first, "**")), kinds[i]}] = path(strings.TrimSpace(cell))
			}
		}
	}
	if len(paths) != len(kinds)*len(kinds) {
		t.Fatalf("the table of nat.md has %d pairs, want %d", len(paths), len(kinds)*len(kinds))
	}
	return paths
}

// directWait is how long a direct path may take where there is one. Pion gives up
// after 30 s.
const directWait = 20 * time.Second

func TestCallsBetweenHomesOfEveryKind(t *testing.T) {
	families := []family{ipv4}
	if *full {
		families = append(families, ipv6)
	}
	for _, f := range families {
		t.Run(string(f), func(t *testing.T) { testPairs(t, f) })
	}
}

func testPairs(t *testing.T, f family) {
	expected := expectedPaths(t)
	l := newLab(t)
	s := l.serve(f)
	var first, second []*home
	for _, k := range kinds {
		first, second = append(first, l.home(k)), append(second, l.home(k))
	}
	for _, a := range first {
		for _, b := range second {
			t.Run(fmt.Sprintf("%s, %s", a.kind, b.kind), func(t *testing.T) {
				t.Parallel()
				testPair(t, s, f, a, b, expected[[2]kind{a.kind, b.kind}])
			})
		}
	}
}

// testPair has a call between two homes. The first one in offers.
func testPair(t *testing.T, s *server, f family, a, b *home, want path) {
	cfg := peerConfig{Room: fmt.Sprintf("homes-%d-%d", a.number, b.number), Family: f}
	if want != direct && want != relayed {
		t.Fatalf("nat.md says %q, want %q or %q", want, direct, relayed)
	}
	ana, ben := meet(t, cfg, [2]string{s.url, s.url}, want, a.host, b.host)
	talk(t, want, ana, ben)
	for p, k := range map[*peer]kind{ana: a.kind, ben: b.kind} {
		if !behaviours[k].udp {
			p.wantRelayOverTCP()
		}
	}
}

// meet brings two peers into a room, one after the other, each by its own URL.
func meet(t *testing.T, cfg peerConfig, urls [2]string, want path, a, b namespace) (ana, ben *peer) {
	t.Helper()
	if want == direct {
		cfg.RelayWait = directWait
	}
	cfg.Name, cfg.URL = "ana", urls[0]
	ana = a.peer(t, cfg)
	cfg.Name, cfg.URL = "ben", urls[1]
	return ana, b.peer(t, cfg)
}

// talk waits until pictures and sound come to both ends, and looks which way. What
// it took is told only: a busy machine may be long enough without the processor for
// ICE to begin again.
func talk(t *testing.T, want path, ends ...*peer) {
	t.Helper()
	for _, p := range ends {
		p.wantMedia(30)
		p.wantMedia(30)
		report := p.wantPath(want)
		t.Logf("%s: connected after %v, on connection %d: %s", p.name, report.Connected.Round(time.Millisecond), report.Connections, report.Path)
	}
}

// wantPath waits until the own end reaches the other this way. A relayed path goes
// from relay to relay.
func (p *peer) wantPath(want path) peerReport {
	p.t.Helper()
	return p.until("has the path "+string(want), func(r peerReport) bool {
		return r.State == "connected" && r.Path != "" && (r.Relay != "") == (want == relayed)
	})
}

// wantRelayOverTCP is for homes that let no UDP out.
func (p *peer) wantRelayOverTCP() {
	p.t.Helper()
	p.until("is relayed over TCP", func(r peerReport) bool { return r.Relay == "tcp" })
}
