package turn

import (
	"fmt"
	"testing"

	"github.com/pion/stun/v3"
)

func TestQuotaPerPeer(t *testing.T) {
	s := serve(t, Config{MaxAllocationsPerPeer: 2})
	var clients []*rawClient
	for range 3 {
		clients = append(clients, newRawClient(t, s, "udp", s.Credentials("alice")))
	}
	for i, want := range []stun.ErrorCode{0, 0, stun.CodeAllocQuotaReached} {
		if _, code := clients[i].allocate(); code != want {
			t.Errorf("Allocate %d: %d, want %d", i+1, code, want)
		}
	}
	if _, code := newRawClient(t, s, "udp", s.Credentials("bob")).allocate(); code != 0 {
		t.Errorf("Allocate of another peer: %d", code)
	}
	if code := clients[0].refresh(0); code != 0 {
		t.Fatalf("Refresh: %d", code)
	}
	if _, code := clients[2].allocate(lifetime(0)); code != stun.CodeInsufficientCapacity {
		t.Errorf("Allocate with lifetime 0: %d, want 508", code)
	}
	if _, code := clients[2].allocate(); code != 0 {
		t.Errorf("Allocate with the slot that came back: %d", code)
	}
}

func TestQuotaInAll(t *testing.T) {
	s := serve(t, Config{MaxAllocations: 1})
	alice, bob := newRawClient(t, s, "udp", s.Credentials("alice")), newRawClient(t, s, "tcp", s.Credentials("bob"))
	if _, code := alice.allocate(); code != 0 {
		t.Errorf("Allocate: %d", code)
	}
	if _, code := bob.allocate(); code != stun.CodeInsufficientCapacity {
		t.Errorf("Allocate beyond the limit: %d, want 508", code)
	}
	alice.refresh(0)
	if _, code := bob.allocate(); code != 0 {
		t.Errorf("Allocate with the slot that came back: %d", code)
	}
}

func TestPermissionsAreBounded(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	alice.allocate()
	for i := range maxPermissions + 2 {
		peer := fmt.Sprintf("10.0.0.%d:9", i)
		var want stun.ErrorCode
		if i >= maxPermissions {
			want = stun.CodeInsufficientCapacity
		}
		if code := alice.permit(peer); code != want {
			t.Errorf("CreatePermission %d: %d, want %d", i+1, code, want)
		}
	}
	if code := alice.permit("10.0.0.0:10"); code != 0 {
		t.Errorf("CreatePermission again: %d", code)
	}
	if code := alice.refresh(0); code != 0 {
		t.Errorf("Refresh: %d", code)
	}
	alice.allocate()
	if code := alice.permit("10.0.0.200:9"); code != 0 {
		t.Errorf("CreatePermission of the next allocation: %d", code)
	}
}
