package signaling

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// knock says hello from an address, and returns the client with what came.
func (h *harness) knock(t *testing.T, info LinkInfo, token string) (*client, *wire.Message) {
	t.Helper()
	c := h.client(t)
	c.info = info
	c.connect()
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token}})
	o, ok := c.conn.next()
	if !ok {
		t.Fatal("no answer to hello")
	}
	if w := o.Body.Message.Welcome; w != nil {
		c.peer, c.token = w.Peer, w.Token
	}
	return c, o.Body.Message
}

func wantRefused(t *testing.T, m *wire.Message, code wire.Code) {
	t.Helper()
	if m.Type != wire.TypeError || m.Code != code || m.After == 0 {
		t.Errorf("got %s %s, after %d; want %s with after", m.Type, m.Code, m.After, code)
	}
}

func wantWelcome(t *testing.T, m *wire.Message) {
	t.Helper()
	if m.Type != wire.TypeWelcome {
		t.Errorf("got %s %s %q, want welcome", m.Type, m.Code, m.Text)
	}
}

// TestSessionsPerAddressAreBounded has somebody leave sessions behind.
func TestSessionsPerAddressAreBounded(t *testing.T) {
	inBubble(t, 1, Config{MaxIPSessions: 3}, func(t *testing.T, h *harness) {
		var first *client
		for range 3 {
			c, m := h.knock(t, from("192.0.2.1"), "")
			wantWelcome(t, m)
			c.cut()
			first = c
		}
		_, m := h.knock(t, from("192.0.2.1"), "")
		wantRefused(t, m, wire.CodeRateLimited)
		h.wantLimit(LimitIPSessions, 1)
		_, m = h.knock(t, from("192.0.2.2"), "")
		wantWelcome(t, m)
		first.info = from("192.0.2.3") // a telephone that leaves the house
		first.resume(0)
		first.welcomed(true)
		c, m := h.knock(t, from("192.0.2.1"), "")
		wantWelcome(t, m)
		_, m = h.knock(t, from("192.0.2.1"), "")
		wantRefused(t, m, wire.CodeRateLimited)
		c.resume(0) // what is counted already is not refused
		c.welcomed(true)
		time.Sleep(61 * time.Second)
		_, m = h.knock(t, from("192.0.2.1"), "")
		wantWelcome(t, m)
	})
}

func TestSessionsOfAServerAreBounded(t *testing.T) {
	inBubble(t, 1, Config{MaxSessions: 2}, func(t *testing.T, h *harness) {
		c, m := h.knock(t, LinkInfo{}, "")
		wantWelcome(t, m)
		c.cut()
		_, m = h.knock(t, LinkInfo{}, "")
		wantWelcome(t, m)
		_, m = h.knock(t, LinkInfo{}, "")
		wantRefused(t, m, wire.CodeUnavailable)
		h.wantLimit(LimitSessions, 1)
		c.resume(0)
		c.welcomed(true)
		c.send(&wire.Message{Type: wire.TypeBye})
		_, m = h.knock(t, LinkInfo{}, "")
		wantWelcome(t, m)
	})
}

func TestSessionsOfAnAppAreBounded(t *testing.T) {
	inBubble(t, 1, Config{MaxAppSessions: 1, Apps: []string{"support"}}, func(t *testing.T, h *harness) {
		_, m := h.knock(t, LinkInfo{}, "")
		wantWelcome(t, m)
		_, m = h.knock(t, LinkInfo{}, "")
		wantRefused(t, m, wire.CodeUnavailable)
		h.wantLimit(LimitAppSessions, 1)
		_, m = h.knock(t, LinkInfo{App: "support"}, "")
		wantWelcome(t, m)
	})
}

func TestLinksOfAnAppAreBounded(t *testing.T) {
	inBubble(t, 1, Config{MaxAppLinks: 1, Apps: []string{"support"}}, func(t *testing.T, h *harness) {
		srv := h.servers[0]
		l, err := srv.Admit(LinkInfo{})
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Check(LinkInfo{}); err == nil {
			t.Error("one link too many")
		}
		h.wantLimit(LimitAppLinks, 1)
		if err := srv.Check(LinkInfo{App: "support"}); err != nil {
			t.Error(err)
		}
		l.Detach(nil)
		if err := srv.Check(LinkInfo{}); err != nil {
			t.Error(err)
		}
	})
}

