package negotiation

import (
	"encoding/json"
	"math"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func (m *Machine) handleOfferer(ev Event) {
	current := ev.Gen == m.gen
	switch {
	case ev.Kind == Begin && m.phase == over: // O1
		m.failures = 0
		m.newPC()
	case ev.Kind == End: // O10
		m.finish()
		m.need, m.away, m.down = Need{}, false, false
	case m.phase == over:
	case ev.Kind == Made && m.phase == making && current: // O2
		m.phase = waiting
		m.do(Action{Kind: Send, Type: wire.TypeOffer, PC: m.pc, Gen: m.gen, Data: ev.Data})
		m.sent(ev.Data)
		m.startTimer()
	case ev.Kind == Answer && m.phase == waiting && current: // O3
		m.phase = applying
		m.stopTimer()
		m.inHand = Ufrags(description(ev.Data))
		m.do(Action{Kind: ApplyAnswer, PC: m.pc, Gen: m.gen, Data: ev.Data})
	case ev.Kind == Applied && m.phase == applying && current: // O4
		m.phase = idle
		m.described()
		if m.wanted {
			m.offer()
		}
	case ev.Kind == Needed: // O5
		m.want()
	case ev.Kind == Negotiate:
		m.negotiate(ev)
	case ev.Kind == Stuck: // O7
		if m.phase != idle && m.restarted == m.gen {
			return // a restart is on its way
		}
		m.restart = true
		m.want()
	case ev.Kind == Reject && m.phase == waiting && current: // O8
		m.fail(reasonOf(ev.Data))
	case ev.Kind == Failed && (m.phase == making || m.phase == applying) && current: // O8
		m.fail(ev.Reason)
	case ev.Kind == Broken: // O8
		m.fail(ev.Reason)
	case ev.Kind == Timer:
		m.timeout(ev.Flows)
	case ev.Kind == Connected: // O11
		m.failures = 0
	}
}

// newPC leaves the current connection for a new one, and offers on it.
func (m *Machine) newPC() { // O1
	m.stopTimer()
	m.openPC(m.pc + 1)
	m.offer()
}

func (m *Machine) offer() { // O1
	m.phase = making
	m.gen++
	if m.restart {
		m.restarted = m.gen
	}
	m.do(Action{Kind: MakeOffer, PC: m.pc, Gen: m.gen, Restart: m.restart, Need: m.need.told()})
	m.wanted, m.restart = false, false
}

// want offers now, or as soon as the offer that is out is through.
func (m *Machine) want() { // O5
	if m.phase == idle {
		m.offer()
		return
	}
	m.wanted = true
}

// negotiate takes in what the other side asks for.
func (m *Machine) negotiate(ev Event) { // O6
	need, restart, fresh := parseAsk(ev.Data)
	restart = restart && m.restarted <= ev.Gen // else a later offer has done it
	crossed := m.phase != idle && ev.Gen < m.gen && need.within(m.need) && !restart
	m.need = need
	switch {
	case fresh:
		m.fail("fresh")
	case crossed: // the answer to the offer that is out takes everything along
	default:
		m.restart = m.restart || restart
		m.want()
	}
}

// fail counts a failure of the current connection, and tries the next one.
func (m *Machine) fail(reason string) { // O8
	m.failures++
	if m.failures <= MaxFailures {
		m.newPC()
		return
	}
	m.finish()
	m.do(Action{Kind: GiveUp, Reason: reason})
}

// timeout is the end of Patience. An offer on a connection that carries media
// waits: whatever keeps the answer away, a new connection would interrupt it.
func (m *Machine) timeout(flows bool) { // O9
	if !m.timing {
		return // it was stopped while it fired
	}
	m.timing = false
	if flows {
		m.startTimer()
		return
	}
	m.newPC()
}

// finish closes what is there. pc stays: the other side knows it.
func (m *Machine) finish() { // O10
	m.stopTimer()
	m.closePC()
	m.phase = over
}

// within says that m-lines for other are enough for n.
func (n Need) within(other Need) bool {
	return n.Audio <= other.Audio && n.Video <= other.Video && n.Data <= other.Data
}

// told is the need as an action tells it.
func (n Need) told() *Need {
	if n == (Need{}) {
		return nil
	}
	return &n
}

// parseAsk reads the data of a negotiate. What it cannot read is not told: the
// other side's mistake must not stop the negotiation.
func parseAsk(data json.RawMessage) (need Need, restart, fresh bool) {
	var ask struct {
		Need           any
		Restart, Fresh any
	}
	if json.Unmarshal(data, &ask) != nil {
		return Need{}, false, false
	}
	counts, _ := ask.Need.(map[string]any)
	count := func(kind string, most float64) int {
		n, _ := counts[kind].(float64)
		if n < 0 || n != math.Trunc(n) {
			return 0
		}
		return int(min(n, most))
	}
	need = Need{Audio: count("audio", MaxNeed), Video: count("video", MaxNeed), Data: count("data", 1)}
	restart, _ = ask.Restart.(bool)
	fresh, _ = ask.Fresh.(bool)
	return need, restart, fresh
}
