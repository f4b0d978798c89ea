package signaling

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// TestMemoryIsBounded has one client write to many that do not read.
func TestMemoryIsBounded(t *testing.T) {
	const most = 8 << 20
	cfg := Config{MaxMemory: most, Rate: 1e6, Burst: 1e6, Bytes: 1 << 40, MaxPeers: 100}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		srv, fast := h.servers[0], h.hello(t)
		fast.join("room")
		var stuck []*client
		for range 60 {
			c := h.hello(t)
			c.join("room")
			c.conn.setLazy(true)
			stuck = append(stuck, c)
		}
		fast.frames()
		if err := srv.Ready(); err != nil {
			t.Fatal(err)
		}
		peak := 0
		for range 200 {
			fast.tell(nil, "room", string(long(10_000)))
			fast.frames()
			fast.ack()
			peak = max(peak, srv.Stats().Memory)
		}
		if peak < most/2 || peak > 2*most {
			t.Errorf("the most that was kept are %d bytes, want at most %d", peak, 2*most)
		}
		fast.wantClosed("")
		for _, c := range stuck {
			c.send(&wire.Message{Type: wire.TypeBye})
		}
		time.Sleep(2 * time.Minute)
		fast.frames()
		if err := srv.Ready(); err != nil {
			t.Error(err)
		}
		h.hello(t)
	})
}

// TestNobodyIsLetInWhileMemoryIsFull fills it, and waits.
func TestNobodyIsLetInWhileMemoryIsFull(t *testing.T) {
	cfg := Config{MaxMemory: 1 << 20, Rate: 1e6, Burst: 1e6, Bytes: 1 << 40}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		srv := h.servers[0]
		alice, bob := h.pair(t)
		bob.cut()
		for srv.Ready() == nil {
			if srv.Stats().Memory >= cfg.MaxMemory {
				t.Fatal("it is ready, and full")
			}
			alice.tell(bob, "room", string(long(10_000)))
		}
		var refused *Error
		if _, err := srv.Admit(LinkInfo{}); !errors.As(err, &refused) || refused.Code != wire.CodeUnavailable {
			t.Errorf("Admit: %v", err)
		}
		h.wantLimit(LimitMemory, 1)
		alice.frames()
		time.Sleep(61 * time.Second) // bob does not come back
		alice.frames()
		if err := srv.Ready(); err != nil {
			t.Error(err)
		}
		h.hello(t)
	})
}

// TestQueuesCountForMemory has clients whose hello takes long send on.
func TestQueuesCountForMemory(t *testing.T) {
	const most = 4 << 20
	cfg := Config{MaxMemory: most, Rate: 1e6, Burst: 1e6, Bytes: 1 << 40, Authenticate: func(ctx context.Context, _ Hello) (Identity, error) {
		<-ctx.Done()
		return Identity{}, ctx.Err()
	}}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		var all []*client
		for range 10 {
			c := h.client(t)
			c.connect()
			c.send(&wire.Message{Type: wire.TypeHello})
			all = append(all, c)
		}
		for _, c := range all {
			for range maxQueue {
				c.send(&wire.Message{Type: wire.TypeMessage, Room: "room", Data: long(30_000)})
			}
		}
		if n := h.servers[0].Stats().Memory; n > most+64<<10 {
			t.Errorf("%d bytes are kept, want at most %d", n, most)
		}
		all[len(all)-1].wantClosed(wire.CodeUnavailable)
		time.Sleep(30 * time.Second)
	})
}

