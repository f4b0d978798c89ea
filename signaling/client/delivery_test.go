package client

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A crossing is two clients' ends of one line, over nodes that reorder, double
// and forget.
type crossing struct {
	t      *testing.T
	random *rand.Rand
	ends   [2]*end
}

// An end is one client: what it sends, what it has had, and what is on its way
// to it. Each of its lists is a node, which keeps its own order.
type end struct {
	out    mailbox
	in     delivery
	sent   []string // data of all that was taken and not refused
	had    []string
	flight [3][]*wire.Message
}

func newCrossing(t *testing.T, seed uint64) *crossing {
	x := &crossing{t: t, random: rand.New(rand.NewPCG(seed, 1))}
	for i := range x.ends {
		x.ends[i] = new(end)
	}
	return x
}

// transmit puts a copy with the current got and base under way to the other.
func (x *crossing) transmit(from int, m *wire.Message) {
	e, to := x.ends[from], x.ends[1-from]
	c := *m
	c.Got, c.Base = e.in.got, e.out.base()
	e.in.confirmed()
	node := x.random.IntN(len(to.flight))
	to.flight[node] = append(to.flight[node], &c)
	if x.random.IntN(8) == 0 {
		to.flight[node] = append(to.flight[node], &c)
	}
}

func (x *crossing) send(from int) {
	e := x.ends[from]
	data := strconv.Itoa(len(e.sent))
	if e.out.full(len(data)) {
		return
	}
	e.sent = append(e.sent, data)
	x.transmit(from, e.out.add(&wire.Message{Type: wire.TypeMessage, Data: []byte(data)}, nil).msg)
}

// refuse is what a server does to a frame before it has gone anywhere.
func (x *crossing) refuse(from int) {
	e := x.ends[from]
	data := "refused"
	p := e.out.add(&wire.Message{Type: wire.TypeMessage, Data: []byte(data)}, nil)
	e.out.giveUp(func(other *parcel) bool { return other == p })
	if e.out.base() != 0 && len(e.out.parcels) == 0 {
		x.transmit(from, &wire.Message{Type: wire.TypeGot})
	}
}

func (x *crossing) arrive(at int) {
	e := x.ends[at]
	node := x.random.IntN(len(e.flight))
	if len(e.flight[node]) == 0 {
		return
	}
	m := *e.flight[node][0]
	e.flight[node] = e.flight[node][1:]
	if e.out.confirm(m.Got) && e.out.base() != 0 {
		x.transmit(at, &wire.Message{Type: wire.TypeGot})
	}
	for _, up := range e.in.receive(&m) {
		e.had = append(e.had, string(up.Data))
	}
	if e.in.owed >= confirmAfter {
		x.transmit(at, &wire.Message{Type: wire.TypeGot})
	}
}

// forget loses a node with all that it had; both ends then resend, as they do
// after resumed:false and peer-back{resumed:false}.
func (x *crossing) forget() {
	node := x.random.IntN(len(x.ends[0].flight))
	for i, e := range x.ends {
		e.flight[node] = nil
		x.resend(i)
	}
}

func (x *crossing) resend(from int) {
	e := x.ends[from]
	for _, p := range e.out.parcels {
		x.transmit(from, p.msg)
	}
	if len(e.out.parcels) == 0 && e.out.base() != 0 {
		x.transmit(from, &wire.Message{Type: wire.TypeGot})
	}
}

func (x *crossing) settle() {
	for i := range x.ends {
		x.resend(i)
	}
	for i := range 2000 {
		x.arrive(0)
		x.arrive(1)
		if i%200 == 0 { // the second within which a confirmation comes
			x.confirm(0)
			x.confirm(1)
		}
	}
}

func (x *crossing) confirm(from int) {
	if x.ends[from].in.owed > 0 {
		x.transmit(from, &wire.Message{Type: wire.TypeGot})
	}
}

