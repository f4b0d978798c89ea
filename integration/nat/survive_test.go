//go:build linux

package nat

import (
	"fmt"
	"testing"
	"time"
)

// What happens to Ana's network in the middle of a call with Ben does not end it.
func TestCallSurvives(t *testing.T) {
	l := newLab(t)
	s := l.serve(ipv4)
	type call struct {
		a, b *home
		ana  *peer
	}
	for _, c := range []struct {
		name   string
		kind   kind
		before quality // of Ana's line
		happen func(t *testing.T, c *call)
	}{
		{"a switch from wifi to a mobile network", cone, quality{}, func(t *testing.T, c *call) {
			mobile := l.alternative(c.a, symmetric)
			must(t, c.a.unplug())
			must(t, mobile.plugIn())
		}},
		{"another public address", cone, quality{}, func(t *testing.T, c *call) { must(t, c.a.redial()) }},
		{"another public address, relayed", symmetric, quality{}, func(t *testing.T, c *call) { must(t, c.a.redial()) }},
		{"no network for a while", cone, quality{}, func(t *testing.T, c *call) {
			c.a.line.set(quality{loss: 1})
			c.ana.until("is not connected", func(r peerReport) bool { return r.State != "connected" })
			c.a.line.set(quality{})
		}},
		{"loss", cone, quality{loss: 0.1}, func(t *testing.T, c *call) { c.a.line.set(quality{loss: 0.2}) }},
		{"a long way", symmetric, quality{delay: 150 * time.Millisecond, jitter: 30 * time.Millisecond}, func(*testing.T, *call) {}},
		{"little bandwidth", cone, quality{}, func(t *testing.T, c *call) { c.a.line.set(quality{rate: 32_000}) }},
	} {
		now := &call{a: l.homeOn(c.kind, &line{}), b: l.home(cone)}
		now.a.line.set(c.before)
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := peerConfig{Room: fmt.Sprintf("survive-%d", now.a.number), Family: ipv4}
			ana, ben := meet(t, cfg, [2]string{s.url, s.url}, anyPath, now.a.host, now.b.host)
			now.ana = ana
			wantRecovery(t, func() { c.happen(t, now) }, ana, ben)
		})
	}
}

// wantRecovery has something happen in the middle of a call. To recover takes 5 s
// in which ICE notices, a new connection to the server perhaps, and one round of
// gathering and checking.
func wantRecovery(t *testing.T, happen func(), ana, ben *peer) {
	t.Helper()
	ana.wantMedia(30)
	ben.wantMedia(30)
	before, then := ana.last().Path, time.Now()
	happen()
	ana.wantMedia(30)
	ben.wantMedia(30)
	report := ana.until("has a path", func(r peerReport) bool { return r.State == "connected" && r.Path != "" })
	t.Logf("30 more pictures each %v after it, on connection %d; path %s, before %s",
		time.Since(then).Round(100*time.Millisecond), report.Connections, report.Path, before)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
