package signaling

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestSlowConsumerIsClosedAndComesBack(t *testing.T) {
	eachTopology(t, Config{Rate: 1e6, Burst: 1e6, Bytes: 1 << 30}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		for i, size := range []int{32 << 10, 1 << 10} {
			bob.ack()
			bob.conn.setLazy(true)
			data := string(long(size))
			sent := 0
			for bob.conn.code() == "" && sent*len(data) <= 2<<20 {
				alice.tell(bob, "room", data)
				sent++
			}
			bob.wantClosed(wire.CodeSlowConsumer)
			h.wantLimit(LimitOutbox, uint64(i+1))
			if bytes := sent * len(data); bytes <= 1<<20 || bytes > 3<<19 {
				t.Errorf("closed at %d bytes of data in messages of %d, want more than 1 MiB and at most half as much again", bytes, size)
			}
			bob.resume(bob.conn.had)
			bob.welcomed(true)
			bob.conn.read(sent)
			if got := len(bob.frames()); got != sent {
				t.Errorf("%d of %d messages arrived", got, sent)
			}
		}
	})
}

func TestHistoryIsGivenUpAtTwiceTheOutbox(t *testing.T) {
	eachTopology(t, Config{Rate: 1e6, Burst: 1e6, Bytes: 1 << 30}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.ack()
		data := string(long(32 << 10))
		s := bob.srv.session(bob.peer)
		for i := range 110 { // read, but never acknowledged
			alice.tell(bob, "room", data)
			bob.wantMessage(alice, data)
			if s.out.bytes > 6<<20 {
				t.Fatalf("%d bytes are kept after %d messages", s.out.bytes, i)
			}
			if kept := i+1 <= 2<<20/len(data); kept && s.out.bytes == 0 {
				t.Fatalf("nothing is kept after %d messages", i+1)
			}
		}
		bob.wantClosed("")
		alice.frames()
		bob.resume(bob.conn.had)
		bob.welcomed(false)
		bob.id = 0
		if m := alice.want(wire.TypePeerAway); m.From != bob.peer {
			t.Errorf("got %+v", m)
		}
		alice.tell(bob, "room", `"before bob is in the room again"`)
		bob.wantNothing()
		bob.join("room")
		if m := alice.want(wire.TypePeerJoined); m.Peer.ID != bob.peer {
			t.Errorf("got %+v", m)
		}
		alice.tell(bob, "room", `1`)
		bob.wantMessage(alice, `1`)
		time.Sleep(2 * time.Minute)
		alice.want(wire.TypeAck)
		alice.wantNothing() // bob is not waited for any more
	})
}

func TestHistoryIsGivenUpWithoutLink(t *testing.T) {
	eachTopology(t, Config{Rate: 1e6, Burst: 1e6, Bytes: 1 << 30}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.cut()
		data := string(long(32 << 10))
		for range 100 {
			alice.tell(bob, "room", data)
		}
		synctest.Wait()
		if n := bob.srv.session(bob.peer).out.bytes; n != 0 {
			t.Errorf("%d bytes are kept", n)
		}
		h.wantLimit(LimitHistory, 1)
		old := bob.token
		bob.resume(bob.conn.had)
		bob.want(wire.TypeWelcome)
		bob.elsewhere()
		bob.resume(bob.conn.had) // that welcome was lost: the numbers are still the old ones
		bob.welcomed(false)
		if old == bob.token {
			t.Error("the token is the same")
		}
		alice.frames()
		time.Sleep(time.Minute) // and bob does not join again
		if m := alice.want(wire.TypePeerLeft); m.From != bob.peer || m.Reason != wire.ReasonTimeout {
			t.Errorf("got %+v", m)
		}
	})
}