func TestLinksOfAServerAreBounded(t *testing.T) {
	inBubble(t, 1, Config{MaxLinks: 1}, func(t *testing.T, h *harness) {
		l := h.admit("192.0.2.1", "")
		h.admit("192.0.2.2", wire.CodeUnavailable)
		h.wantLimit(LimitLinks, 1)
		l.Detach(nil)
		h.admit("192.0.2.2", "").Detach(nil)
	})
}

func TestSessionsOfAUserAreBounded(t *testing.T) {
	cfg := Config{Authenticate: func(_ context.Context, h Hello) (Identity, error) { return Identity{User: h.Token}, nil }}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		var ann *client
		for range 32 {
			c, m := h.knock(t, LinkInfo{}, "ann")
			wantWelcome(t, m)
			ann = c
		}
		_, m := h.knock(t, LinkInfo{}, "ann")
		wantRefused(t, m, wire.CodeRateLimited)
		h.wantLimit(LimitUserSessions, 1)
		for range 40 { // one of them bob, the others nobody
			_, m = h.knock(t, LinkInfo{}, "")
			wantWelcome(t, m)
		}
		_, m = h.knock(t, LinkInfo{}, "bob")
		wantWelcome(t, m)
		ann.send(&wire.Message{Type: wire.TypeBye})
		_, m = h.knock(t, LinkInfo{}, "ann")
		wantWelcome(t, m)
	})
}

// TestCountsReturnToZero moves sessions between servers, and ends them.
func TestCountsReturnToZero(t *testing.T) {
	cfg := Config{Authenticate: func(_ context.Context, h Hello) (Identity, error) { return Identity{User: "ann"}, nil }}
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		for i := range 6 {
			c, _ := h.knock(t, from("192.0.2.1"), "")
			c.join("room")
			c.cut()
			if i%2 == 0 {
				c.elsewhere()
				c.info = from("192.0.2.2")
				c.resume(c.conn.had)
			}
		}
		time.Sleep(3 * time.Minute)
		for _, s := range h.servers {
			s.mu.Lock()
			if n := len(s.sessions); s.counted != n || s.apps["default"].sessions != n || s.users[userKey{"default", "ann"}] != n {
				t.Errorf("%d sessions are counted as %d, of the app %d, of the user %d", n, s.counted, s.apps["default"].sessions, s.users[userKey{"default", "ann"}])
			}
			s.mu.Unlock()
		}
	})
}

// TestNewLinkIsNoNewBurst has a client come back again and again, to send more
// than it may.
func TestNewLinkIsNoNewBurst(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		for range 180 {
			alice.send(&wire.Message{Type: wire.TypePing})
		}
		alice.cut()
		alice.elsewhere()
		alice.resume(0)
		alice.welcomed(true)
		sent := 0
		for ; sent < 200; sent++ {
			pause, err := alice.sendTo(alice.conn, &wire.Message{Type: wire.TypePing})
			if err != nil {
				t.Fatal(err)
			}
			if pause > 0 {
				break
			}
		}
		if sent > 20 {
			t.Errorf("%d frames behind the resume, want at most 20", sent)
		}
	})
}

// TestJoinsAreBounded is case 108.
func TestJoinsAreBounded(t *testing.T) {
	eachTopology(t, Config{Rate: 1e6, Burst: 1e6, Bytes: 1 << 30}, func(t *testing.T, h *harness) {
		c := h.hello(t)
		joined := 0
		for range 10_000 {
			c.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
			o, _ := c.conn.next()
			for ; o.Body.Message.Type == wire.TypeAck; o, _ = c.conn.next() {
			}
			if m := o.Body.Message; m.Type == wire.TypeJoined {
				joined++
				c.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
				c.want(wire.TypeOK)
			} else {
				wantRefused(t, m, wire.CodeRateLimited)
			}
			time.Sleep(time.Millisecond)
		}
		if joined < 32 || joined > 32+10*4/newRoomCost+1 {
			t.Errorf("%d of 10000 joins in 10 s were done, want about 42", joined)
		}
		h.wantLimit(LimitJoins, uint64(10_000-joined))
		for _, s := range h.servers {
			if n := s.Stats().Rooms; n != 0 {
				t.Errorf("%d rooms are left", n)
			}
		}
		c.wantClosed("")
	})
}

