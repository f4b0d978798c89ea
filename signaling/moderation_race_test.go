package signaling

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// TestBanMeetsResume has somebody come back, here or elsewhere, with and without
// its history, while it is banned, from a moment later on each time: it is out,
// knows it, and does not come in again.
func TestBanMeetsResume(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for step := range 12 {
			t.Run(fmt.Sprintf("lost=%v/%d", lost, step), func(t *testing.T) {
				eachTopology(t, Config{}, func(t *testing.T, h *harness) { banMeetsResume(t, h, lost, step) })
			})
		}
	}
}

func banMeetsResume(t *testing.T, h *harness, lost bool, step int) {
	alice, bob := h.pair(t)
	carol := h.hello(t)
	carol.join("room")
	alice.frames()
	bob.frames()
	seq := bob.conn.had
	if lost {
		bob.ack()
		seq = 0
	}
	bob.cut()
	bob.elsewhere()
	bob.connect()
	bob.conn.had = seq
	done := make(chan struct{}, 2)
	turns := func(n int) {
		for range n {
			time.Sleep(time.Nanosecond) // others run meanwhile, up to where they wait
		}
	}
	go func() {
		turns(step)
		bob.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Resume: &wire.Resume{Token: bob.token, Seq: seq, Nonce: bob.nonce}}})
		done <- struct{}{}
	}()
	go func() {
		turns(6)
		alice.send(&wire.Message{Type: wire.TypeBan, Room: "room", To: bob.peer})
		done <- struct{}{}
	}()
	<-done
	<-done
	frames := bob.frames()
	if len(frames) == 0 || frames[0].Type != wire.TypeWelcome {
		t.Fatalf("bob got %+v", frames)
	}
	if frames[0].Welcome.Resumed == lost {
		t.Errorf("resumed is %v", !lost)
	}
	kicked := slices.ContainsFunc(frames, bob.isOut)
	if frames[0].Welcome.Resumed {
		if !kicked {
			t.Error("bob does not know that he is out")
		}
	} else {
		bob.id = 0
	}
	bob.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeBanned)
	bob.wantRefused(&wire.Message{Type: wire.TypeMessage, Data: []byte(`1`)}, wire.CodeNotInRoom)
	alice.wantBanned(bob.peer)
	carol.wantBanned(bob.peer)
	synctest.Wait()
	if r := h.cluster.rooms[roomKey{"default", "room"}]; len(r.Members) != 2 {
		t.Errorf("the members are %+v", r.Members)
	}
}

// wantBanned fails unless c was told of a ban, and of the peer nothing behind it.
func (c *client) wantBanned(peer string) {
	c.t.Helper()
	left := false
	for _, m := range c.frames() {
		if m.Type == wire.TypePeerLeft && m.From == peer && m.Reason == wire.ReasonBanned {
			left = true
		} else if left && (m.From == peer || m.Peer != nil && m.Peer.ID == peer) {
			c.t.Errorf("behind the ban came %s", m.Type)
		}
	}
	if !left {
		c.t.Error("others were not told of the ban")
	}
}

func (c *client) isOut(m *wire.Message) bool { return m.Type == wire.TypePeerLeft && m.From == c.peer }

// TestKickMeetsItsVictimsRequests has the one who is kicked do all it can at the
// same time.
func TestKickMeetsItsVictimsRequests(t *testing.T) {
	for seed := range 10 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
				alice, bob := h.pair(t)
				go func() {
					for i := range 10 {
						if i == seed {
							go alice.send(&wire.Message{Type: wire.TypeKick, Room: "room", To: bob.peer})
						}
						bob.send(&wire.Message{Type: wire.TypeUpdate, Room: "room", Data: []byte(fmt.Sprint(i))})
					}
					bob.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
				}()
				frames := bob.frames()
				answers := 0
				for i, m := range frames {
					if m.Re != 0 {
						answers++
					}
					if bob.isOut(m) && slices.ContainsFunc(frames[i:], func(m *wire.Message) bool { return m.Type == wire.TypeOK }) {
						t.Error("something was done for bob when he was out")
					}
				}
				if last := frames[len(frames)-1]; answers != 11 || !bob.isOut(last) && last.Code != wire.CodeBanned {
					t.Errorf("%d answers, the last is %+v", answers, last)
				}
			})
		})
	}
}

// TestRulesOutliveServers has two of three servers vanish, with the host on one.
func TestRulesOutliveServers(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.join("room")
		alice.frames()
		bob.frames()
		word := "sesame"
		alice.rules(wire.RulesUpdate{Locked: yes(), Password: &word})
		bob.want(wire.TypeRules)
		carol.want(wire.TypeRules)
		h.cluster.Kill(alice.srv.node.Name())
		h.cluster.Kill(bob.srv.node.Name())
		time.Sleep(memoryLease)
		carol.frames()
		alice.srv, bob.srv = carol.srv, carol.srv
		alice.resume(0)
		alice.welcomed(false)
		alice.id = 0
		alice.join("room") // the host is not locked out of her own room
		if m := carol.want(wire.TypePeerJoined); m.Peer.Role != wire.RoleHost {
			t.Errorf("carol got %+v", m.Peer)
		}
		alice.send(&wire.Message{Type: wire.TypeBan, Room: "room", To: bob.peer})
		alice.wantLeft(bob, wire.ReasonBanned)
		alice.want(wire.TypeOK)
		bob.resume(0)
		bob.welcomed(false)
		bob.id = 0
		bob.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeBanned)
		dave := h.client(t)
		dave.srv = carol.srv
		dave.connect()
		dave.send(&wire.Message{Type: wire.TypeHello})
		dave.welcomed(false)
		dave.wantRefused(&wire.Message{Type: wire.TypeJoin}, wire.CodeRoomLocked)
	})
}

// TestHostOnALostServerIsFollowed has a host never come back.
func TestHostOnALostServerIsFollowed(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		h.cluster.Kill(alice.srv.node.Name())
		time.Sleep(memoryLease)
		bob.want(wire.TypePeerAway)
		time.Sleep(time.Minute)
		bob.wantLeft(alice, wire.ReasonTimeout)
		if m := bob.want(wire.TypeRole); m.Role != wire.RoleHost {
			t.Errorf("bob got %+v", m)
		}
	})
}

// TestJoinAgainMeetsAKick has one who joins again be taken out when the server has
// just found it in the room.
func TestJoinAgainMeetsAKick(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		s := h.servers[0].session(bob.peer)
		own := s.member("room")
		alice.send(&wire.Message{Type: wire.TypeKick, Room: "room", To: bob.peer})
		bob.wantOut(wire.ReasonKicked)
		var fx effects
		if s.joinAgain(own, &wire.Message{Type: wire.TypeJoin, Room: "room"}, &fx) {
			t.Error("an answer that bob does not get")
		}
	})
}
