package turn

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

// try has the client ask for all that concerns a living allocation.
func (c *rawClient) try(when string, want stun.ErrorCode) {
	c.t.Helper()
	if code := c.refresh(600); code != want {
		c.t.Errorf("Refresh %s: %d, want %d", when, code, want)
	}
	if code := c.permit("127.0.0.1:50001"); code != want {
		c.t.Errorf("CreatePermission %s: %d, want %d", when, code, want)
	}
	if code := c.bind(0x4000, "127.0.0.1:50001"); code != want {
		c.t.Errorf("ChannelBind %s: %d, want %d", when, code, want)
	}
}

func TestRevokedCredentialsAreDeadAtOnce(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := serve(t, Config{})
			older, old := s.Credentials("alice"), s.Credentials("alice")
			alice := newRawClient(t, s, network, old)
			if _, code := alice.allocate(); code != 0 {
				t.Fatalf("Allocate: %d", code)
			}
			bob := newRawClient(t, s, network, s.Credentials("bob"))
			bob.allocate()

			if n := s.Revoke("alice"); n != 1 {
				t.Errorf("%d allocations were closed, want 1", n)
			}
			if code := alice.refresh(600); code != stun.CodeUnauthorized {
				t.Errorf("Refresh of what was closed: %d, want 401", code)
			}
			for _, creds := range []Credentials{older, old} {
				for _, c := range []*rawClient{alice.as(creds), newRawClient(t, s, network, creds)} {
					if _, code := c.allocate(); code != stun.CodeUnauthorized {
						t.Errorf("Allocate: %d, want 401", code)
					}
				}
			}
			now := alice.as(s.Credentials("alice"))
			if _, code := now.allocate(); code != 0 {
				t.Errorf("Allocate with new credentials: %d", code)
			}
			alice.try("of the next allocation with what was revoked", stun.CodeUnauthorized)
			now.try("with new credentials", 0)
			bob.try("of another peer", 0)
		})
	}
}

// What a pion client has is gone, what it asks for with the same credentials is
// refused, and another one with new credentials takes over.
func TestRevokeEndsARealClient(t *testing.T) {
	for _, tt := range transports {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, Config{})
			old := s.Credentials("alice")
			first := newClient(t, s, tt.alice, old)
			a, err := first.Allocate()
			if err != nil {
				t.Fatal(err)
			}
			bob, b := allocate(t, s, tt.bob, "bob")
			if err := bob.CreatePermission(a.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			send(t, a, b.LocalAddr(), "before")
			want(t, b, a.LocalAddr(), "before")

			s.Revoke("alice")
			send(t, a, b.LocalAddr(), "too late")
			send(t, b, a.LocalAddr(), "too late")
			if _, err := newClient(t, s, tt.alice, old).Allocate(); err == nil || !strings.Contains(err.Error(), "401") {
				t.Errorf("Allocate with the old credentials: %v, want 401", err)
			}
			_, a = allocate(t, s, tt.alice, "alice")
			if err := bob.CreatePermission(a.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			send(t, a, b.LocalAddr(), "after")
			want(t, b, a.LocalAddr(), "after")
		})
	}
}

// Expiry never cuts a call, and that credentials were renewed does not either;
// but what a revocation has ended stays dead when that is forgotten.
func TestRevokedCredentialsStayDeadAfterTheirExpiry(t *testing.T) {
	var clock clock
	s := serve(t, Config{Now: clock.now})
	revoked := s.Credentials("alice")
	s.Revoke("alice")
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	renewed := s.Credentials("alice")
	if _, code := alice.allocate(); code != 0 {
		t.Fatalf("Allocate: %d", code)
	}
	clock.advance(DefaultTTL + time.Second)
	s.mu.Lock()
	s.sweepAt = 0
	s.sweepLocked()
	left := len(s.revoked)
	s.mu.Unlock()
	if left != 0 {
		t.Errorf("%d revocations are remembered", left)
	}
	alice.try("after expiry", 0)
	alice.as(renewed).try("with renewed credentials after expiry", 0)
	alice.as(revoked).try("with what was revoked", stun.CodeWrongCredentials)
	if _, code := newRawClient(t, s, "udp", revoked).allocate(); code != stun.CodeUnauthorized {
		t.Errorf("Allocate: %d, want 401", code)
	}
}

