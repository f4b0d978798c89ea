package turn

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/stun/v3"
)

// paths are the ways data of channels can take. All promises hold for each.
var paths = []struct {
	name string
	cfg  Config
	fast bool // data of channels passes pion by
}{
	{"pion", Config{NoFastPath: true}, false},
	{"plain", Config{fast: fastOptions{plain: true}}, true},
	{"loops", Config{Loops: 3}, true},
	{"no offload", Config{Loops: 1, fast: fastOptions{noOffload: true}}, true},
}

// eachPath runs a test over every path.
func eachPath(t *testing.T, test func(t *testing.T, cfg Config, fast bool)) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) { test(t, p.cfg, p.fast) })
	}
}

// pair makes two clients with channels to each other: 0x4000 of alice, 0x4001
// of bob.
func pair(t testing.TB, s *Server, alicesNetwork, bobsNetwork string) (alice, bob *rawClient) {
	t.Helper()
	alice = newRawClient(t, s, alicesNetwork, s.Credentials("alice"))
	bob = newRawClient(t, s, bobsNetwork, s.Credentials("bob"))
	a, _ := alice.allocate()
	b, _ := bob.allocate()
	bindTo(t, alice, 0x4000, b.String())
	bindTo(t, bob, 0x4001, a.String())
	return alice, bob
}

func bindTo(t testing.TB, c *rawClient, channel uint16, peer string) {
	t.Helper()
	if code := c.bind(channel, peer); code != 0 {
		t.Fatalf("ChannelBind %#x to %s: %d", channel, peer, code)
	}
}

// passed is how many packets went past pion, and are in its living bindings.
func passed(s *Server) (n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range s.edges {
		if f, ok := e.fast.(*fastPath); ok {
			f.mu.Lock()
			for _, b := range f.bindings {
				n += b.traffic.packets
			}
			f.mu.Unlock()
		}
	}
	return n
}

func TestDataGoesFromChannelToChannel(t *testing.T) {
	networks := []struct{ alice, bob string }{{"udp", "udp"}, {"udp", "tcp"}, {"tcp", "udp"}, {"tcp", "tcp"}}
	eachPath(t, func(t *testing.T, cfg Config, fast bool) {
		for _, n := range networks {
			t.Run(n.alice+" to "+n.bob, func(t *testing.T) {
				s := serve(t, cfg)
				alice, bob := pair(t, s, n.alice, n.bob)
				for i := range 20 {
					text := fmt.Sprintf("%0*d", i, i)
					alice.data(0x4000, text)
					bob.wantData(0x4001, text)
					bob.data(0x4001, text)
					alice.wantData(0x4000, text)
				}
				for _, c := range []*rawClient{alice, bob} {
					a := allocationOf(t, s, c)
					eventually(t, "20 packets of 191 bytes in all are counted", func() bool { return a.sent() == traffic{packets: 20, bytes: 191} })
				}
				if got := s.Stats(); got.Packets != 40 || got.Bytes != 382 {
					t.Errorf("stats %+v, want 40 packets of 382 bytes", got)
				}
				var want uint64
				if fast && n.alice == "udp" && n.bob == "udp" {
					want = 40
				}
				if got := passed(s); got != want {
					t.Errorf("%d packets went past pion, want %d", got, want)
				}
			})
		}
	})
}

// What was sent before a channel was bound must not come after what is sent in it.
func TestNothingOvertakes(t *testing.T) {
	eachPath(t, func(t *testing.T, cfg Config, _ bool) {
		s := serve(t, cfg)
		for round := range 20 {
			alice, bob := newRawClient(t, s, "udp", s.Credentials("alice")), newRawClient(t, s, "udp", s.Credentials("bob"))
			a, _ := alice.allocate()
			b, _ := bob.allocate()
			bindTo(t, bob, 0x4001, a.String())
			alice.permit(b.String())
			for i := range 30 {
				alice.send(b.String(), fmt.Sprint(i))
			}
			number := stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{0x40, 0, 0, 0}}
			alice.write(alice.request(stun.MethodChannelBind, number, peerAddress(b.String())).Raw)
			for i := range 30 {
				alice.data(0x4000, fmt.Sprint(30+i))
				if i%10 == 5 { // and once more by the other way
					alice.send(b.String(), fmt.Sprint(30+i, " again"))
				}
			}
			for i := range 60 {
				bob.wantData(0x4001, fmt.Sprint(i))
				if i >= 30 && i%10 == 5 {
					bob.wantData(0x4001, fmt.Sprint(i, " again"))
				}
			}
			if t.Failed() {
				t.Fatalf("round %d", round)
			}
		}
	})
}

func TestNothingIsRelayedAfterTheEnd(t *testing.T) {
	ends := map[string]func(*Server, *rawClient){
		"kick":    func(s *Server, _ *rawClient) { s.CloseAllocations("alice") },
		"revoke":  func(s *Server, _ *rawClient) { s.Revoke("alice") },
		"refresh": func(_ *Server, c *rawClient) { c.refresh(0) },
	}
	eachPath(t, func(t *testing.T, cfg Config, _ bool) {
		for name, end := range ends {
			t.Run(name, func(t *testing.T) {
				s := serve(t, cfg)
				alice, bob := pair(t, s, "udp", "udp")
				alice.data(0x4000, "hello")
				bob.wantData(0x4001, "hello")
				bob.data(0x4001, "hello")
				alice.wantData(0x4000, "hello")
				kept := allocationOf(t, s, alice)
				end(s, alice)
				alice.data(0x4000, "too late")
				bob.data(0x4001, "to nobody")
				alice.wantNothing()
				bob.wantNothing()
				eventually(t, "the first two packets are counted", func() bool { return s.Stats().Packets == 2 && kept.sent().packets == 1 })
			})
		}
	})
}

