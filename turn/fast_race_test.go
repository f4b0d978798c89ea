package turn

import (
	"sync"
	"testing"

	"github.com/pion/stun/v3"
)

// Channels, permissions and allocations come and go, by requests and by kicks,
// while data flows in both directions. The race detector looks on, and nothing
// is left at the end.
func TestStormOfEndsUnderTraffic(t *testing.T) {
	eachPath(t, func(t *testing.T, cfg Config, _ bool) {
		s := serve(t, cfg)
		steady, peer := pair(t, s, "udp", "udp")
		at := allocationOf(t, s, peer).addr.String()
		traffic := func(c *rawClient, channel uint16) {
			for range 40 { // a round's, so that no socket overflows and loses a request
				c.data(channel, "traffic")
			}
		}
		storm := newRawClient(t, s, "udp", s.Credentials("storm"))
		number := stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{0x40, 0, 0, 0}}
		for round := range 25 {
			if _, code := storm.allocate(); code != 0 {
				t.Fatalf("Allocate %d: %d", round, code)
			}
			var senders sync.WaitGroup
			senders.Go(func() { traffic(steady, 0x4000) })
			senders.Go(func() { traffic(peer, 0x4001) })
			for range 3 {
				storm.write(storm.request(stun.MethodChannelBind, number, peerAddress(at)).Raw)
				storm.data(0x4000, "from the storm")
				storm.write(permissionStorm(storm, round))
			}
			a := allocationOf(t, s, storm)
			tellPermission(t, s, storm, addrPort(a.addr).Addr(), false)
			tellPermission(t, s, storm, addrPort(a.addr).Addr(), true)
			if round%2 == 0 {
				s.CloseAllocations("storm")
			} else if code := storm.refresh(0); code != 0 {
				t.Errorf("Refresh %d: %d", round, code)
			}
			senders.Wait()
		}
		s.CloseAllocations("alice")
		s.CloseAllocations("bob")
		eventually(t, "nothing is left", func() bool { return s.Stats().Allocations == 0 && bindings(s) == 0 })
	})
}

// bindings is how many channels all fast paths hold.
func bindings(s *Server) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.fast {
		f := r.(*fastPath)
		f.mu.Lock()
		n += len(f.bindings)
		f.mu.Unlock()
	}
	return n
}