// Credentials may be revoked while an Allocate with them is handled: after they
// were looked at, and before there is an allocation to close.
func TestRevokeDuringAllocateLeavesNoAllocation(t *testing.T) {
	var s *Server
	var armed atomic.Bool
	s = serve(t, Config{Now: func() time.Time {
		if armed.CompareAndSwap(true, false) { // asked when the credentials are judged
			s.Revoke("alice")
		}
		return time.Now()
	}})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	alice.ask(stun.MethodAllocate) // for the nonce
	armed.Store(true)
	alice.allocate()
	if armed.Load() {
		t.Fatal("the clock was not asked")
	}
	if got := s.Stats(); got.AllocationsMade != 1 {
		t.Fatalf("stats %+v", got)
	}
	eventually(t, "the allocation is gone", func() bool { return s.Stats().Allocations == 0 })
}

// What was given before a restart is older than what is given after it, and so is
// what another process gives without a generation.
func TestRevokeReachesWhatOthersHaveMade(t *testing.T) {
	var clock clock
	cfg := Config{Secrets: []string{oldSecret}, Now: clock.now}
	before := serve(t, cfg).Credentials("alice")
	rest := Credentials{Username: fmt.Sprint(before.Expires.Unix()) + ":alice"}
	rest.Password = password(oldSecret, rest.Username)
	clock.advance(time.Second)
	s := serve(t, cfg)
	for _, creds := range []Credentials{before, rest} {
		c := newRawClient(t, s, "udp", creds)
		if _, code := c.allocate(); code != 0 {
			t.Errorf("Allocate with %s: %d", creds.Username, code)
		}
	}
	if n := s.Revoke("alice"); n != 2 {
		t.Errorf("%d allocations were closed, want 2", n)
	}
	for _, creds := range []Credentials{before, rest} {
		if _, code := newRawClient(t, s, "udp", creds).allocate(); code != stun.CodeUnauthorized {
			t.Errorf("Allocate with %s: %d, want 401", creds.Username, code)
		}
	}
}

// A clock that is set back makes no new credentials old, and no old ones good.
func TestRevokeSurvivesAClockThatIsSetBack(t *testing.T) {
	var clock clock
	s := serve(t, Config{Now: clock.now})
	old := s.Credentials("alice")
	clock.advance(-time.Minute)
	s.Revoke("alice")
	if _, code := newRawClient(t, s, "udp", old).allocate(); code != stun.CodeUnauthorized {
		t.Errorf("Allocate: %d, want 401", code)
	}
	if _, code := newRawClient(t, s, "udp", s.Credentials("alice")).allocate(); code != 0 {
		t.Errorf("Allocate with new credentials: %d", code)
	}
}

func TestRevocationsAreForgotten(t *testing.T) {
	var clock clock
	var dead atomic.Bool
	s := serve(t, Config{Now: clock.now, Alive: func(string) bool { return !dead.Load() }})
	remembered := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.revoked)
	}
	perTTL := int(DefaultTTL / time.Second)
	most := 0
	for i := range 20 * perTTL { // one in a second
		s.Revoke(fmt.Sprint("peer", i))
		clock.advance(time.Second)
		most = max(most, remembered())
	}
	if most < perTTL || most > 2*perTTL+2 {
		t.Errorf("%d revocations were remembered, want %d to %d", most, perTTL, 2*perTTL)
	}
	s.Revoke("alice")
	before := remembered()
	dead.Store(true)
	s.Revoke("bob") // too late: nothing of him counts
	s.CloseAllocations("alice")
	if after := remembered(); after != before-1 {
		t.Errorf("%d revocations are remembered of sessions that ended, before %d", after, before)
	}
}
