package turn

import (
	"net/netip"
	"testing"
)

// tellPermission is pion's event of a permission. It goes 5 minutes after the
// last request that named peer, while the channel lives on for 5 minutes more;
// no test waits for that.
func tellPermission(t testing.TB, s *Server, client *rawClient, peer netip.Addr, holds bool) {
	t.Helper()
	a := allocationOf(t, s, client)
	event := a.edge.permissionDeleted
	if holds {
		event = a.edge.permissionCreated
	}
	event(client.conn.LocalAddr(), nil, "", "", "", a.addr, peer.AsSlice())
}

// allocationOf is the living allocation of a client.
func allocationOf(t testing.TB, s *Server, client *rawClient) *allocation {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		for a := range p.live {
			if a.client == addrPort(client.conn.LocalAddr()) {
				return a
			}
		}
	}
	t.Fatal("the client has no allocation")
	return nil
}

func TestDataStopsWhenThePermissionEndsAndGoesOnWithTheNext(t *testing.T) {
	for _, relay := range []Relay{RelayClosed, RelayOpen} {
		for _, network := range []string{"udp", "tcp"} {
			s := serve(t, Config{Relay: relay})
			alice, bob := newRawClient(t, s, network, s.Credentials("alice")), newRawClient(t, s, network, s.Credentials("bob"))
			a, _ := alice.allocate()
			b, _ := bob.allocate()
			alice.bind(0x4000, b.String())
			bob.bind(0x4001, a.String())
			for _, side := range []*rawClient{alice, bob} {
				tellPermission(t, s, side, addrPort(a).Addr(), false)
				before := s.Stats().DroppedForbidden
				alice.data(0x4000, "unheard")
				eventually(t, "alice's packet is dropped", func() bool { return s.Stats().DroppedForbidden == before+1 })
				bob.data(0x4001, "unheard")
				eventually(t, "bob's packet is dropped", func() bool { return s.Stats().DroppedForbidden == before+2 })
				alice.wantNothing()
				bob.wantNothing()
				tellPermission(t, s, side, addrPort(a).Addr(), true)
				alice.data(0x4000, "heard again")
				bob.wantData(0x4001, "heard again")
				bob.data(0x4001, "and answered")
				alice.wantData(0x4000, "and answered")
			}
		}
	}
}

func TestEventsOfTheAllocationBeforeAreNotForTheNext(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	alice.allocate()
	last := allocationOf(t, s, alice)
	if code := alice.refresh(0); code != 0 {
		t.Fatalf("Refresh: %d", code)
	}
	alice.allocate()
	alice.bind(0x4000, "127.0.0.1:60000")
	client, ip := alice.conn.LocalAddr(), netip.MustParseAddr("127.0.0.1")
	last.edge.permissionDeleted(client, nil, "", "", "", last.addr, ip.AsSlice())
	last.edge.channelDeleted(client, nil, "", "", "", last.addr, nil, 0x4000)
	r := allocationOf(t, s, alice).rights.Load()
	if !r.permits(ip) || r.channelTo(netip.AddrPortFrom(ip, 60000)) != 0x4000 {
		t.Errorf("what the client has now: %+v", r)
	}
}
