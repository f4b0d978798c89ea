package signaling

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// slowCluster holds each entry of an inbox back for a random time, in order.
type slowCluster struct {
	*MemoryCluster
	mu  sync.Mutex
	rng *rand.Rand
	off bool
}

func (c *slowCluster) Attach(window time.Duration, deliver func(*Event)) Node {
	return c.MemoryCluster.Attach(window, func(e *Event) {
		time.Sleep(c.upTo(c.slowness()))
		deliver(e)
	})
}

func (c *slowCluster) slowness() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return 1
	}
	return 3 * time.Millisecond
}

func (c *slowCluster) pick(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(n)
}

func (c *slowCluster) hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
}

func (c *slowCluster) upTo(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.rng.Int64N(int64(d)))
}

// slowed lets what servers hear of each other take a random time.
func (h *harness) slowed(seed uint64) *slowCluster {
	slow := &slowCluster{MemoryCluster: h.cluster, rng: rand.New(rand.NewPCG(seed, 1))}
	h.cfg.Cluster = slow
	for i, s := range h.servers {
		s.node.Close()
		h.servers[i] = New(h.cfg)
	}
	return slow
}

// ended is how a client's invitations and those of others ended for it.
type callsSeen struct {
	rooms   map[string]string // that it was accepted for, or has accepted: the other's peer
	ringing map[string]bool   // invitations of others
	open    map[string]bool   // its own
}

// calls reads all that c got, and holds it against the rules for clients.
func (c *client) calls(accepting map[uint64]string) callsSeen {
	c.t.Helper()
	seen := callsSeen{map[string]string{}, map[string]bool{}, map[string]bool{}}
	rooms := map[string]*wire.Message{}
	for _, m := range c.frames() {
		switch m.Type {
		case wire.TypeOK:
			if m.Call != nil {
				seen.open[m.Call.Invite] = true
			} else if invite := accepting[m.Re]; invite != "" {
				seen.rooms[rooms[invite].Room] = rooms[invite].From
				delete(seen.ringing, invite)
			}
		case wire.TypeInvited:
			seen.ringing[m.Call.Invite] = true
			rooms[m.Call.Invite] = m
		case wire.TypeCancelled:
			if !seen.ringing[m.Call.Invite] {
				c.t.Errorf("%s: cancelled{%s}, which does not ring", c.peer, m.Reason)
			}
			delete(seen.ringing, m.Call.Invite)
		case wire.TypeAccepted, wire.TypeDeclined:
			if !seen.open[m.Call.Invite] {
				c.t.Errorf("%s: %s of what is over or was never begun", c.peer, m.Type)
			}
			delete(seen.open, m.Call.Invite)
			if m.Type == wire.TypeAccepted {
				seen.rooms[m.Room] = m.From
			}
		}
	}
	return seen
}

// TestGlareEndsInOneCall lets two users, of two devices each, ring each other at
// about the same time, in many orders.
func TestGlareEndsInOneCall(t *testing.T) {
	for _, servers := range []int{1, 3} {
		for seed := range uint64(300) {
			t.Run(fmt.Sprintf("servers=%d/seed=%d", servers, seed), func(t *testing.T) {
				inBubble(t, servers, withUsers(Config{}), func(t *testing.T, h *harness) { glare(t, h, seed) })
			})
		}
	}
}

func glare(t *testing.T, h *harness, seed uint64) {
	slow := h.slowed(seed)
	var all []*client
	for _, user := range []string{"ana", "ben", "ana", "ben"} {
		c := h.client(t)
		c.connect()
		c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: user + ">*"}})
		time.Sleep(time.Second)
		c.welcomed(false)
		all = append(all, c)
	}
	first, second := all[slow.pick(2)*2], all[slow.pick(2)*2+1]
	both := time.Duration(0)
	for _, c := range []*client{first, second} {
		user := "ben"
		if c == second {
			user = "ana"
		}
		wait := slow.upTo(5 * time.Millisecond)
		both = max(both, wait)
		go func() {
			time.Sleep(wait)
			c.send(&wire.Message{Type: wire.TypeInvite, User: user})
		}()
	}
	accepting := map[uint64]string{}
	acceptor := all[slow.pick(4)]
	if seed%2 == 0 { // somebody is quick
		time.Sleep(both + 1 + slow.upTo(5*time.Millisecond)) // both have begun to ring
		if invite := acceptor.ringing(); invite != "" {
			acceptor.answer(wire.TypeAccept, invite)
			accepting[acceptor.id] = invite
		}
	}
	time.Sleep(time.Second)
	slow.hurry() // what Shutdown tells nobody waits for
	rooms := map[string][]string{}
	for _, c := range all {
		var mine map[uint64]string
		if c == acceptor {
			mine = accepting
		}
		seen := c.calls(mine)
		if len(seen.ringing)+len(seen.open) > 0 {
			t.Errorf("%s still rings %v, and is rung by %v", c.peer, seen.open, seen.ringing)
		}
		for room, with := range seen.rooms {
			rooms[room] = append(rooms[room], c.peer, with)
		}
	}
	for room, p := range rooms {
		if len(rooms) != 1 || len(p) != 4 || p[0] != p[3] || p[1] != p[2] {
			t.Errorf("room %s: %v, of %d calls; want one, of two that know of each other", room, p, len(rooms))
		}
	}
	if len(rooms) == 0 {
		t.Error("there is no call")
	}
}

// ringing looks for an invitation that c has got, without taking it.
func (c *client) ringing() string {
	c.conn.mu.Lock()
	defer c.conn.mu.Unlock()
	for _, o := range c.conn.got {
		if m := o.Body.Message; m.Type == wire.TypeInvited {
			return m.Call.Invite
		}
	}
	return ""
}

// TestGlareIsWonByWhoIsLongerHere says which of the two invitations holds, also
// where it was the second.
func TestGlareIsWonByWhoIsLongerHere(t *testing.T) {
	for _, second := range []string{"ana", "ben"} {
		t.Run(second+" is the second", func(t *testing.T) {
			eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
				ana, ben := h.as(t, "ana>ben"), h.as(t, "ben>ana")
				var hers, his string
				ring := map[string]func(){
					"ana": func() {
						hers = ana.ring("ben")
						ana.wantRinging(hers, wire.ViaDevice)
					},
					"ben": func() {
						his = ben.ring("ana")
						ben.wantRinging(his, wire.ViaDevice)
					},
				}
				var room string
				if second == "ana" {
					ring["ben"]()
					ana.wantInvited(ben, his)
					ring["ana"]()
					ana.wantOver(wire.TypeCancelled, his, wire.ReasonCrossed)
					room = ben.wantInvited(ana, hers).Room
				} else {
					ring["ana"]()
					room = ben.wantInvited(ana, hers).Room
					ring["ben"]()
					ana.wantInvited(ben, his)
					ana.wantOver(wire.TypeCancelled, his, wire.ReasonCrossed)
				}
				ben.wantOver(wire.TypeCancelled, hers, wire.ReasonCrossed)
				if ana.wantAccepted(hers, ben) != room {
					t.Error("it is his invitation that holds")
				}
				if ben.wantAccepted(his, ana) != room {
					t.Error("they are in two rooms")
				}
				wantNothingMore(ana, ben)
			})
		})
	}
}
