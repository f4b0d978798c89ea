package negotiation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/seed-3a7b6cbd/signal/signaling/internal/jsep"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A step is one thing that happens in a history. One that cannot happen where
// it stands does nothing, so that a history stays one when steps are removed.
type step struct{ op, arg byte }

// A history is what happens before everything settles. Of its pairs, the first
// is of the side that offers.
type history struct {
	w3c    [2]bool // the driver follows W3C negotiationneeded
	tracks [2]byte // of these kinds (a bit for each) from the beginning
	steps  []step
}

// An operation is what a step can be.
type operation struct {
	name   string
	weight int
	do     func(w *world, s *side, arg int)
}

// ops are what can happen, with how often. Bit 0 of arg is the side.
var ops = []operation{
	{"deliver", 26, func(_ *world, s *side, _ int) { s.receive() }},
	{"advance", 34, func(_ *world, s *side, _ int) { s.advance() }},
	{"tell-gathered", 8, func(_ *world, s *side, _ int) { s.tellGathered() }},
	{"fire-needed", 6, func(_ *world, s *side, _ int) { s.fireNeeded() }},
	{"add-track", 6, func(_ *world, s *side, arg int) { s.addTrack(jsep.Kind(arg % int(jsep.Kinds))) }},
	{"remove-track", 3, func(_ *world, s *side, arg int) { s.removeTrack(arg) }},
	{"gather", 6, func(_ *world, s *side, arg int) { s.gather(1+arg%3, arg&4 != 0) }},
	{"stuck", 2, func(_ *world, s *side, _ int) { s.stuck() }},
	{"both-stuck", 1, func(w *world, _ *side, _ int) { w.a.stuck(); w.b.stuck() }},
	{"timer", 2, func(_ *world, s *side, arg int) { s.fireTimer(arg&1 != 0) }},
	{"away", 1, func(_ *world, s *side, _ int) { s.setAway(true) }},
	{"back", 2, func(_ *world, s *side, _ int) { s.setAway(false) }},
	{"down", 1, func(_ *world, s *side, _ int) { s.setDown(true) }},
	{"up", 2, func(_ *world, s *side, _ int) { s.setDown(false) }},
	{"fail", 1, func(w *world, s *side, _ int) { w.fail(s) }},
	{"broken", 1, func(w *world, s *side, _ int) { w.breakConn(s) }},
	{"connected", 2, func(w *world, _ *side, _ int) { w.connected() }},
	{"rejoin", 1, func(w *world, s *side, arg int) { w.rejoin(s, arg) }},
	{"retry", 1, func(w *world, _ *side, _ int) { w.retry() }},
	{"replay", 2, func(_ *world, s *side, arg int) { s.replay(arg % 8) }},
}

// byWeight has each op as often as its weight says.
var byWeight = func() (list []byte) {
	for i, o := range ops {
		for range o.weight {
			list = append(list, byte(i))
		}
	}
	return list
}()

func randomHistory(r *rand.Rand, most int) history {
	bits := r.Uint32()
	h := history{
		w3c:    [2]bool{bits&1 != 0, bits&2 != 0},
		tracks: [2]byte{byte(bits >> 2 & 7), byte(bits >> 5 & 7)},
		steps:  make([]step, 1+r.IntN(most)),
	}
	unlucky := bits>>8&15 == 0 // so that some give up
	for i := range h.steps {
		x := r.Uint32()
		h.steps[i] = step{byWeight[(x>>8)%uint32(len(byWeight))], byte(x)}
		if unlucky && x>>28 < 3 {
			h.steps[i].op = opFail
		}
	}
	return h
}

var opFail = byte(slices.IndexFunc(ops, func(o operation) bool { return o.name == "fail" }))

func (h history) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "w3c %v, tracks %03b\n", h.w3c, h.tracks)
	for _, s := range h.steps {
		fmt.Fprintf(&b, "  %s %c %d\n", ops[int(s.op)%len(ops)].name, "ab"[s.arg&1], s.arg>>1)
	}
	return b.String()
}

// A world is two sides and the wire between them, which keeps the order of
// each direction and delivers everything, and all candidates once.
type world struct {
	a, b     *side // a offers
	injected int   // failures since the beginning
}

func newWorld(h history) *world {
	w := &world{a: newSide("a", true), b: newSide("b", false)}
	w.a.peer, w.b.peer = w.b, w.a
	for i, s := range []*side{w.a, w.b} {
		s.eager = !h.w3c[i]
		for kind := range jsep.Kinds {
			if h.tracks[i]>>kind&1 != 0 {
				s.addTrack(kind)
			}
		}
	}
	return w
}

