package turn

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

const oldSecret, newSecret = "an old secret of at least 32 bytes", "a new secret of at least 32 bytes."

// A clock is moved by tests.
type clock struct{ moved atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_700_000_000+c.moved.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.moved.Add(int64(d / time.Second)) }

func TestAllocateNeedsGoodCredentials(t *testing.T) {
	var clock clock
	s := serve(t, Config{Now: clock.now, Alive: func(peer string) bool { return peer != "dead" }})
	good := s.Credentials("alice")
	tests := []struct {
		name   string
		change func(*rawClient)
		want   stun.ErrorCode
	}{
		{"good", func(*rawClient) {}, 0},
		{"wrong password", func(c *rawClient) { c.password = "guess" }, stun.CodeUnauthorized},
		{"wrong realm", func(c *rawClient) { c.realm = "elsewhere" }, stun.CodeUnauthorized},
		{"dead peer", func(c *rawClient) { *c = *c.as(s.Credentials("dead")) }, stun.CodeUnauthorized},
		{"another expiry", func(c *rawClient) { c.username = "9999999999:alice" }, stun.CodeUnauthorized},
		{"another generation", func(c *rawClient) { c.username += "9" }, stun.CodeUnauthorized},
		{"no expiry", func(c *rawClient) { c.username = "alice" }, stun.CodeUnauthorized},
		{"no peer", func(c *rawClient) { *c = *c.as(s.Credentials("")) }, stun.CodeUnauthorized},
		{"expired", func(*rawClient) { clock.advance(DefaultTTL) }, stun.CodeUnauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newRawClient(t, s, "udp", good)
			tt.change(c)
			if _, code := c.allocate(); code != tt.want {
				t.Errorf("Allocate: %d, want %d", code, tt.want)
			}
		})
	}
	if got := s.Stats(); got.AuthFailures != 8 || got.AllocationsMade != 1 {
		t.Errorf("stats %+v, want 8 failures, 1 allocation", got)
	}
}

func TestExpiryDoesNotCutALiveAllocation(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			var clock clock
			var dead atomic.Bool
			s := serve(t, Config{Now: clock.now, Alive: func(string) bool { return !dead.Load() }})
			alice := newRawClient(t, s, network, s.Credentials("alice"))
			if _, code := alice.allocate(); code != 0 {
				t.Fatalf("Allocate: %d", code)
			}
			alice.try("in time", 0)
			clock.advance(time.Hour)
			alice.try("after expiry", 0)
			if code := alice.as(s.Credentials("alice")).refresh(600); code != 0 {
				t.Errorf("Refresh with new credentials of the same peer: %d", code)
			}
			dead.Store(true)
			alice.try("of a dead peer", stun.CodeUnauthorized)
			dead.Store(false)
			if code := alice.refresh(0); code != 0 {
				t.Errorf("Refresh with lifetime 0: %d", code)
			}
			if _, code := alice.allocate(); code != stun.CodeUnauthorized {
				t.Errorf("Allocate anew with the expired credentials: %d, want 401", code)
			}
		})
	}
}

// A session may end while its Allocate is handled: after the credentials were
// looked at, and before there is an allocation to close.
func TestSessionThatEndsDuringAllocateHasNoAllocation(t *testing.T) {
	var asked atomic.Int64
	s := serve(t, Config{Alive: func(string) bool { return asked.Add(1) == 1 }})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	if _, code := alice.allocate(); code != 0 {
		t.Fatalf("Allocate: %d", code)
	}
	eventually(t, "the allocation is gone", func() bool { return s.Stats().Allocations == 0 })
}

// The timer of one allocation may still be closing it when the client has the
// next one.
func TestAllocationThatClosesLateLeavesTheNextOneItsOwner(t *testing.T) {
	e := &edge{owners: make(map[netip.AddrPort]*allocation)}
	before, next := &allocation{edge: e}, &allocation{edge: e}
	e.owners[next.client] = next
	e.forget(before)
	if e.owner(next.client) != next {
		t.Error("the next allocation has no owner")
	}
}

func TestNobodyElseRefreshesAnAllocation(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	if _, code := alice.allocate(); code != 0 {
		t.Fatalf("Allocate: %d", code)
	}
	mallory := alice.as(s.Credentials("mallory")) // who forges the address of alice
	if code := mallory.refresh(0); code != stun.CodeWrongCredentials {
		t.Errorf("Refresh: %d, want 441", code)
	}
	if code := mallory.permit("127.0.0.1:50001"); code != stun.CodeWrongCredentials {
		t.Errorf("CreatePermission: %d, want 441", code)
	}
	if _, code := mallory.allocate(); code != stun.CodeAllocMismatch {
		t.Errorf("Allocate: %d, want 437: the client takes another port then", code)
	}
	if code := alice.refresh(600); code != 0 {
		t.Errorf("Refresh by the owner: %d", code)
	}
}

