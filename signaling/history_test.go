package signaling

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// sdk is a client as a real one behaves: it keeps what is not acknowledged,
// sends it again behind a resume, and drops nothing.
type sdk struct {
	*client
	kept    []*wire.Message // sent, not acknowledged
	away    map[string]bool // as it was told
	members map[string]bool
	seen    map[string]int // by sender: the last number
	to      map[string]int // by receiver ("": all): the last number
	had     uint64
	linked  bool
	lost    bool // resumed: false came
}

func (s *sdk) sendNumbered(m *wire.Message) {
	s.id++
	m.ID = s.id
	s.kept = append(s.kept, m)
	if s.linked {
		s.transmit(m)
	}
}

func (s *sdk) transmit(m *wire.Message) {
	copied := *m
	copied.Ack = s.had
	s.sendTo(s.conn, &copied)
}

// read takes in what has come, and checks it.
func (s *sdk) read() {
	for {
		o, ok := s.conn.next()
		if !ok {
			break
		}
		for len(s.kept) > 0 && s.kept[0].ID <= o.Ack {
			s.kept = s.kept[1:]
		}
		if o.Seq != 0 {
			if o.Seq != s.had+1 {
				s.t.Fatalf("%s got seq %d behind %d", s.peer, o.Seq, s.had)
			}
			s.had = o.Seq
		}
		s.take(o.Body.Message)
	}
	if s.conn.code() != "" {
		s.linked = false
	}
}

func (s *sdk) take(m *wire.Message) {
	switch m.Type {
	case wire.TypeWelcome:
		s.client.token = m.Welcome.Token
		s.nonce = fmt.Sprintf("nonce-number-%06d-%06d", s.h.made, s.id)
		s.h.made++
		if m.Welcome.Resumed {
			for _, k := range s.kept {
				s.transmit(k)
			}
		} else {
			s.lost = true
		}
	case wire.TypeJoined:
		s.members, s.away = map[string]bool{}, map[string]bool{}
		for _, p := range m.Peers {
			s.members[p.ID], s.away[p.ID] = true, p.Away
		}
	case wire.TypePeerJoined:
		s.members[m.Peer.ID], s.away[m.Peer.ID] = true, m.Peer.Away
	case wire.TypePeerLeft:
		delete(s.members, m.From)
	case wire.TypePeerAway:
		if s.away[m.From] {
			s.t.Errorf("%s: peer-away of %s, twice", s.peer, m.From)
		}
		s.away[m.From] = true
	case wire.TypePeerBack:
		if !s.away[m.From] {
			s.t.Errorf("%s: peer-back of %s, which was there", s.peer, m.From)
		}
		s.away[m.From] = false
	case wire.TypeMessage:
		var n int
		var to string
		fmt.Sscanf(string(m.Data), `"%d %s"`, &n, &to)
		key := m.From + string(m.Data[len(m.Data)-2]) // separately: to all, to me
		if n != s.seen[key]+1 {
			s.t.Errorf("%s got message %d of %s behind %d", s.peer, n, key, s.seen[key])
		}
		s.seen[key] = n
		if !s.members[m.From] {
			s.t.Errorf("%s got a message of %s, which is not there", s.peer, m.From)
		}
	case wire.TypeError:
		s.t.Errorf("%s got error %s %q, re %d", s.peer, m.Code, m.Text, m.Re)
	}
}

// TestRandomHistories lets clients that cut, resume here and there, and send
// meanwhile, and then checks that nothing was lost, doubled or reordered.
func TestRandomHistories(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		servers := 1 + 2*int(seed%2)
		t.Run(fmt.Sprintf("seed=%d,servers=%d", seed, servers), func(t *testing.T) {
			inBubble(t, servers, Config{}, func(t *testing.T, h *harness) { randomHistory(t, h, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func randomHistory(t *testing.T, h *harness, r *rand.Rand) {
	var all []*sdk
	for range 4 {
		c := h.hello(t)
		s := &sdk{client: c, linked: true, seen: map[string]int{}, to: map[string]int{}, members: map[string]bool{}, away: map[string]bool{}}
		s.sendNumbered(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		all = append(all, s)
		synctest.Wait()
	}
	for range 150 {
		s := all[r.IntN(len(all))]
		switch k := r.IntN(20); {
		case k < 9:
			if to := all[r.IntN(len(all))]; to != s {
				s.tellNumbered(to.peer)
			}
		case k < 11:
			s.tellNumbered("")
		case k < 14:
			s.read()
		case k < 15 && s.linked:
			s.read()
			s.linked = false
			s.cut()
		case k < 17:
			s.comeBack(r)
		case k < 19:
			storm(all, r)
		default:
			time.Sleep(time.Duration(r.IntN(900)) * time.Millisecond)
		}
	}
	for _, s := range all {
		s.comeBack(r)
		s.read()
	}
	time.Sleep(5 * time.Second)
	for _, s := range all {
		s.read()
		if !s.linked {
			t.Fatalf("%s was closed with %s", s.peer, s.conn.code())
		}
		if len(s.kept) > 0 || s.lost {
			t.Errorf("%s: %d frames were not acknowledged; lost: %v", s.peer, len(s.kept), s.lost)
		}
		s.check(t, all)
	}
}

// check fails unless s knows all others, and has all that they sent.
func (s *sdk) check(t *testing.T, all []*sdk) {
	t.Helper()
	for _, o := range all {
		if o == s {
			continue
		}
		if got, want := s.seen[o.peer+"1"], o.to[s.peer]; got != want {
			t.Errorf("%s got %d of %d messages of %s", s.peer, got, want, o.peer)
		}
		if got, want := s.seen[o.peer+"*"], o.to[""]; got != want {
			t.Errorf("%s got %d of %d messages of %s to all", s.peer, got, want, o.peer)
		}
		if !s.members[o.peer] || s.away[o.peer] {
			t.Errorf("%s: %s is not there, or away", s.peer, o.peer)
		}
	}
}

// storm lets some come back while all others send to them.
func storm(all []*sdk, r *rand.Rand) {
	resuming := r.IntN(1 << len(all))
	var wg sync.WaitGroup
	for i, s := range all {
		if resuming&(1<<i) != 0 {
			s.read()
			if r.IntN(2) == 0 {
				s.elsewhere()
			}
			wg.Go(func() { s.resume(s.had) })
			s.linked = true
			continue
		}
		wg.Go(func() {
			for j := range 12 {
				if to := all[j%len(all)]; to != s {
					s.tellNumbered(to.peer)
				} else {
					s.tellNumbered("")
				}
			}
		})
	}
	wg.Wait()
	synctest.Wait()
	for _, s := range all {
		s.read()
	}
	time.Sleep(time.Second)
}

// tellNumbered sends the next number to a peer, or to all.
func (s *sdk) tellNumbered(to string) {
	s.to[to]++
	kind := "1"
	if to == "" {
		kind = "*"
	}
	s.sendNumbered(&wire.Message{
		Type: wire.TypeMessage, Room: "room", To: to, Data: []byte(fmt.Sprintf(`"%d %s"`, s.to[to], kind)),
	})
}

// comeBack resumes, here or elsewhere, whatever became of the old link.
func (s *sdk) comeBack(r *rand.Rand) {
	if r.IntN(2) == 0 {
		s.elsewhere()
	}
	s.resume(s.had)
	s.linked = true
	synctest.Wait() // nothing may be sent before the welcome
	s.read()
}
