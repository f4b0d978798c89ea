package signaling

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestLockedRoom(t *testing.T) {
	eachTopology(t, byToken(), func(t *testing.T, h *harness) {
		alice, bob := h.bearing(t, "alice"), h.bearing(t, "bob")
		alice.join("room")
		bob.join("room")
		alice.frames()
		bob.wantRefused(&wire.Message{Type: wire.TypeSetRules, Mod: &wire.Moderation{Set: &wire.RulesUpdate{Locked: yes()}}}, wire.CodeForbidden)
		alice.rules(wire.RulesUpdate{Locked: yes()})
		if m := bob.want(wire.TypeRules); !m.Rules.Locked || m.From != alice.peer {
			t.Errorf("bob got %+v", m)
		}
		carol := h.bearing(t, "carol")
		carol.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeRoomLocked)
		boss := h.bearing(t, "boss/host")
		boss.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		if m := boss.want(wire.TypeJoined); m.Rules == nil || !m.Rules.Locked {
			t.Errorf("the boss got %+v", m)
		}
		bob.want(wire.TypePeerJoined)
		bob.conn.had = 0
		bob.send(&wire.Message{Type: wire.TypeAck, Ack: 2})
		bob.cut()
		bob.resume(0) // its history is lost
		bob.welcomed(false)
		bob.id = 0
		bob.join("room")
		alice.frames()
		alice.rules(wire.RulesUpdate{Locked: no()})
		carol.join("room")
		for _, c := range []*client{alice, bob, boss, carol} {
			c.frames()
			c.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
		}
		synctest.Wait()
		if h.cluster.keeps("room") {
			t.Error("rules outlive the last member")
		}
	})
}

// TestLockMeetsJoins has a lock and 20 joins come at once on all servers: who
// came in was in before the lock, for everybody.
func TestLockMeetsJoins(t *testing.T) {
	for seed := range 20 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, 3, Config{MaxPeers: 100}, func(t *testing.T, h *harness) {
				alice := h.hello(t)
				alice.join("room")
				var all []*client
				for range 20 {
					all = append(all, h.hello(t))
				}
				for i, c := range all {
					if i == seed {
						go alice.send(&wire.Message{Type: wire.TypeSetRules, Room: "room", Mod: &wire.Moderation{Set: &wire.RulesUpdate{Locked: yes()}}})
					}
					go c.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
				}
				in := 0
				for _, c := range all {
					switch m := c.frames()[0]; {
					case m.Type == wire.TypeJoined && m.Rules == nil:
						in++
					case m.Type != wire.TypeError || m.Code != wire.CodeRoomLocked:
						t.Errorf("got %+v", m)
					}
				}
				locked := false
				for _, m := range alice.frames() {
					locked = locked || m.Type == wire.TypeRules
					if m.Type == wire.TypePeerJoined {
						in--
						if locked {
							t.Error("somebody came in behind the lock")
						}
					}
				}
				if in != 0 || !locked {
					t.Errorf("%d more came in than alice was told of", in)
				}
			})
		})
	}
}

func TestPassword(t *testing.T) {
	eachTopology(t, byToken(), func(t *testing.T, h *harness) {
		alice := h.bearing(t, "alice")
		alice.join("room")
		word := "sesame"
		alice.send(&wire.Message{Type: wire.TypeSetRules, Room: "room", Mod: &wire.Moderation{Set: &wire.RulesUpdate{Password: &word}}})
		if m := alice.want(wire.TypeRules); !m.Rules.Password {
			t.Errorf("alice got %+v", m)
		}
		alice.want(wire.TypeOK)
		if kept := fmt.Sprintf("%+v", h.cluster.rooms[roomKey{"default", "room"}].Rules); strings.Contains(kept, word) {
			t.Errorf("the cluster keeps %s", kept)
		}
		bob := h.bearing(t, "bob")
		knock := func(password string) *wire.Message {
			return &wire.Message{Type: wire.TypeJoin, Room: "room", Door: &wire.Door{Password: password}}
		}
		bob.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodePasswordRequired)
		bob.wantRefused(knock("Sesame"), wire.CodeWrongPassword)
		bob.send(knock(word))
		bob.want(wire.TypeJoined)
		h.bearing(t, "boss/host").join("room") // needs none
		guesser := h.bearing(t, "guesser")
		for i := range freeTries {
			guesser.wantRefused(knock(fmt.Sprint(i)), wire.CodeWrongPassword)
		}
		guesser.wantRefused(knock(word), wire.CodeRateLimited)
		guesser.elsewhere()
		guesser.resume(guesser.conn.had)
		guesser.welcomed(true)
		guesser.wantRefused(knock(word), wire.CodeRateLimited) // also elsewhere
		time.Sleep(tryCost * time.Second)
		guesser.frames()
		guesser.wantRefused(knock("x"), wire.CodeWrongPassword)
		guesser.wantRefused(knock(word), wire.CodeRateLimited)
		none := ""
		alice.frames()
		alice.rules(wire.RulesUpdate{Password: &none})
		guesser.join("room")
	})
}