// TestMoveIsNoNewBurstOfJoins resumes, with three servers on another one, who has joined too much.
func TestMoveIsNoNewBurstOfJoins(t *testing.T) {
	eachTopology(t, Config{JoinRate: 1, JoinBurst: 2 * newRoomCost}, func(t *testing.T, h *harness) {
		c := h.hello(t)
		c.join("a")
		c.join("b")
		for range 3 {
			c.send(&wire.Message{Type: wire.TypeJoin, Room: "c"})
			c.wantError(wire.CodeRateLimited, c.id)
			had := c.conn.seq()
			c.cut()
			c.elsewhere()
			c.resume(had)
			c.welcomed(true)
		}
		time.Sleep(time.Second)
		c.join("c") // which is paid by now
		c.send(&wire.Message{Type: wire.TypeJoin, Room: "d"})
		c.wantError(wire.CodeRateLimited, c.id)
	})
}

// TestGuessingRoomsIsBounded has many clients of one address, so that none is
// over its own limit.
func TestGuessingRoomsIsBounded(t *testing.T) {
	inBubble(t, 1, Config{IPRoomBurst: 10}, func(t *testing.T, h *harness) {
		opened, refused := 0, 0
		guess := func(c *client, i int) bool {
			c.send(&wire.Message{Type: wire.TypeJoin, Room: fmt.Sprint("guess-", i)})
			o, _ := c.conn.next()
			return o.Body.Message.Type == wire.TypeJoined
		}
		for i := range 100 {
			c, _ := h.knock(t, from("192.0.2.1"), "")
			if guess(c, i) {
				opened++
			} else {
				refused++
			}
			time.Sleep(18 * time.Millisecond) // of 20, with h.client's
		}
		if opened < 10 || opened > 10+2*20+1 {
			t.Errorf("%d rooms were opened, want about 50", opened)
		}
		h.wantLimit(LimitIPRooms, uint64(refused))
		c, _ := h.knock(t, from("192.0.2.2"), "")
		if !guess(c, 1000) {
			t.Error("another address pays for it")
		}
	})
}

// TestSnapshotsAreChargedBySize has a client ask for a long roster again.
func TestSnapshotsAreChargedBySize(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		for range 15 {
			h.hello(t).send(&wire.Message{Type: wire.TypeJoin, Room: "room", Data: long(4000)})
		}
		c := h.hello(t)
		synctest.Wait()
		for i := range 40 {
			pause, err := c.sendTo(c.conn, &wire.Message{Type: wire.TypeJoin, Room: "room"})
			if err != nil {
				t.Fatal(err)
			}
			c.want(wire.TypeJoined)
			c.ack()
			if pause > 0 {
				if i < 5 {
					t.Errorf("held back at join %d already", i)
				}
				return
			}
		}
		t.Error("40 rosters of 60 KB were free")
	})
}

func TestFramesAreBounded(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		alice.tell(bob, "room", string(long(64<<10-100)))
		bob.want(wire.TypeMessage)
		alice.conn.link.Receive(&wire.Message{Type: wire.TypePing}, 64<<10+1)
		alice.wantClosed(wire.CodeTooBig)
		h.wantLimit(LimitMessage, 1)
		bob.conn.link.Malformed(0, 64<<10+1, wire.Refuse(wire.CodeTooBig, "not read to its end"))
		bob.wantClosed(wire.CodeTooBig)
		h.wantLimit(LimitMessage, 2)
	})
}

func TestSDPIsBounded(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		alice.send(&wire.Message{Type: wire.TypeOffer, Room: "room", To: bob.peer, PC: 1, Gen: 1, Data: long(32 << 10)})
		bob.want(wire.TypeOffer)
		bob.send(&wire.Message{Type: wire.TypeAnswer, Room: "room", To: alice.peer, PC: 1, Gen: 1, Data: long(32<<10 + 1)})
		bob.wantError(wire.CodeTooBig, bob.id)
		h.wantLimit(LimitSDP, 1)
	})
}

func TestMetadataIsBounded(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		c := h.hello(t)
		c.send(&wire.Message{Type: wire.TypeJoin, Room: "room", Data: long(4 << 10)})
		c.want(wire.TypeJoined)
		c.send(&wire.Message{Type: wire.TypeJoin, Room: "other", Data: long(4<<10 + 1)})
		c.wantError(wire.CodeTooBig, c.id)
		c.send(&wire.Message{Type: wire.TypeUpdate, Room: "room", Data: long(4<<10 + 1)})
		c.wantError(wire.CodeTooBig, c.id)
		h.wantLimit(LimitMetadata, 2)
	})
}