// TestMemoryReturnsToZero moves sessions with full outboxes between servers,
// cuts, resumes and ends them.
func TestMemoryReturnsToZero(t *testing.T) {
	eachTopology(t, Config{Rate: 1e6, Burst: 1e6, Bytes: 1 << 30, Outbox: 100_000}, func(t *testing.T, h *harness) {
		random := rand.New(rand.NewPCG(1, 2))
		var all []*client
		for range 6 {
			c := h.hello(t)
			c.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
			all = append(all, c)
		}
		for range 300 {
			c := all[random.IntN(len(all))]
			switch synctest.Wait(); random.IntN(6) {
			case 0:
				c.cut()
			case 1:
				c.elsewhere()
				c.resume(c.conn.had)
				for _, o := range c.frames() {
					if w := o.Welcome; w != nil {
						c.token, c.nonce = w.Token, h.newNonce()
						if !w.Resumed {
							c.id, c.conn.had = 0, 0
							c.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
						}
					}
				}
			case 2:
				c.conn.setLazy(!c.conn.isLazy())
			case 3:
				c.ack()
			default:
				c.tell(nil, "room", string(long(random.IntN(20_000)+10)))
			}
		}
		for _, c := range all {
			c.cut()
		}
		time.Sleep(5 * time.Minute)
		for i, s := range h.servers {
			if n := s.Stats().Memory; n != 0 {
				t.Errorf("server %d counts %d bytes", i, n)
			}
		}
	})
}

// TestSizesAreHonest compares what a message counts with what it takes, as it
// waits in an outbox, encoded.
func TestSizesAreHonest(t *testing.T) {
	live := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	for _, size := range []int{2, 250, 2500, 32_000} {
		const n = 1000
		s, before, counted := &session{peer: newPeerID()}, live(), 0
		for i := range n {
			text := fmt.Sprintf(`{"id":%d,"type":"message","room":"some-room","to":"%s","n":%d,"data":"%s"}`, i+1, s.peer, i+1, strings.Repeat("x", size-2))
			m, err := wire.Scan([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			b := s.relayed(m)
			b.JSON()
			s.out.put(b, sizeOf(m))
			counted += sizeOf(m)
		}
		real := live() - before
		if ratio := float64(counted) / float64(real); ratio < 0.85 || ratio > 1.4 {
			t.Errorf("%d bytes of data take %d and count %d", size, real/n, counted/n)
		}
		runtime.KeepAlive(s)
	}
}

// TestRostersCountForMemory has one client join room after room with all the data
// that it may.
func TestRostersCountForMemory(t *testing.T) {
	const most = 1 << 20
	cfg := Config{MaxMemory: most, MaxRooms: 1000, JoinRate: -1, Rate: 1e6, Burst: 1e6, Bytes: 1 << 40, Outbox: 1 << 20}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		srv, c := h.servers[0], h.hello(t)
		room := func(i int) string { return fmt.Sprintf("room-%d", i) }
		idle := srv.Stats().Memory
		join := func(i int) bool {
			c.send(&wire.Message{Type: wire.TypeJoin, Room: room(i), Data: long(4000)})
			frames := c.frames()
			c.ack()
			last := frames[len(frames)-1]
			if last.Type == wire.TypeError && last.Code != wire.CodeUnavailable {
				t.Fatalf("join: %s %s", last.Code, last.Text)
			}
			return last.Type == wire.TypeJoined
		}
		rooms := 0
		for rooms < 1000 && join(rooms) {
			rooms++
		}
		if n := srv.Stats().Memory; n < most || n > most+8<<10 || rooms < 200 || rooms > most/4000 {
			t.Fatalf("%d rooms, and %d bytes, which can be %d", rooms, n, most)
		}
		h.wantLimit(LimitMemory, 1)
		c.send(&wire.Message{Type: wire.TypeUpdate, Room: room(0), Data: long(4000)})
		c.wantError(wire.CodeUnavailable, c.id)
		c.send(&wire.Message{Type: wire.TypeWatch, Users: []string{"ben"}})
		c.wantError(wire.CodeUnavailable, c.id)

		for i := range rooms {
			c.send(&wire.Message{Type: wire.TypeLeave, Room: room(i)})
			c.frames()
			c.ack()
		}
		if n := srv.Stats().Memory; n > idle+4<<10 {
			t.Errorf("%d bytes are counted, %d more than without a room", n, n-idle)
		}
		if !join(0) {
			t.Error("it does not come into a room, and there is place again")
		}
	})
}
