package signaling

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestRepeatIsDroppedAndGapRefused(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		m := func(id uint64) *wire.Message {
			return &wire.Message{Type: wire.TypeMessage, ID: id, Room: "room", To: bob.peer, Data: json.RawMessage(fmt.Sprint(id))}
		}
		alice.send(m(2))
		alice.send(m(2))
		alice.send(m(1))
		alice.wantNothing()
		alice.send(m(4))
		alice.wantError(wire.CodeOutOfOrder, 0)
		alice.send(m(3))
		bob.wantMessage(alice, "2")
		bob.wantMessage(alice, "3")
		bob.wantNothing()
	})
}

func TestAckAloneAfter32Frames(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		for range 31 { // the join was told by joined
			alice.tell(bob, "room", `1`)
		}
		alice.wantNothing()
		alice.tell(bob, "room", `1`)
		o, ok := alice.conn.next()
		if !ok || o.Body.Message.Type != wire.TypeAck || o.Ack != 33 || o.Seq != 0 {
			t.Errorf("got %+v, want an ack of 33", o)
		}
	})
}

func TestAckAloneAfterOneSecond(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		alice.tell(bob, "room", `1`)
		time.Sleep(time.Second - 1)
		alice.wantNothing()
		time.Sleep(time.Nanosecond)
		alice.want(wire.TypeAck)
		if alice.conn.ack != 2 {
			t.Errorf("ack is %d, want 2", alice.conn.ack)
		}
		time.Sleep(5 * time.Second)
		alice.wantNothing()
		alice.tell(bob, "room", `1`)
		bob.tell(alice, "room", `1`) // carries it
		alice.want(wire.TypeMessage)
		if alice.conn.ack != 3 {
			t.Errorf("ack is %d, want 3", alice.conn.ack)
		}
		time.Sleep(5 * time.Second)
		alice.wantNothing()
	})
}

func TestBadAckIsRefused(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.join("room")
		alice.send(&wire.Message{Type: wire.TypeAck, Ack: 2})
		alice.wantError(wire.CodeBadMessage, 0)
		alice.send(&wire.Message{Type: wire.TypeJoin, Room: "other", Ack: 9})
		alice.wantError(wire.CodeBadMessage, 2)
		alice.send(&wire.Message{Type: wire.TypeAck, Ack: 2})
		alice.wantNothing()
		alice.wantClosed("")
		if n := len(alice.srv.session(alice.peer).out.frames); n != 0 {
			t.Errorf("%d frames are kept, though all were acknowledged", n)
		}
	})
}

func TestAckOfWhatWasNotTakenIsRefused(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.conn.setLazy(true)
		alice.tell(bob, "room", `1`) // in the outbox, and not on its way
		bob.send(&wire.Message{Type: wire.TypeAck, Ack: bob.conn.had + 1})
		bob.conn.setLazy(false)
		bob.conn.Wake()
		bob.wantError(wire.CodeBadMessage, 0)
		bob.wantMessage(alice, `1`)
	})
}

func TestTooBigForTheTransportEndsTheSession(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.conn.link.Detach(fmt.Errorf("read: %w", wire.Refuse(wire.CodeTooBig, "2^63 bytes")))
		if m := alice.want(wire.TypePeerLeft); m.From != bob.peer || m.Reason != wire.ReasonLeft {
			t.Errorf("got %+v", m)
		}
	})
}

func TestMalformedFramesAreCounted(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.conn.link.Malformed(1, 100, wire.Refuse(wire.CodeUnknownType, "no such type"))
		alice.wantError(wire.CodeUnknownType, 1)
		alice.conn.link.Malformed(0, 100, wire.Refuse(wire.CodeBadMessage, "not JSON"))
		alice.wantError(wire.CodeBadMessage, 0)
		alice.conn.link.Malformed(9, 100, wire.Refuse(wire.CodeBadMessage, "not JSON"))
		alice.wantError(wire.CodeOutOfOrder, 0)
		alice.id = 1
		alice.join("room")
		alice.send(&wire.Message{Type: wire.TypeHello})
		alice.wantError(wire.CodeDuplicateHello, 0)
		alice.wantClosed("")
		alice.conn.link.Malformed(0, 100, wire.Refuse(wire.CodeNotText, "binary"))
		alice.wantError(wire.CodeNotText, 0)
		alice.wantClosed(wire.CodeNotText)
		alice.resume(alice.conn.had) // the session is still there
		alice.welcomed(true)
		if _, err := alice.conn.link.Receive(&wire.Message{Type: wire.TypeICE, ID: 3}, 64<<10+1); err == nil {
			t.Error("a frame that is too big does not end the link")
		}
		alice.wantError(wire.CodeTooBig, 0)
		alice.wantClosed(wire.CodeTooBig)
		alice.resume(alice.conn.had)
		alice.wantError(wire.CodeSessionGone, 0)
		alice.wantClosed(wire.CodeSessionGone)
	})
}

