package negotiation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/seed-3a7b6cbd/signal/signaling/internal/jsep"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A machine is what a side drives: a *Machine, or a mutant around one.
type machine interface {
	Handle(Event) []Action
}

// A track is one that the application of a side wants to send.
type track struct {
	id   jsep.Track
	kind jsep.Kind
}

// An op is an operation of the connection on its way; step by step, so that
// other things happen between them.
type op struct {
	Action
	stage int
	sdp   string
}

// A side is one peer: a machine, and a driver as a browser's or a robot's is,
// over a model connection.
type side struct {
	name    string
	offers  bool
	eager   bool // says needed at once, and not as W3C negotiationneeded does
	core    *Machine
	machine machine
	peer    *side
	record  func(Event, []Action) // nil: nobody listens

	conn    *jsep.Conn // nil: none is open
	pc      uint64
	op      *op
	late    []Event // gathered, not told to the machine yet
	tracks  []track // wanted
	queued  bool    // W3C: a negotiationneeded event is on its way
	flagged bool    // W3C: [[NegotiationNeeded]]

	inbox      []Event
	log        []Event // sent to this peer, candidates aside
	timing     bool
	away, down bool
	broken     bool // conn is
	gaveUp     bool

	trackIDs   int
	peak       [jsep.Kinds]int
	sent       map[wire.Type]int
	causes     int // what may each have led to one offer (offerer) or one ask (answerer)
	violations []string
}

func newSide(name string, offers bool) *side {
	m := New(offers)
	return &side{name: name, offers: offers, core: m, machine: m, sent: map[wire.Type]int{}}
}

func (s *side) violate(format string, args ...any) {
	s.violations = append(s.violations, s.name+": "+fmt.Sprintf(format, args...))
}

// handle gives an event to the machine and does what it says.
func (s *side) handle(ev Event) {
	actions := s.machine.Handle(ev)
	if s.record != nil {
		s.record(ev, actions)
	}
	for _, a := range actions {
		s.do(a)
	}
}

func (s *side) do(a Action) {
	switch a.Kind {
	case Open:
		s.open(a.PC)
	case Close:
		s.close(a.PC)
	case MakeOffer, MakeAnswer, ApplyAnswer:
		if s.op != nil || s.conn == nil || a.PC != s.pc {
			s.violate("%s of pc %d over another operation", a.Kind, a.PC)
			return
		}
		s.op = &op{Action: a}
	case AddCandidates:
		s.addCandidates(a)
	case Send:
		s.send(a)
	case StartTimer:
		if s.timing || s.away || s.down {
			s.violate("timer started: running %v, away %v, down %v", s.timing, s.away, s.down)
		}
		s.timing = true
	case StopTimer:
		if !s.timing {
			s.violate("timer stopped that does not run")
		}
		s.timing = false
	case GiveUp:
		s.gaveUp = true
	}
}

func (s *side) open(pc uint64) {
	if s.conn != nil {
		s.violate("pc %d opened over pc %d", pc, s.pc)
	}
	s.conn, s.pc, s.broken = jsep.New(s.name+strconv.FormatUint(pc, 10)), pc, false
	if s.offers {
		for _, t := range s.tracks {
			s.conn.AddTrack(t.kind, t.id)
		}
		s.checkNeeded()
	}
}

func (s *side) close(pc uint64) {
	if s.conn == nil || pc != s.pc {
		s.violate("pc %d closed, which is not open", pc)
		return
	}
	s.violations = append(s.violations, s.conn.Violations()...)
	s.conn.Close()
	s.conn, s.op, s.late, s.queued, s.flagged = nil, nil, nil, false, false
}

func (s *side) addCandidates(a Action) {
	var list []string
	if json.Unmarshal(a.Data, &list) != nil || s.conn == nil || a.PC != s.pc {
		s.violate("add-candidates of pc %d", a.PC)
		return
	}
	for _, c := range list {
		_ = s.conn.AddCandidate(a.Ufrag, c) // an error is a violation, and kept
	}
	if a.End {
		s.conn.EndCandidates(a.Ufrag)
	}
}