// The client of an allocation that is gone may bind the same number anew before
// the last events of the old one come.
func TestOneNumberAtTwoAllocationsInTurn(t *testing.T) {
	eachPath(t, func(t *testing.T, cfg Config, _ bool) {
		s := serve(t, cfg)
		alice, bob := pair(t, s, "udp", "udp")
		last := allocationOf(t, s, alice)
		old := channel{0x4000, addrPort(allocationOf(t, s, bob).addr)}
		alice.refresh(0)
		a, _ := alice.allocate()
		bindTo(t, alice, 0x4000, old.peer.String())
		bindTo(t, bob, 0x4002, a.String())
		last.edge.channelDeleted(alice.conn.LocalAddr(), nil, "", "", "", last.addr, last.addr, 0x4000)
		if fast := last.edge.fast; fast != nil {
			fast.Unbind(last, old)
		}
		alice.data(0x4000, "anew")
		bob.wantData(0x4002, "anew")
		bob.data(0x4002, "likewise")
		alice.wantData(0x4000, "likewise")
		bob.data(0x4001, "to the port that was")
		alice.wantNothing()
	})
}

func TestLengthsOfChannelData(t *testing.T) {
	eachPath(t, func(t *testing.T, cfg Config, _ bool) {
		s := serve(t, cfg)
		alice, bob := pair(t, s, "udp", "udp")
		alice.write([]byte{0x40, 0, 0, 5, 'l', 'o', 'n', 'g'})               // says more than there is: dropped
		alice.write([]byte{0x40, 0, 0})                                      // no header: dropped
		alice.write([]byte{0x40, 0, 0, 2, 'h', 'i', 'd', 'd', 'e', 'n', 0})  // the rest is padding
		alice.write(append([]byte{0x40, 0, 6, 0x40}, make([]byte, 1600)...)) // too long: dropped
		alice.data(0x4000, "")
		alice.write(append([]byte{0x40, 0, 6, 0x3b}, make([]byte, 1595)...))
		bob.wantData(0x4001, "hi")
		bob.wantData(0x4001, "")
		bob.wantData(0x4001, string(make([]byte, 1595)))
		eventually(t, "3 packets are dropped and 3 relayed", func() bool {
			got := s.Stats()
			return got.DroppedMalformed == 3 && got.Packets == 3 && got.Bytes == 1597
		})
	})
}

func TestSameNumberOfTwoClients(t *testing.T) {
	eachPath(t, func(t *testing.T, cfg Config, _ bool) {
		s := serve(t, cfg)
		alice, bob := pair(t, s, "udp", "udp")
		carol := newRawClient(t, s, "udp", s.Credentials("carol"))
		c, _ := carol.allocate()
		bindTo(t, carol, 0x4000, allocationOf(t, s, bob).addr.String())
		bindTo(t, bob, 0x4002, c.String())
		if code := carol.bind(0x4000, allocationOf(t, s, alice).addr.String()); code != stun.CodeBadRequest {
			t.Errorf("ChannelBind of the number to another peer: %d, want 400", code)
		}
		alice.data(0x4000, "alice")
		bob.wantData(0x4001, "alice")
		carol.data(0x4000, "carol")
		bob.wantData(0x4002, "carol")
		bob.data(0x4002, "to carol")
		carol.wantData(0x4000, "to carol")
		bob.data(0x4001, "to alice")
		alice.wantData(0x4000, "to alice")
	})
}

// A client without a channel gets what is sent in one as an indication.
func TestOneSideHasAChannel(t *testing.T) {
	eachPath(t, func(t *testing.T, cfg Config, _ bool) {
		s := serve(t, cfg)
		alice, bob := newRawClient(t, s, "udp", s.Credentials("alice")), newRawClient(t, s, "udp", s.Credentials("bob"))
		a, _ := alice.allocate()
		b, _ := bob.allocate()
		bindTo(t, alice, 0x4000, b.String())
		bob.permit(a.String())
		alice.data(0x4000, "hello")
		bob.want(a.String(), "hello")
		bob.send(a.String(), "hi")
		alice.wantData(0x4000, "hi")
	})
}

func TestHookSeesEveryPacketOnce(t *testing.T) {
	eachPath(t, func(t *testing.T, cfg Config, _ bool) {
		var mu sync.Mutex
		var seen []string
		var held atomic.Bool
		cfg.hook = func(peer string, to netip.AddrPort, data []byte) bool {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%s>%d %s", peer, to.Port(), data))
			return !held.Load()
		}
		s := serve(t, cfg)
		alice, bob := pair(t, s, "udp", "udp")
		port := allocationOf(t, s, bob).addr.Port
		alice.data(0x4000, "one")
		bob.wantData(0x4001, "one")
		held.Store(true)
		alice.data(0x4000, "two")
		alice.wantNothing() // it has been handled
		held.Store(false)
		alice.data(0x4000, "three")
		bob.wantData(0x4001, "three")
		want := []string{fmt.Sprintf("alice>%d one", port), fmt.Sprintf("alice>%d two", port), fmt.Sprintf("alice>%d three", port)}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(seen, want) {
			t.Errorf("seen %q, want %q", seen, want)
		}
		a := allocationOf(t, s, alice)
		eventually(t, "2 packets are sent and 1 is dropped", func() bool { return a.sent() == traffic{packets: 2, bytes: 8, dropped: 1} })
	})
}