func TestSecretsRotate(t *testing.T) {
	before := serve(t, Config{Secrets: []string{oldSecret}})
	during := serve(t, Config{Secrets: []string{newSecret, oldSecret}})
	after := serve(t, Config{Secrets: []string{newSecret}})
	tests := []struct {
		name   string
		signer *Server
		at     *Server
		want   stun.ErrorCode
	}{
		{"old at both", before, during, 0},
		{"new at both", during, during, 0},
		{"new at new", during, after, 0},
		{"old at new", before, after, stun.CodeUnauthorized},
		{"new at old", during, before, stun.CodeUnauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newRawClient(t, tt.at, "udp", tt.signer.Credentials("alice"))
			if _, code := c.allocate(); code != tt.want {
				t.Errorf("Allocate: %d, want %d", code, tt.want)
			}
		})
	}
	c := newRawClient(t, during, "udp", Credentials{Username: before.Credentials("a").Username, Password: "guess"})
	if _, code := c.allocate(); code != stun.CodeUnauthorized {
		t.Errorf("Allocate with a guess: %d, want 401", code)
	}
}

func TestCredentialsAreTheTURNRESTForm(t *testing.T) {
	s := serve(t, Config{Secrets: []string{oldSecret}, Now: new(clock).now})
	got := s.Credentials("Zk8:x")
	// printf 1700000600:Zk8:x:1700000000000 | openssl dgst -sha1 -hmac "$secret" -binary | base64
	want := Credentials{"1700000600:Zk8:x:1700000000000", "jafZKIJQZFfDyHYRRWsA/5pwA7E=", time.Unix(1_700_000_600, 0)}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	by, ok := parseUsername(got.Username)
	if want := (grant{"Zk8:x", want.Expires, 1_700_000_000_000}); !ok || by != want {
		t.Errorf("parsed %+v, %v, want %+v", by, ok, want)
	}
}

func FuzzUsername(f *testing.F) {
	for _, name := range []string{"1700000600:Zk8:x:1700000000000", "1:a", "1:a:", "1::1", "-1:a:-1", ":", "a:1:2"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		by, ok := parseUsername(name)
		if !ok {
			return
		}
		again, ok := parseUsername(fmt.Sprintf("%d:%s:%d", by.expires.Unix(), by.peer, by.generation))
		if !ok || again != by || by.peer == "" || by.generation < 0 {
			t.Errorf("%q is %+v, and that %+v, %v", name, by, again, ok)
		}
	})
}

func TestICEServersAreThoseThatListen(t *testing.T) {
	s := serve(t, Config{})
	udp, tcp := s.address(t, "udp"), s.address(t, "tcp")
	list := s.ICEServers("alice")
	if len(list) != 2 || strings.Join(list[0].URLs, " ") != "stun:"+udp ||
		strings.Join(list[1].URLs, " ") != "turn:"+udp+"?transport=udp turn:"+tcp+"?transport=tcp" {
		t.Fatalf("got %+v", list)
	}
	c := Credentials{list[1].Username, list[1].Credential, list[1].Expires}
	if _, code := newRawClient(t, s, "udp", c).allocate(); code != 0 || c.Expires.Before(time.Now()) {
		t.Errorf("Allocate: %d, expires %v", code, c.Expires)
	}
	list[0].URLs[0] = "changed"
	if again := s.ICEServers("alice"); again[0].URLs[0] != "stun:"+udp {
		t.Errorf("a caller changed %q", again[0].URLs)
	}
}

// Channels to many ports of one address need one permission.
func TestChannelsAreBounded(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	alice.allocate()
	for i := range maxChannels + 2 {
		var want stun.ErrorCode
		if i >= maxChannels {
			want = stun.CodeInsufficientCapacity
		}
		if code := alice.bind(0x4000+uint16(i), fmt.Sprintf("127.0.0.1:%d", 50001+i)); code != want {
			t.Errorf("ChannelBind %d: %d, want %d", i+1, code, want)
		}
	}
	if code := alice.bind(0x4000, "127.0.0.1:50001"); code != 0 {
		t.Errorf("ChannelBind again: %d", code)
	}
	alice.refresh(0)
	alice.allocate()
	if code := alice.bind(0x4fff, "127.0.0.1:50001"); code != 0 {
		t.Errorf("ChannelBind of the next allocation: %d", code)
	}
}
