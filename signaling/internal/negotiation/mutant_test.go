package negotiation

import (
	"slices"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A mutant is a Machine with one check taken out, from the outside: before
// brings an event past the check, after changes what comes of it.
type mutant struct {
	*Machine
	before func(m *Machine, ev *Event)
	after  func(m *Machine, ev Event, actions []Action) []Action
}

func (m mutant) Handle(ev Event) []Action {
	if m.before != nil {
		m.before(m.Machine, &ev)
	}
	actions := m.Machine.Handle(ev)
	if m.after != nil {
		actions = m.after(m.Machine, ev, actions)
	}
	return actions
}

// mutants are what the histories must notice.
var mutants = []struct {
	name string
	// One of the three.
	before         func(m *Machine, ev *Event)
	after          func(m *Machine, ev Event, actions []Action) []Action
	answererOffers bool
}{
	{name: "role check", answererOffers: true},
	{name: "ufrag check", after: func(m *Machine, ev Event, actions []Action) []Action {
		if ev.Kind == Candidates && ev.PC == m.pc && m.open && len(actions) == 0 {
			return []Action{{Kind: AddCandidates, PC: ev.PC, Ufrag: ev.Ufrag, Data: ev.Data}}
		}
		return actions
	}},
	{name: "need", after: func(_ *Machine, _ Event, actions []Action) []Action {
		for i := range actions {
			actions[i].Need = nil
		}
		return actions
	}},
	{name: "gen check", before: func(m *Machine, ev *Event) {
		switch {
		case ev.PC != m.pc:
		case ev.Kind == Answer || ev.Kind == Reject:
			ev.Gen = m.gen
		case ev.Kind == Offer && ev.Gen <= m.gen:
			ev.Gen = m.gen + 1
		}
	}},
	{name: "pc check", before: func(m *Machine, ev *Event) {
		if ev.ofConnection() || ev.Kind == Offer && ev.PC < m.pc {
			ev.PC = m.pc
		}
	}},
	{name: "pc goes on after end", before: func(m *Machine, ev *Event) {
		if ev.Kind == Begin && m.offers && m.phase == over {
			m.pc = 0
		}
	}},
	{name: "wanted", before: func(m *Machine, _ *Event) { m.wanted = false }},
	{name: "ask for a restart", after: func(m *Machine, _ Event, actions []Action) []Action {
		return slices.DeleteFunc(actions, func(a Action) bool { return a.Kind == Send && a.Type == wire.TypeNegotiate && m.restart })
	}},
	{name: "own candidates are held", before: func(m *Machine, ev *Event) {
		if ev.Kind == Gathered && m.open && !slices.Contains(m.own.now, ev.Ufrag) {
			m.own.now = append(m.own.now, ev.Ufrag)
		}
	}},
	{name: "timer stands still", after: func(m *Machine, ev Event, actions []Action) []Action {
		if ev.Kind == PeerAway || ev.Kind == LinkDown {
			m.away, m.down = false, false
		}
		return actions
	}},
}

// TestHistoriesCatchMutants shows that the histories would notice if a check
// were missing: each time, within 2,000 of them.
func TestHistoriesCatchMutants(t *testing.T) {
	const rounds, most = 5, 2000
	for _, mut := range mutants {
		t.Run(mut.name, func(t *testing.T) {
			build := func(h history) *world {
				w := newWorld(h)
				if mut.answererOffers {
					w.b.core = New(true)
					w.b.machine = w.b.core
					return w
				}
				for _, s := range []*side{w.a, w.b} {
					s.machine = mutant{s.core, mut.before, mut.after}
				}
				return w
			}
			for round := range rounds {
				caught, wrong := -1, ""
				for i := 0; i < most && caught < 0; i++ {
					h := seeded(uint64(1_000_000*(round+1) + i))
					if wrong = build(h).run(h); wrong != "" {
						caught = i
					}
				}
				if caught < 0 {
					t.Errorf("round %d: %d histories without the check, and none went wrong", round, most)
				} else {
					t.Logf("round %d: history %d: %s", round, caught, wrong)
				}
			}
		})
	}
}