// TestPasswordsOfAnAddressAreBounded has somebody take a new session for each
// few guesses.
func TestPasswordsOfAnAddressAreBounded(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.join("room")
		word := "sesame"
		alice.rules(wire.RulesUpdate{Password: &word})
		wrong := 0
		for range 6 {
			c, m := h.knock(t, from("192.0.2.7"), "")
			wantWelcome(t, m)
			for range freeTries {
				c.send(&wire.Message{Type: wire.TypeJoin, Room: "room", Door: &wire.Door{Password: "x"}})
				if m := c.want(wire.TypeError); m.Code == wire.CodeWrongPassword {
					wrong++
				} else if m.Code != wire.CodeRateLimited {
					t.Fatalf("got %+v", m)
				}
			}
		}
		if wrong != ipTries {
			t.Errorf("%d guesses, want %d", wrong, ipTries)
		}
		h.wantLimit(LimitPasswords, 6*freeTries-ipTries)
	})
}

func TestCapacity(t *testing.T) {
	eachTopology(t, Config{MaxPeers: 3}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		alice.rules(wire.RulesUpdate{Capacity: new(2)})
		bob.want(wire.TypeRules)
		carol, dave := h.hello(t), h.hello(t)
		carol.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeRoomFull)
		alice.rules(wire.RulesUpdate{Capacity: new(100)})
		carol.join("room")
		dave.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeRoomFull) // the server's holds all the same
	})
}

func TestDuplicateIdentity(t *testing.T) {
	for _, tt := range []struct {
		name string
		d    Duplicates
		want wire.Code
	}{
		{"any number", Duplicates{}, ""},
		{"two", Duplicates{Max: 2}, ""},
		{"one", Duplicates{Max: 1}, wire.CodeDuplicateIdentity},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := byToken()
			cfg.Duplicates = tt.d
			eachTopology(t, cfg, func(t *testing.T, h *harness) {
				first, second, third := h.bearing(t, "ana"), h.bearing(t, "ana"), h.bearing(t, "ana")
				first.join("room")
				if tt.want != "" {
					second.wantRefused(&wire.Message{Type: wire.TypeJoin}, tt.want)
				} else if second.join("room"); tt.d.Max == 2 {
					third.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeDuplicateIdentity)
				}
				h.bearing(t, "ben").join("room")
				first.resume(0)
				first.welcomed(true)
			})
		})
	}
}

func TestNewerPeerOfAUserReplacesTheOlder(t *testing.T) {
	eachTopology(t, byToken(), func(t *testing.T, h *harness) {
		for _, s := range h.servers {
			s.App("default").SetDuplicates(Duplicates{Max: 1, Replace: true})
		}
		old, ben := h.bearing(t, "ana"), h.bearing(t, "ben")
		old.join("room")
		ben.join("room")
		old.want(wire.TypePeerJoined)
		old.rules(wire.RulesUpdate{Locked: yes(), Capacity: new(2)})
		ben.want(wire.TypeRules)
		young := h.bearing(t, "ana") // a reloaded page: host still, and not locked out
		young.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		if m := young.want(wire.TypeJoined); m.Role != wire.RoleHost || len(m.Peers) != 1 || m.Peers[0].ID != ben.peer {
			t.Errorf("the new one got %+v", m)
		}
		old.wantOut(wire.ReasonReplaced)
		ben.wantLeft(old, wire.ReasonReplaced)
		if m := ben.want(wire.TypePeerJoined); m.Peer.ID != young.peer || m.Peer.Role != wire.RoleHost {
			t.Errorf("ben got %+v", m.Peer)
		}
		ben.wantNothing()
	})
}

// TestReplacedPeersRequestIsItsOwn has a peer be replaced from another server while
// it waits for something, under the number that the other's join has there.
func TestReplacedPeersRequestIsItsOwn(t *testing.T) {
	cfg := byToken()
	cfg.Duplicates = Duplicates{Max: 1, Replace: true}
	inBubble(t, 2, cfg, func(t *testing.T, h *harness) {
		old, young := h.bearing(t, "ana"), h.bearing(t, "ana")
		old.join("room")
		req := h.servers[0].session(old.peer).request(answer{re: 2})
		h.servers[1].requests.Store(req - 1)
		young.join("room")
		old.wantOut(wire.ReasonReplaced)
		old.wantNothing()
	})
}