func TestFirstFrameMustBeHello(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		for _, tt := range []struct {
			m    *wire.Message
			want wire.Code
		}{
			{&wire.Message{Type: wire.TypeJoin, Room: "room"}, wire.CodeHelloExpected},
			{&wire.Message{Type: wire.TypePing}, wire.CodeHelloExpected},
			{&wire.Message{Type: "nonsense"}, wire.CodeHelloExpected},
			{&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Versions: []string{"signal.v9"}}}, wire.CodeUnsupportedVersion},
			{&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Versions: []string{}}}, wire.CodeUnsupportedVersion},
			{&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Resume: &wire.Resume{Token: "x", Nonce: "short"}}}, wire.CodeBadMessage},
			{&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Resume: &wire.Resume{Token: "x", Nonce: "0123456789 abcdef"}}}, wire.CodeBadMessage},
			{&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Resume: &wire.Resume{Token: "x", Nonce: "0123456789abcdef"}}}, wire.CodeSessionGone},
		} {
			c := h.client(t)
			c.connect()
			if err := c.send(tt.m); err == nil {
				t.Errorf("%s: the link is not over", tt.m.Type)
			}
			c.wantError(tt.want, 0)
			c.wantClosed(tt.want)
		}
	})
}

func TestHelloTimeout(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		c := h.client(t)
		c.connect()
		start := time.Now()
		time.Sleep(5*time.Second - 1)
		c.wantClosed("")
		time.Sleep(time.Nanosecond)
		c.wantError(wire.CodeHelloTimeout, 0)
		c.wantClosed(wire.CodeHelloTimeout)
		h.wantLimit(LimitHello, 1)
		if d := c.conn.at.Sub(start); d != 5*time.Second {
			t.Errorf("closed after %v, want 5s", d)
		}
	})
}

func TestHeartbeat(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.mute.Store(true)
		start, before := time.Now(), alice.srv.Stats().Taken
		time.Sleep(10*time.Second - 1)
		if n := alice.srv.Stats().Taken; n != before {
			t.Errorf("%d frames before 10s", n-before)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := alice.srv.Stats().Taken; n != before+1 {
			t.Errorf("%d frames after 10s, want a ping", n-before)
		}
		time.Sleep(time.Minute)
		alice.wantClosed(wire.CodeIdle)
		if d := alice.conn.at.Sub(start); d != 25*time.Second {
			t.Errorf("dead after %v, want 25s", d)
		}
		carol := h.hello(t) // who was sent something needs no ping
		before = carol.srv.Stats().Taken
		time.Sleep(5 * time.Second)
		carol.send(&wire.Message{Type: wire.TypePing})
		time.Sleep(10*time.Second - 1)
		carol.want(wire.TypePong)
		if n := carol.srv.Stats().Taken; n != before+1 {
			t.Errorf("%d frames, want a pong", n-before)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := carol.srv.Stats().Taken; n != before+2 {
			t.Errorf("%d frames, want a pong and a ping", n-before)
		}
		carol.cut()
		bob := h.hello(t) // who answers lives
		time.Sleep(10 * time.Minute)
		bob.wantClosed("")
		bob.send(&wire.Message{Type: wire.TypePing})
		bob.want(wire.TypePong)
	})
}