func TestFastClientIsHeldBackThenRefused(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		ping := func() (time.Duration, error) { return alice.sendTo(alice.conn, &wire.Message{Type: wire.TypePing}) }
		for i := range 199 { // hello was the first of the burst
			if pause, err := ping(); pause != 0 || err != nil {
				t.Fatalf("frame %d: %v, %v", i, pause, err)
			}
		}
		held := time.Duration(0)
		n := 0
		for {
			pause, err := ping()
			if err != nil {
				break
			}
			if pause != 20*time.Millisecond {
				t.Fatalf("pause %v, want 20ms", pause)
			}
			n++
			held += pause
			time.Sleep(pause)
		}
		if held != time.Second {
			t.Errorf("refused after %d frames and %v of holding back, want 1s", n, held)
		}
		alice.frames()
		alice.wantClosed(wire.CodeRateLimited)
		h.wantLimit(LimitRate, 1)
		bob := h.hello(t) // at the limit, for long
		bob.mute.Store(true)
		for range 3000 {
			if pause, err := bob.sendTo(bob.conn, &wire.Message{Type: wire.TypePing}); err != nil || pause != 0 {
				t.Fatalf("pause %v, %v", pause, err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

// TestHeldBackIsForgiven has a client that is too fast for less than a second,
// again and again.
func TestHeldBackIsForgiven(t *testing.T) {
	c := Config{}.withDefaults()
	var p pace
	for minute := range 5 {
		for i := range c.Burst + 45 {
			if _, ok := p.spend(&c, time.Duration(minute)*time.Minute, 1, 10); !ok {
				t.Fatalf("refused at frame %d of minute %d", i, minute)
			}
		}
	}
}

func TestManyBytesAreHeldBack(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		for i := range 40 {
			pause, err := alice.conn.link.Receive(&wire.Message{Type: wire.TypePing}, 32<<10)
			if i < 31 && (pause != 0 || err != nil) {
				t.Fatalf("frame %d: %v, %v", i, pause, err)
			}
			if err != nil {
				if i < 36 {
					t.Errorf("refused at frame %d", i)
				}
				return
			}
		}
		t.Error("not refused")
	})
}

func TestQueueBehindSlowHelloPausesTheReader(t *testing.T) {
	release := make(chan struct{})
	cfg := Config{Authenticate: func(context.Context, Hello) (Identity, error) { <-release; return Identity{}, nil }}
	synctest.Test(t, func(t *testing.T) {
		release = make(chan struct{})
		h := newHarness(t, 1, cfg)
		defer h.close()
		c := h.client(t)
		c.connect()
		c.send(&wire.Message{Type: wire.TypeHello})
		synctest.Wait()
		for i := range 70 {
			pause, err := c.sendTo(c.conn, &wire.Message{Type: wire.TypeJoin, Room: "room"})
			if full := i >= maxQueue-1; err != nil || full != (pause > 0) {
				t.Fatalf("frame %d: pause %v, %v", i, pause, err)
			}
		}
		close(release)
		c.welcomed(false)
		if n := len(c.frames()); n != 70 {
			t.Errorf("%d answers, want 70", n)
		}
	})
}

func TestAuthenticateHarmsNobody(t *testing.T) {
	cfg := Config{Authenticate: func(ctx context.Context, h Hello) (Identity, error) {
		switch h.Token {
		case "panic":
			panic("a bug of the embedder")
		case "block":
			<-ctx.Done()
			return Identity{}, ctx.Err()
		case "refuse":
			return Identity{}, wire.Refuse(wire.CodeForbidden, "not you")
		case "fail":
			return Identity{}, errors.New("the database has this secret problem")
		case "long":
			return Identity{User: strings.Repeat("x", 300)}, nil
		}
		return Identity{User: h.Token}, nil
	}}
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		hello := func(token string) *client {
			c := h.client(t)
			c.connect()
			c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token}})
			return c
		}
		blocked, gone := hello("block"), hello("block")
		gone.cut()
		for token, want := range map[string]wire.Code{
			"panic": wire.CodeInternal, "refuse": wire.CodeForbidden, "fail": wire.CodeInternal, "long": wire.CodeInternal,
		} {
			c := hello(token)
			if m := c.want(wire.TypeError); m.Code != want || strings.Contains(m.Text, "secret") {
				t.Errorf("%s: got %s %q", token, m.Code, m.Text)
			}
			c.wantClosed(want)
		}
		ann := hello("ann")
		if w := ann.welcomed(false); w.User != "ann" {
			t.Errorf("user is %q", w.User)
		}
		ann.join("room")
		bye := hello("block")
		bye.send(&wire.Message{Type: wire.TypeBye})
		bye.wantClosed(wire.CodeBye)
		time.Sleep(25 * time.Second)
		blocked.wantError(wire.CodeUnavailable, 0)
		ann.elsewhere()
		ann.resume(ann.conn.had)
		if w := ann.welcomed(true); w.User != "ann" {
			t.Errorf("user is %q", w.User)
		}
	})
}