func (x *crossing) check(seed uint64) {
	for i, e := range x.ends {
		other := x.ends[1-i]
		if got, want := fmt.Sprint(e.had), fmt.Sprint(other.sent); got != want {
			x.t.Fatalf("seed %d: end %d had %v, want %v", seed, i, got, want)
		}
		if e.in.bytes != 0 || len(e.in.early) != 0 {
			x.t.Fatalf("seed %d: end %d still keeps %d early frames of %d bytes", seed, i, len(e.in.early), e.in.bytes)
		}
	}
}

func TestEveryMessageArrivesOnceAndInOrder(t *testing.T) {
	histories := uint64(5000)
	if testing.Short() {
		histories = 500
	}
	for seed := range histories {
		x := newCrossing(t, seed)
		for range 150 {
			who := x.random.IntN(2)
			switch k := x.random.IntN(100); {
			case k < 35:
				x.send(who)
			case k < 93:
				x.arrive(who)
			case k < 97:
				x.refuse(who)
			default:
				x.forget()
			}
		}
		x.settle()
		x.check(seed)
	}
}

func TestMailboxWaitsAtItsBound(t *testing.T) {
	var b mailbox
	big := make([]byte, 100<<10)
	for range 2 {
		if b.full(len(big)) {
			t.Fatal("full too early")
		}
		b.add(&wire.Message{Data: big}, nil)
	}
	if !b.full(len(big)) {
		t.Error("300 KiB fit")
	}
	if !b.confirm(1) || b.full(len(big)) {
		t.Error("a confirmation made no room")
	}
	if b.confirm(1) {
		t.Error("a confirmation said twice was news")
	}
}

func TestFirstParcelAlwaysFits(t *testing.T) {
	var b mailbox
	if b.full(10 * deliveryBound) {
		t.Error("an empty mailbox is full")
	}
}

func TestGapIsAnnouncedOnlyWhenItHoldsUp(t *testing.T) {
	var b mailbox
	first := b.add(&wire.Message{}, nil)
	second := b.add(&wire.Message{}, nil)
	b.add(&wire.Message{}, nil)
	b.giveUp(func(p *parcel) bool { return p == second })
	if got := b.base(); got != 0 {
		t.Errorf("base %d while frame 1 is still to come, want 0", got)
	}
	if !second.over || first.over {
		t.Error("the wrong one was given up")
	}
	b.confirm(1)
	if got := b.base(); got != 3 {
		t.Errorf("base %d, want 3", got)
	}
}

func TestHostileSenderIsBounded(t *testing.T) {
	var d delivery
	data := make([]byte, 60<<10)
	for n := uint64(2); n < 2000; n++ {
		if up := d.receive(&wire.Message{Type: wire.TypeMessage, N: n, Data: data}); up != nil {
			t.Fatal("handed up over a gap")
		}
	}
	if d.bytes > deliveryBound {
		t.Errorf("keeps %d bytes", d.bytes)
	}
	d = delivery{}
	for n := uint64(2); n < 20000; n++ {
		d.receive(&wire.Message{Type: wire.TypeMessage, N: n})
	}
	if len(d.early) > maxEarly {
		t.Errorf("keeps %d frames", len(d.early))
	}
	d.receive(&wire.Message{Type: wire.TypeGot, Base: wire.MaxNumber}) // must not count up to it
	if d.got != wire.MaxNumber-1 {
		t.Errorf("got %d", d.got)
	}
}

func FuzzDelivery(f *testing.F) {
	f.Add([]byte{1, 0, 2, 0, 5, 3, 0, 4})
	f.Fuzz(func(t *testing.T, script []byte) {
		var d delivery
		last := uint64(0)
		for i := 0; i+1 < len(script); i += 2 {
			for _, up := range d.receive(&wire.Message{Type: wire.TypeMessage, N: uint64(script[i]), Base: uint64(script[i+1])}) {
				if up.N != 0 && up.N <= last {
					t.Fatalf("%d handed up behind %d", up.N, last)
				}
				last = max(last, up.N)
			}
		}
	})
}

func FuzzCandidates(f *testing.F) {
	f.Add([]byte(`[{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host","sdpMid":"0","sdpMLineIndex":0},null,7]`))
	f.Fuzz(func(t *testing.T, data []byte) { _ = parseCandidates(data) })
}