// run lets a history happen and settle, and says what is wrong at the end.
func (w *world) run(h history) string {
	w.a.begin()
	w.b.begin()
	for _, st := range h.steps {
		s := w.a
		if st.arg&1 != 0 {
			s = w.b
		}
		ops[int(st.op)%len(ops)].do(w, s, int(st.arg>>1))
	}
	if wrong := w.settle(); wrong != "" {
		return wrong
	}
	if w.a.gaveUp {
		if w.injected <= MaxFailures {
			return fmt.Sprintf("given up after %d failures", w.injected)
		}
		w.a.begin()
		if wrong := w.settle(); wrong != "" {
			return wrong
		}
	}
	return w.check()
}

// settle lets everything that is on its way arrive. The timer does not run
// out: two sides that keep the rules never need it.
func (w *world) settle() string {
	for _, s := range []*side{w.a, w.b} {
		s.setAway(false)
		s.setDown(false)
	}
	for range 2000 {
		busy := false
		for _, s := range []*side{w.a, w.b} {
			busy = s.receive() || busy
			busy = s.advance() || busy
			busy = s.fireNeeded() || busy
			busy = s.tellGathered() || busy
		}
		if !busy {
			return ""
		}
	}
	return "does not settle"
}

// check says what is wrong after settle.
func (w *world) check() string {
	a, b := w.a, w.b
	for _, s := range []*side{a, b} {
		if s.conn != nil {
			s.violations = append(s.violations, s.conn.Violations()...)
		}
		if len(s.violations) > 0 {
			return strings.Join(s.violations, "\n")
		}
	}
	switch {
	case !a.core.Stable() || !b.core.Stable():
		return fmt.Sprintf("not stable: a %v, b %v", a.core.Stable(), b.core.Stable())
	case a.timing:
		return "the timer runs"
	case a.core.pc != b.core.pc || a.core.gen != b.core.gen || a.pc != b.pc:
		return fmt.Sprintf("pc and gen: a %d %d, b %d %d", a.core.pc, a.core.gen, b.core.pc, b.core.gen)
	case a.broken || b.broken:
		return "a connection is broken"
	case a.conn.State() != jsep.Stable || b.conn.State() != jsep.Stable:
		return fmt.Sprintf("signaling states: a %v, b %v", a.conn.State(), b.conn.State())
	case a.sent[wire.TypeOffer] > a.causes:
		return fmt.Sprintf("%d offers for %d causes", a.sent[wire.TypeOffer], a.causes)
	case b.sent[wire.TypeNegotiate] > b.causes:
		return fmt.Sprintf("%d asks for %d causes", b.sent[wire.TypeNegotiate], b.causes)
	}
	for kind := range jsep.Kinds {
		if n, most := a.conn.Lines(kind), max(a.peak[kind], b.peak[kind]); n > most || n != b.conn.Lines(kind) {
			return fmt.Sprintf("%v m-lines: a %d, b %d, needed at most %d", kind, n, b.conn.Lines(kind), most)
		}
	}
	if wrong := a.checkAgainst(b); wrong != "" {
		return wrong
	}
	return b.checkAgainst(a)
}

// checkAgainst says what is wrong with what s sends to peer.
func (s *side) checkAgainst(peer *side) string {
	for _, t := range s.tracks {
		if !s.conn.Sends(t.id) {
			return fmt.Sprintf("%s: %v track %d is not negotiated", s.name, t.kind, t.id)
		}
	}
	if s.conn.Idle() {
		return s.name + ": a removed track is still negotiated"
	}
	local, _ := s.conn.Ufrags()
	if _, remote := peer.conn.Ufrags(); local != remote {
		return fmt.Sprintf("%s: ufrag %q is %q at the peer", s.name, local, remote)
	}
	added := peer.conn.Added()
	if len(added) != s.conn.Gathered() {
		return fmt.Sprintf("%s: %d candidates gathered, %d added", s.name, s.conn.Gathered(), len(added))
	}
	if s.conn.GatheredAll() != peer.conn.AddedAll() {
		return s.name + ": the end of the candidates is lost"
	}
	for i, c := range added {
		if want := fmt.Sprint(local, "/", i+1); c != want {
			return fmt.Sprintf("%s: candidate %s is added where %s is due", s.name, c, want)
		}
	}
	return ""
}
