package negotiation

import (
	"encoding/json"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Patience is for how long the timer runs: a side that has not answered by
// then, with both links up, will not.
const Patience = 15 * time.Second

// MaxFailures is how many attempts in a row may fail before a Machine gives up.
const MaxFailures = 3

// MaxNeed is the highest number of m-lines of a kind that a peer can ask for.
const MaxNeed = 32

const candidates = wire.TypeCandidates

// A phase is what a side is busy with.
type phase string

const (
	over      phase = "over"      // offerer: before Begin, after End or GiveUp
	idle      phase = "idle"      // nothing is out
	making    phase = "making"    // offerer: MakeOffer runs
	waiting   phase = "waiting"   // offerer: the offer is out
	applying  phase = "applying"  // offerer: ApplyAnswer runs
	answering phase = "answering" // answerer: MakeAnswer runs
	rejected  phase = "rejected"  // answerer: MakeAnswer failed; this pc is not used again
)

// A Machine is one side of a negotiation. Make it with New; it is used by one
// goroutine at a time. What it remembers is bounded, whatever the peer sends.
type Machine struct {
	offers bool // static: this side offers, the other answers

	phase   phase
	pc, gen uint64 // 0: none yet
	open    bool   // pc is open
	wanted  bool   // an offer (offerer), an ask (answerer) is due when this one is through
	restart bool   // offerer: the next offer restarts ICE; answerer: that has been asked for
	need    Need   // of the answering side, as last told

	restarted uint64 // offerer: the gen of the last offer with a restart; 0: none
	failures  int    // offerer: in a row, at most MaxFailures
	timing    bool   // offerer: the timer runs
	away      bool   // the peer's link is lost
	down      bool   // the own one is

	asked *Need // answerer: asked for on this pc, and perhaps not served yet

	own    book     // own descriptions and candidates
	remote book     // those of the peer
	inHand []string // ufrags of the peer's description that is being applied

	actions []Action // of the event that is being handled
}

// New returns the Machine of the side that offers, or of the one that answers.
func New(offers bool) *Machine {
	m := &Machine{offers: offers, phase: idle}
	if offers {
		m.phase = over
	}
	return m
}

// PC is the number of the current connection, 0 before the first. It is still
// told when the negotiation is over.
func (m *Machine) PC() uint64 { return m.pc }

// Stable says that nothing is under way: an offerer is idle and wants no
// offer, an answerer is idle and has asked for nothing that has not come.
func (m *Machine) Stable() bool {
	return m.phase == idle && m.open && !m.wanted && !m.restart && m.asked == nil
}

// Handle takes in one event and returns what has to be done, in order. An
// event that no row of the table covers does nothing. The actions belong to
// the caller.
func (m *Machine) Handle(ev Event) []Action {
	m.actions = nil
	if ev.ofConnection() && (ev.PC != m.pc || !m.open) {
		return nil // O6, C2, and "those of another pc are ignored"
	}
	switch ev.Kind {
	case Gathered:
		m.gathered(ev)
	case Candidates:
		m.candidates(ev)
	case PeerAway:
		m.away = true
		m.stopTimer()
	case LinkDown:
		m.down = true
		m.stopTimer()
	case PeerBack:
		m.away = false
		m.startTimer()
	case LinkUp:
		m.down = false
		m.startTimer()
	default:
		if m.offers {
			m.handleOfferer(ev)
		} else {
			m.handleAnswerer(ev)
		}
	}
	return m.actions
}

// ofConnection says that an event is about one connection. An offer is not: it
// may bring a new one.
func (ev Event) ofConnection() bool {
	switch ev.Kind {
	case Begin, End, Needed, Offer, Timer, PeerAway, PeerBack, LinkDown, LinkUp:
		return false
	}
	return true
}

func (m *Machine) do(a Action) { m.actions = append(m.actions, a) }

// openPC makes pc the current connection.
func (m *Machine) openPC(pc uint64) {
	m.closePC()
	m.pc, m.gen, m.open = pc, 0, true
	m.restart, m.wanted, m.restarted, m.asked = false, false, 0, nil
	m.do(Action{Kind: Open, PC: pc})
}

// closePC closes the current connection, if there is one.
func (m *Machine) closePC() {
	if m.open {
		m.do(Action{Kind: Close, PC: m.pc})
	}
	m.open = false
	m.own, m.remote, m.inHand = book{}, book{}, nil
}

// startTimer starts the timer if an offer is out and both links are up.
func (m *Machine) startTimer() { // O12
	if m.phase == waiting && !m.timing && !m.away && !m.down {
		m.timing = true
		m.do(Action{Kind: StartTimer})
	}
}

func (m *Machine) stopTimer() { // O12
	if m.timing {
		m.timing = false
		m.do(Action{Kind: StopTimer})
	}
}

// reasonOf takes the reason out of the data of a reject.
func reasonOf(data json.RawMessage) string {
	var d struct{ Reason any }
	if json.Unmarshal(data, &d) != nil {
		return ""
	}
	reason, _ := d.Reason.(string)
	return reason
}