func (s *side) send(a Action) {
	s.sent[a.Type]++
	switch a.Type {
	case wire.TypeOffer:
		if !s.offers {
			s.violate("not_your_turn: offer")
		}
	case wire.TypeAnswer, wire.TypeNegotiate, wire.TypeReject:
		if s.offers {
			s.violate("not_your_turn: %s", a.Type)
		}
	}
	ev := Event{Kind: EventKind(a.Type), PC: a.PC, Gen: a.Gen, Ufrag: a.Ufrag, End: a.End, Data: a.Data}
	s.peer.inbox = append(s.peer.inbox, ev)
	if ev.Kind != Candidates {
		s.log = append(s.log, ev)
	}
}

// receive takes the next message, unless the link is down.
func (s *side) receive() bool {
	if s.down || len(s.inbox) == 0 {
		return false
	}
	ev := s.inbox[0]
	s.inbox = s.inbox[1:]
	switch ev.Kind {
	case Negotiate, Reject:
		s.causes++
		s.handle(ev)
	case End: // the peer has left and come back
		s.end()
		s.log = nil
		s.begin()
	default:
		s.handle(ev)
	}
	return true
}

// end is the end of the peer, as the driver sees it.
func (s *side) end() {
	s.away = false
	s.handle(Event{Kind: End})
}

// begin is its appearance, or a user who tries again.
func (s *side) begin() {
	s.causes++
	s.gaveUp = false
	s.handle(Event{Kind: Begin})
}

// count is how many tracks of a kind are wanted.
func (s *side) count(kind jsep.Kind) int {
	n := 0
	for _, t := range s.tracks {
		if t.kind == kind {
			n++
		}
	}
	return n
}

func (s *side) addTrack(kind jsep.Kind) {
	if kind == jsep.Data && s.count(kind) > 0 || s.count(kind) >= 4 {
		return
	}
	s.trackIDs++
	t := track{jsep.Track(s.trackIDs), kind}
	s.tracks = append(s.tracks, t)
	s.peak[kind] = max(s.peak[kind], s.count(kind))
	waits := false
	if s.conn != nil {
		if s.offers {
			s.conn.AddTrack(kind, t.id)
		} else {
			waits = !s.conn.Attach(kind, t.id)
		}
	}
	s.changed(waits)
}

func (s *side) removeTrack(i int) {
	if len(s.tracks) == 0 {
		return
	}
	i %= len(s.tracks)
	t := s.tracks[i]
	s.tracks = slices.Delete(s.tracks, i, i+1)
	if s.conn != nil {
		s.conn.RemoveTrack(t.id)
		if !s.offers {
			s.attachAll() // the free m-line is for one that waits
		}
	}
	s.changed(false)
}

// attachAll puts tracks that wait on m-lines that are free.
func (s *side) attachAll() {
	for _, t := range s.tracks {
		if !s.conn.Has(t.id) {
			s.conn.Attach(t.kind, t.id)
		}
	}
}

// waits reports whether a track has no m-line.
func (s *side) waits() bool {
	return slices.ContainsFunc(s.tracks, func(t track) bool { return !s.conn.Has(t.id) })
}

// changed says needed: at once, or when W3C would. A track without an m-line
// is not yet known to the connection, so that nobody but the driver can say it.
func (s *side) changed(waits bool) {
	if s.eager || waits {
		s.needed()
		return
	}
	s.checkNeeded()
}

func (s *side) needed() {
	s.causes++
	ev := Event{Kind: Needed}
	if !s.offers {
		ev.Need = s.need()
	}
	s.handle(ev)
}

// need is what the tracks of s need, all told.
func (s *side) need() *Need {
	return &Need{Audio: s.count(jsep.Audio), Video: s.count(jsep.Video), Data: s.count(jsep.Data)}
}
