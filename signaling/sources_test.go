package signaling

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func from(addr string) LinkInfo {
	return LinkInfo{Remote: netip.AddrPortFrom(netip.MustParseAddr(addr), 4711)}
}

// admit admits a link, or wants the refusal that a limit gives.
func (h *harness) admit(addr string, want wire.Code) *Link {
	h.t.Helper()
	l, err := h.servers[0].Admit(from(addr))
	var refused *Error
	if want == "" && err != nil || want != "" && (!errors.As(err, &refused) || refused.Code != want) {
		h.t.Fatalf("Admit from %s: %v, want %q", addr, err, want)
	}
	return l
}

func TestLinksPerAddressAreBounded(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		var links []*Link
		for range 256 {
			links = append(links, h.admit("192.0.2.1", ""))
			time.Sleep(20 * time.Millisecond)
		}
		h.admit("192.0.2.1", wire.CodeRateLimited)
		if err := h.servers[0].Check(from("::ffff:192.0.2.1")); err == nil {
			t.Error("the same address, mapped to IPv6, is another one")
		}
		links = append(links, h.admit("192.0.2.2", ""))
		h.wantLimit(LimitIPLinks, 2)
		for _, l := range links {
			l.Detach(nil)
		}
		time.Sleep(20 * time.Millisecond)
		h.admit("192.0.2.1", "").Detach(nil)
	})
}

func TestAddressesOfIPv6AreCountedByNetwork(t *testing.T) {
	inBubble(t, 1, Config{MaxIPLinks: 2}, func(t *testing.T, h *harness) {
		defer h.admit("2001:db8:1:2::1", "").Detach(nil)
		defer h.admit("2001:db8:1:2:ffff:ffff:ffff:ffff", "").Detach(nil)
		h.admit("2001:db8:1:2:3::", wire.CodeRateLimited)
		defer h.admit("2001:db8:1:3::1", "").Detach(nil)
	})
}

func TestUnknownAddressIsNotCounted(t *testing.T) {
	inBubble(t, 1, Config{MaxIPLinks: 1}, func(t *testing.T, h *harness) {
		for range 3 {
			l, err := h.servers[0].Admit(LinkInfo{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Detach(nil)
		}
	})
}

// TestNewLinksPerSecondAreBounded has 500 connections come at once (case 17).
func TestNewLinksPerSecondAreBounded(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		for range 100 {
			h.admit("192.0.2.1", "").Detach(nil)
		}
		for range 400 {
			h.admit("192.0.2.1", wire.CodeRateLimited)
		}
		h.wantLimit(LimitIPRate, 400)
		h.admit("192.0.2.2", "").Detach(nil)
		time.Sleep(20*time.Millisecond - 1)
		h.admit("192.0.2.1", wire.CodeRateLimited)
		time.Sleep(time.Nanosecond)
		h.admit("192.0.2.1", "").Detach(nil)
	})
}

// TestAskingCostsAsMuchAsConnecting asks whether a link would be let in, whatever the
// answer, and connects.
func TestAskingCostsAsMuchAsConnecting(t *testing.T) {
	inBubble(t, 1, Config{IPRate: 10, IPBurst: 6}, func(t *testing.T, h *harness) {
		srv, info := h.servers[0], from("192.0.2.1")
		ask := func(app string, want wire.Code) {
			t.Helper()
			info.App = app
			got := wire.Code("")
			if err := srv.Ask(info); err != nil {
				got = err.(*Error).Code
			}
			if got != want {
				t.Errorf("asked for app %q: %q, want %q", app, got, want)
			}
		}
		for range 2 {
			ask("", "")
			ask("nobody", wire.CodeUnknownApp)
			h.admit("192.0.2.1", "").Detach(nil)
		}
		ask("", wire.CodeRateLimited)
		ask("nobody", wire.CodeRateLimited)
		h.admit("192.0.2.1", wire.CodeRateLimited)
		h.wantLimit(LimitIPRate, 3)
		time.Sleep(100 * time.Millisecond) // those that were refused cost nothing
		ask("", "")
		ask("", wire.CodeRateLimited)
		if st := srv.Stats(); st.Links != 0 || srv.sources.size() != 1 {
			t.Errorf("%d links, %d addresses", st.Links, srv.sources.size())
		}
		time.Sleep(2 * time.Second)
		if n := srv.sources.size(); n != 0 {
			t.Errorf("%d addresses are kept", n)
		}
	})
}

func TestLimitsOfAddressesCanBeLifted(t *testing.T) {
	cfg := Config{MaxIPLinks: -1, IPRate: -1, MaxIPSessions: -1, IPRoomRate: -1, JoinRate: -1, MaxSessions: -1, MaxUserSessions: -1}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		for i := range 600 {
			c := h.client(t)
			c.info = from("192.0.2.1")
			c.connect()
			c.send(&wire.Message{Type: wire.TypeHello})
			c.welcomed(false)
			c.join(fmt.Sprint(i))
		}
		for name, n := range h.servers[0].Stats().Limits {
			if n != 0 {
				t.Errorf("limit %s was exceeded", name)
			}
		}
	})
}