func TestAwayBackAndLeft(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		time.Sleep(500 * time.Millisecond) // an ack of before is due in between
		bob.tell(alice, "room", `1`)
		alice.wantMessage(bob, `1`)
		time.Sleep(500 * time.Millisecond)
		bob.cut()
		time.Sleep(time.Second - 1)
		alice.wantNothing()
		bob.resume(bob.conn.had) // a blip is silent
		bob.welcomed(true)
		time.Sleep(5 * time.Second)
		alice.wantNothing()
		bob.cut()
		time.Sleep(time.Second)
		if m := alice.want(wire.TypePeerAway); m.From != bob.peer || m.Room != "room" {
			t.Errorf("got %+v", m)
		}
		if p := alice.join("room"); !p[0].Away {
			t.Errorf("the snapshot does not say away: %+v", p)
		}
		time.Sleep(58 * time.Second)
		bob.elsewhere()
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		if m := alice.want(wire.TypePeerBack); m.From != bob.peer || !m.Resumed {
			t.Errorf("got %+v", m)
		}
		bob.cut()
		lost := time.Now()
		time.Sleep(time.Second)
		alice.want(wire.TypePeerAway)
		time.Sleep(59*time.Second - 1)
		alice.wantNothing()
		time.Sleep(time.Nanosecond)
		if m := alice.want(wire.TypePeerLeft); m.From != bob.peer || m.Reason != wire.ReasonTimeout || time.Since(lost) != time.Minute {
			t.Errorf("got %+v after %v", m, time.Since(lost))
		}
		bob.resume(bob.conn.had)
		bob.wantError(wire.CodeSessionGone, 0)
		bob.wantClosed(wire.CodeSessionGone)
	})
}

func TestByeAndClosedPage(t *testing.T) {
	var mu sync.Mutex
	var ended []string
	eachTopology(t, Config{Ended: func(peer string) {
		mu.Lock()
		defer mu.Unlock()
		ended = append(ended, peer)
	}}, func(t *testing.T, h *harness) {
		ended = nil
		alice, bob := h.pair(t)
		carol := h.hello(t)
		carol.join("room")
		alice.frames()
		bob.tell(alice, "room", `"last words"`)
		bob.send(&wire.Message{Type: wire.TypeBye})
		bob.wantClosed(wire.CodeBye)
		alice.wantMessage(bob, `"last words"`)
		if m := alice.want(wire.TypePeerLeft); m.From != bob.peer || m.Reason != wire.ReasonLeft {
			t.Errorf("got %+v", m)
		}
		carol.conn.link.Detach(fmt.Errorf("close 1001: %w", ErrLeft))
		if m := alice.want(wire.TypePeerLeft); m.From != carol.peer || m.Reason != wire.ReasonLeft {
			t.Errorf("got %+v", m)
		}
		for _, c := range []*client{bob, carol} {
			c.resume(0)
			c.wantError(wire.CodeSessionGone, 0)
			if c.srv.Alive(c.peer) {
				t.Error("a session that ended is alive")
			}
		}
		synctest.Wait()
		if want := []string{bob.peer, carol.peer}; !slices.Equal(ended, want) {
			t.Errorf("told that %v ended, want %v", ended, want)
		}
	})
}

// TestSessionCostsLittle bounds what an idle peer in a room costs, beyond names:
// its session, its link, its timer, its membership, and its places in maps. In
// a bubble no timer fires meanwhile: the runtime keeps what their goroutines
// took.
func TestSessionCostsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, want = 4000, 1300
		srv := New(Config{})
		links := make([]*Link, n)
		room := make([]string, n)
		for i := range room {
			room[i] = fmt.Sprint("room ", i/2)
		}
		before := liveBytes()
		var batch []Outgoing
		for i := range links {
			links[i] = idlePeer(t, srv, room[i])
		}
		for _, l := range links {
			batch, _ = l.Take(batch[:0], 10)
			l.Receive(&wire.Message{Type: wire.TypeAck, Ack: batch[len(batch)-1].Seq}, 20)
		}
		clear(batch)
		perPeer := (liveBytes() - before) / n
		t.Logf("session %d, link %d, member %d bytes; in all, with half a room and its roster, %d",
			unsafe.Sizeof(session{}), unsafe.Sizeof(Link{}), unsafe.Sizeof(member{}), perPeer)
		if perPeer > want {
			t.Errorf("a peer costs %d bytes in all, want at most %d", perPeer, want)
		}
		for _, l := range links {
			l.Detach(ErrLeft)
		}
		srv.Shutdown(t.Context())
	})
}

// idlePeer lets a client in, and into a room.
func idlePeer(t *testing.T, srv *Server, room string) *Link {
	l, err := srv.Admit(LinkInfo{})
	if err != nil {
		t.Fatal(err)
	}
	l.Start(blackHole{})
	l.Receive(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}}, 20)
	l.Receive(&wire.Message{Type: wire.TypeJoin, ID: 1, Room: room}, 20)
	synctest.Wait()
	return l
}

func liveBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

type blackHole struct{}

func (blackHole) Wake()           {}
func (blackHole) Close(wire.Code) {}
