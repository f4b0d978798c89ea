package client

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Three clients send to each other while everything happens to their
// connections and their server.
func TestRandomHistories(t *testing.T) {
	histories := uint64(300)
	if testing.Short() {
		histories = 30
	}
	for seed := range histories {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t, signaling.Config{})
			random := rand.New(rand.NewPCG(seed, 2))
			ps := []*player{h.join(Config{}), h.join(Config{}), h.join(Config{})}
			synctest.Wait()
			sent := make(map[[2]int]int)
			for range 40 {
				h.happen(random, ps, sent)
			}
			h.block(false)
			after(2 * time.Minute)
			checkHistory(t, seed, ps, sent)
			for _, p := range ps {
				p.close()
			}
		})
		if t.Failed() {
			return
		}
	}
}

// happen is one step of a history.
func (h *harness) happen(random *rand.Rand, ps []*player, sent map[[2]int]int) {
	from := random.IntN(len(ps))
	to := (from + 1 + random.IntN(len(ps)-1)) % len(ps)
	switch k := random.IntN(100); {
	case k < 60:
		n := 1 + random.IntN(5)
		ps[from].send(ps[to], sent[[2]int{from, to}], n)
		sent[[2]int{from, to}] += n
	case k < 70:
		h.cutSome(random)
	case k < 75:
		h.stallSome(random)
		ps[from].client.Probe()
	case k < 80:
		h.replace()
	case k < 84:
		h.block(true)
	case k < 90:
		h.block(false)
	case k < 95:
		time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
	default:
		synctest.Wait()
	}
}

func (h *harness) cutSome(random *rand.Rand) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		if random.IntN(2) == 0 {
			c.Cut()
		}
	}
}

func (h *harness) stallSome(random *rand.Rand) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		if random.IntN(3) == 0 {
			c.Stall()
		}
	}
}

func checkHistory(t *testing.T, seed uint64, ps []*player, sent map[[2]int]int) {
	t.Helper()
	for pair, n := range sent {
		if got := ps[pair[1]].had(ps[pair[0]].client.ID()); got != numbers(n) {
			t.Errorf("seed %d: %d had %s of %d, want %d", seed, pair[1], got, pair[0], n)
		}
	}
	for i, p := range ps {
		if told := p.told(); strings.Contains(told, "PeerLeft") || p.client.Err() != nil {
			t.Errorf("seed %d: %d was told %s; %v", seed, i, told, p.client.Err())
		}
		for id, l := range p.client.lines {
			if len(l.out.parcels) > 0 || len(l.in.early) > 0 {
				t.Errorf("seed %d: %d keeps %d unconfirmed and %d early frames with %s", seed, i, len(l.out.parcels), len(l.in.early), id)
			}
		}
		if n := len(p.client.out.sent) + len(p.client.out.queue); n > 0 || p.client.out.bytes != 0 {
			t.Errorf("seed %d: %d keeps %d frames of %d bytes for the server", seed, i, n, p.client.out.bytes)
		}
	}
}