func TestAddressesAreForgotten(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		all := &h.servers[0].sources
		want := func(n int) {
			t.Helper()
			synctest.Wait()
			if got := all.size(); got != n {
				t.Fatalf("%d addresses are kept, want %d", got, n)
			}
		}
		for i := range 300 {
			h.admit(fmt.Sprintf("2001:db8:0:%x::1", i), "").Detach(nil)
		}
		want(300)
		time.Sleep(time.Second)
		want(0)
		c := h.client(t)
		c.info = from("192.0.2.1")
		c.connect()
		c.send(&wire.Message{Type: wire.TypeHello})
		c.welcomed(false)
		c.cut()
		time.Sleep(59 * time.Second)
		want(1) // its session waits
		time.Sleep(2 * time.Second)
		want(0)
	})
}

func TestAddressesThatAreKeptAreBounded(t *testing.T) {
	srv := New(Config{})
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	busy := srv.sources.admit(netip.MustParseAddr("192.0.2.1"))
	for i := range maxSources + 100 {
		srv.sources.detached(srv.sources.admit(at(i)))
	}
	if n := srv.sources.size(); n > maxSources+1 {
		t.Errorf("%d addresses are kept", n)
	}
	if srv.sources.admit(busy.addr) != busy {
		t.Error("one with a link was forgotten")
	}
	var quiet *source
	for i := 0; quiet == nil; i++ {
		quiet = srv.sources.all[at(i)]
	}
	if again := srv.sources.admit(quiet.addr); again != quiet {
		t.Error("one that was kept was forgotten when it came back")
	}
	for i := range maxSources { // others go, and not the one that has come back
		srv.sources.detached(srv.sources.admit(at(1<<20 + i)))
	}
	if srv.sources.all[quiet.addr] != quiet {
		t.Error("one that has a link again was forgotten")
	}
	srv.sources.stop()
}

// tokens is an Authenticate that knows the token "good".
func tokens(_ context.Context, h Hello) (Identity, error) {
	if h.Token != "good" {
		return Identity{}, wire.Refuse(wire.CodeUnauthenticated, "the token is wrong")
	}
	return Identity{User: "ann"}, nil
}

// try says hello with a token, and returns how long the answer took.
func (h *harness) try(t *testing.T, addr, token string) time.Duration {
	t.Helper()
	c := h.client(t)
	c.info = from(addr)
	c.connect()
	start := time.Now()
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token}})
	synctest.Wait()
	for len(c.peek()) == 0 {
		time.Sleep(time.Millisecond)
		synctest.Wait()
	}
	if m := c.conn.got[0].Body.Message; token == "good" != (m.Type == wire.TypeWelcome) {
		t.Errorf("token %q: got %s %s", token, m.Type, m.Code)
	}
	d := time.Since(start)
	c.send(&wire.Message{Type: wire.TypeBye})
	return d
}

func (c *client) peek() []Outgoing {
	c.conn.mu.Lock()
	defer c.conn.mu.Unlock()
	return c.conn.got
}

// TestWrongTokensSlowDown is case 104.
func TestWrongTokensSlowDown(t *testing.T) {
	inBubble(t, 1, Config{Authenticate: tokens}, func(t *testing.T, h *harness) {
		want := 100 * time.Millisecond
		for i := range 11 {
			if d := h.try(t, "2001:db8::1", "bad"); d != want {
				t.Fatalf("wrong token %d was answered after %v, want %v", i, d, want)
			}
			want = min(2*want, 25*time.Second)
			if d := h.try(t, "2001:db8::2", "good"); d != 0 {
				t.Fatalf("a good token from the same network was answered after %v", d)
			}
		}
		h.wantLimit(LimitAuth, 11)
		if d := h.try(t, "192.0.2.1", "bad"); d != 100*time.Millisecond {
			t.Errorf("from another address it took %v", d)
		}
		time.Sleep(30 * time.Minute)
		if d := h.try(t, "2001:db8::1", "bad"); d != 100*time.Millisecond {
			t.Errorf("after half an hour it took %v", d)
		}
		time.Sleep(30*time.Minute + time.Second)
		if n := h.servers[0].sources.size(); n != 0 {
			t.Errorf("%d addresses are kept", n)
		}
	})
}

// TestHangingUpDoesNotSpeedGuessingUp has a client that does not wait for the
// answers to its wrong tokens.
func TestHangingUpDoesNotSpeedGuessingUp(t *testing.T) {
	inBubble(t, 1, Config{Authenticate: tokens, MaxIPLinks: 10, IPRate: -1}, func(t *testing.T, h *harness) {
		tried := 0
		for start := time.Now(); time.Since(start) < 25*time.Minute; time.Sleep(100 * time.Millisecond) {
			c := h.client(t)
			c.info = from("192.0.2.1")
			if c.srv.Check(c.info) != nil {
				continue
			}
			c.connect()
			c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: "bad"}})
			c.cut()
			tried++
		}
		if most := 25*60/25*10 + 20; tried > most {
			t.Errorf("%d tokens were tried, want at most %d", tried, most)
		}
	})
}

// TestExpiredResumeTokenIsNoFailure has clients that slept too long.
func TestExpiredResumeTokenIsNoFailure(t *testing.T) {
	inBubble(t, 1, Config{Authenticate: tokens}, func(t *testing.T, h *harness) {
		c := h.client(t)
		c.info = from("192.0.2.1")
		c.connect()
		c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: "good"}})
		c.welcomed(false)
		c.cut()
		time.Sleep(2 * time.Minute)
		for range 20 {
			start := time.Now()
			c.resume(0)
			c.wantError(wire.CodeSessionGone, 0)
			if d := time.Since(start); d != 0 {
				t.Fatalf("it took %v", d)
			}
		}
		h.wantLimit(LimitAuth, 0)
	})
}