func TestICEServersAreRenewed(t *testing.T) {
	n := 0
	cfg := Config{ICEServers: func(peer string, id Identity) wire.ICE {
		n++
		return wire.ICE{TTL: 600_000, List: []wire.ICEServer{{URLs: []string{"turn:x"}, Username: fmt.Sprint(n)}}}
	}}
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		n = 0
		c := h.client(t)
		c.connect()
		c.send(&wire.Message{Type: wire.TypeHello})
		if w := c.welcomed(false); w.ICE.TTL != 600_000 || w.ICE.List[0].Username != "1" {
			t.Errorf("welcome has %+v", w.ICE)
		}
		time.Sleep(9*time.Minute - 1)
		c.wantNothing()
		time.Sleep(time.Nanosecond)
		if m := c.want(wire.TypeICEServers); m.ICE.List[0].Username != "2" || m.Re != 0 {
			t.Errorf("got %+v", m)
		}
		c.send(&wire.Message{Type: wire.TypeICE})
		if m := c.want(wire.TypeICEServers); m.ICE.List[0].Username != "3" || m.Re != 1 {
			t.Errorf("got %+v", m)
		}
		time.Sleep(9 * time.Minute)
		c.want(wire.TypeICEServers)
	})
}

func TestPanicOfICEServersIsSurvived(t *testing.T) {
	inBubble(t, 1, Config{ICEServers: func(string, Identity) wire.ICE { panic("a bug of the embedder") }}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		alice.tell(bob, "room", `1`)
		bob.wantMessage(alice, `1`)
		if n := h.servers[0].Stats().Panics; n != 2 {
			t.Errorf("%d panics are counted, want 2", n)
		}
	})
}

func TestStuckClientDelaysNobody(t *testing.T) {
	eachTopology(t, Config{Rate: 1e6, Burst: 1e6, Bytes: 1 << 30}, func(t *testing.T, h *harness) {
		stuck, fast := h.pair(t)
		stuck.conn.setLazy(true)
		carol, dave := h.hello(t), h.hello(t)
		carol.join("other")
		dave.join("other")
		carol.frames()
		start := time.Now()
		for i := range 200 {
			fast.tell(stuck, "room", string(long(16<<10)))
			carol.tell(dave, "other", fmt.Sprint(i))
			dave.wantMessage(carol, fmt.Sprint(i))
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
		stuck.wantClosed(wire.CodeSlowConsumer)
	})
}

func TestErrorsWithoutSeqAreBounded(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		c := h.hello(t)
		c.conn.setLazy(true)
		for range 100 {
			c.send(&wire.Message{Type: wire.TypeHello})
		}
		c.wantClosed(wire.CodeSlowConsumer)
		h.wantLimit(LimitErrors, 1)
	})
}

func TestAckOnTake(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.conn.link.ackOnTake = true
		alice.tell(bob, "room", `1`)
		bob.wantMessage(alice, `1`)
		if n := len(bob.srv.session(bob.peer).out.frames); n != 0 {
			t.Errorf("%d frames are kept", n)
		}
	})
}

func TestAdmitAndCheck(t *testing.T) {
	inBubble(t, 1, Config{Apps: []string{"support"}, MaxLinks: 2}, func(t *testing.T, h *harness) {
		srv := h.servers[0]
		srv.App("made")
		for _, app := range []string{"", "default", "support", "made"} {
			if err := srv.Check(LinkInfo{App: app}); err != nil {
				t.Errorf("app %q: %v", app, err)
			}
		}
		var refused *Error
		if err := srv.Check(LinkInfo{App: "other"}); !errors.As(err, &refused) || refused.Code != wire.CodeUnknownApp {
			t.Errorf("app other: %v", err)
		}
		for range 2 {
			l, err := srv.Admit(LinkInfo{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Detach(nil)
		}
		if _, err := srv.Admit(LinkInfo{}); !errors.As(err, &refused) || refused.Code != wire.CodeUnavailable {
			t.Errorf("Admit: %v", err)
		}
	})
}

func TestAppsNeverMeet(t *testing.T) {
	inBubble(t, 1, Config{Apps: []string{"support"}}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.join("room")
		link, err := h.servers[0].Admit(LinkInfo{App: "support"})
		if err != nil {
			t.Fatal(err)
		}
		bob := h.client(t)
		bob.conn = &fakeConn{c: bob, link: link}
		link.Start(bob.conn)
		bob.send(&wire.Message{Type: wire.TypeHello})
		bob.welcomed(false)
		if p := bob.join("room"); len(p) != 0 {
			t.Errorf("bob sees %+v", p)
		}
		bob.tell(alice, "room", `1`)
		bob.wantError(wire.CodeNoSuchPeer, 2)
		alice.wantNothing()
		bob.srv = h.servers[0]
		bob.resume(bob.conn.had) // with the token of another app
		bob.wantError(wire.CodeSessionGone, 0)
	})
}