// Whatever a server sends, the client neither panics nor grows without bound.
func FuzzReceive(f *testing.F) {
	peer, other := strings.Repeat("A", 20), strings.Repeat("B", 20)
	f.Add(`{"seq":1,"type":"joined","re":1,"room":"r","peers":[{"id":"` + peer + `","offers":true}]}
{"seq":2,"type":"message","room":"r","from":"` + peer + `","n":2,"got":1,"base":2,"data":1}
{"seq":3,"type":"peer-away","room":"r","from":"` + peer + `"}
{"seq":4,"type":"error","re":2,"code":"no_such_peer"}
{"seq":5,"type":"peer-left","room":"r","from":"` + peer + `","reason":"left"}`)
	f.Add(`{"seq":1,"type":"waiting","re":1,"room":"r","after":300000,"ice":{"list":[],"ttl":0}}
{"seq":2,"type":"joined","room":"r","role":"host","rules":{"lobby":true},"peers":[{"id":"` + peer + `","role":"viewer"}]}
{"seq":3,"type":"role","room":"r","from":"` + peer + `","role":"viewer"}
{"seq":4,"type":"rules","room":"r","rules":{"candidates":"relay"}}
{"seq":5,"type":"knock","room":"r","peer":{"id":"` + peer + `"}}
{"seq":6,"type":"knock-ended","room":"r","from":"` + peer + `","reason":"denied"}
{"seq":7,"type":"mute-request","room":"r","from":"` + peer + `","data":{}}
{"seq":8,"type":"peer-left","room":"r","from":"` + other + `","reason":"kicked","text":"out"}`)
	f.Add(`{"seq":1,"type":"waiting","re":1,"room":"r"}
{"seq":2,"type":"denied","room":"r","reason":"denied","text":"no"}`)
	f.Add(`{"type":"ping"}
{"seq":1,"ack":9,"type":"going-away","after":1}`)
	f.Add(`{"seq":1,"type":"joined","re":1,"room":"r","peers":[{"id":"` + other + `"},{"id":"` + other + `"}]}
{"seq":2,"type":"peer-joined","room":"r","peer":{"id":"` + other + `","data":{"a":1}}}
{"seq":3,"type":"offer","room":"r","from":"` + other + `","pc":1,"gen":1,"n":1,"data":{}}`)
	f.Fuzz(func(t *testing.T, script string) {
		c := newClient(t.Context(), "ws://server/ws", Config{}.withDefaults())
		l := &link{wakeup: make(chan struct{}, 1), suspect: make(chan struct{}, 1)}
		c.link, c.welcome = l, wire.Welcome{Peer: other, Window: 1000, Limits: wire.Limits{Message: 65536}}
		c.pace = newPace(50, 200, 262144, time.Now())
		r := newRoom(c, "r", JoinOptions{Metadata: json.RawMessage(`{}`)})
		if err := c.joinRoom(r); err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(script, "\n") {
			c.next(l, nil)
			m, err := wire.Scan([]byte(line))
			_ = c.receive(l, m, err, len(line))
			if i == 0 {
				_, _ = r.trySend(&wire.Message{Type: wire.TypeMessage, Room: "r", To: peer, Data: json.RawMessage(`1`)})
			}
		}
		for buf, _ := c.next(l, nil); len(buf) > 0; buf, _ = c.next(l, nil) {
			if _, err := wire.Scan(buf); err != nil {
				t.Fatalf("wrote %s: %v", buf, err)
			}
		}
		c.finish(ErrClosed)
	})
}

func TestMessagesSentBeforeLeaveArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		for i := range 3 {
			a.send(b, 10*i, 10)
			if err := a.room.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
			a.done.Wait()
			var err error
			if a.room, err = a.client.Join(t.Context(), "r", nil); err != nil {
				t.Fatal(err)
			}
			a.done.Go(a.read)
			synctest.Wait()
		}
		a.send(b, 30, 10)
		after(5 * time.Second)
		if got := b.had(a.client.ID()); got != numbers(40) {
			t.Errorf("b had %s", got)
		}
		if got, want := b.told(), "PeerJoined PeerLeft(left) RoleChanged(host) PeerJoined"+strings.Repeat(" PeerLeft(left) PeerJoined", 2); got != want {
			t.Errorf("b was told %s, want %s", got, want)
		}
		a.close()
		b.close()
	})
}

func TestFramesToAPeerThatLeftHoldNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		a.send(b, 0, 3)
		synctest.Wait()
		// b leaves, and a sends before it can know.
		go func() { _ = b.room.Leave(t.Context()) }()
		_ = a.room.Send(t.Context(), b.client.ID(), json.RawMessage(`"lost"`))
		after(2 * time.Second)
		b.done.Wait()
		var err error
		if b.room, err = b.client.Join(t.Context(), "r", nil); err != nil {
			t.Fatal(err)
		}
		b.done.Go(b.read)
		synctest.Wait()
		a.send(b, 3, 3)
		after(5 * time.Second)
		if got := strings.ReplaceAll(b.had(a.client.ID()), ` "lost"`, ""); got != numbers(6) {
			t.Errorf("b had %s", got)
		}
		a.close()
		b.close()
	})
}

func TestMessagesOverTwoRoomsAreOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		second := make([]*Room, 2)
		for i, p := range []*player{a, b} {
			var err error
			if second[i], err = p.client.Join(t.Context(), "second", nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		for i := range 20 {
			room := []*Room{a.room, second[0]}[i%2]
			if err := room.Send(t.Context(), b.client.ID(), fmt.Appendf(nil, "%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		h.replace()
		after(20 * time.Second)
		if got, want := b.had(a.client.ID()), "0 2 4 6 8 10 12 14 16 18"; got != want {
			t.Errorf("b had %s in the first room, want %s", got, want)
		}
		b.room = second[1]
		b.done.Go(b.read)
		synctest.Wait()
		if got, want := b.had(a.client.ID()), "0 2 4 6 8 10 12 14 16 18 1 3 5 7 9 11 13 15 17 19"; got != want {
			t.Errorf("b had %s in both, want %s", got, want)
		}
		a.close()
		b.close()
	})
}
