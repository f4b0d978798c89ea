package negotiation

import (
	"encoding/json"
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func (m *Machine) handleAnswerer(ev Event) {
	current := m.phase == answering && ev.Gen == m.gen
	switch {
	case ev.Kind == Offer:
		m.answer(ev)
	case ev.Kind == Made && current:
		m.answered(ev)
	case ev.Kind == Failed && current: // A3
		m.phase, m.inHand = rejected, nil
		m.reject(ev.Reason)
	case ev.Kind == Needed:
		m.needed(ev.Need)
	case ev.Kind == Stuck:
		m.stuck()
	case ev.Kind == Broken: // A6
		m.do(Action{Kind: Send, Type: wire.TypeNegotiate, PC: m.pc, Gen: m.gen, Data: encode(askData{Need: m.need, Fresh: true})})
	case ev.Kind == End: // A7
		m.closePC()
		*m = Machine{phase: idle, actions: m.actions}
	}
}

// answer takes in an offer.
func (m *Machine) answer(ev Event) { // A1
	if ev.PC == 0 || ev.Gen == 0 || ev.PC < m.pc || ev.PC == m.pc && (ev.Gen <= m.gen || m.phase == answering) {
		return
	}
	switch {
	case ev.PC > m.pc:
		m.openPC(ev.PC)
	case m.phase == rejected:
		m.gen = ev.Gen
		m.reject("failed before")
		return
	}
	m.phase, m.gen, m.wanted = answering, ev.Gen, false
	m.inHand = Ufrags(description(ev.Data))
	if m.restarts() {
		m.restart = false
	}
	m.do(Action{Kind: MakeAnswer, PC: m.pc, Gen: m.gen, Data: ev.Data})
}

func (m *Machine) reject(reason string) { // A3
	m.do(Action{Kind: Send, Type: wire.TypeReject, PC: m.pc, Gen: m.gen, Data: encode(rejectData{reason})})
}

// restarts says that the offer in hand restarts ICE, or is the first one.
func (m *Machine) restarts() bool {
	return !slices.ContainsFunc(m.inHand, func(u string) bool { return slices.Contains(m.remote.now, u) })
}

// answered sends the answer that was made.
func (m *Machine) answered(ev Event) { // A2
	m.phase = idle
	m.do(Action{Kind: Send, Type: wire.TypeAnswer, PC: m.pc, Gen: m.gen, Data: ev.Data})
	m.described()
	m.sent(ev.Data)
	if ev.Need != nil {
		m.need = *ev.Need
	} else {
		m.asked = nil
	}
	if m.wanted || ev.Need != nil && !m.hasAsked(m.need) {
		m.ask()
	}
}

// needed notes how many m-lines the own tracks want, and asks for them.
func (m *Machine) needed(told *Need) { // A4
	var need Need
	if told != nil {
		need = *told
	}
	repeated := m.hasAsked(need)
	m.need = need
	switch {
	case m.pc == 0 || m.phase == rejected: // the next offer takes the tracks along
	case m.phase == answering:
		m.wanted = true
	case !repeated:
		m.ask()
	}
}

func (m *Machine) hasAsked(need Need) bool { return m.asked != nil && *m.asked == need }

func (m *Machine) ask() { // A4
	need := m.need
	m.asked, m.wanted = &need, false
	m.do(Action{Kind: Send, Type: wire.TypeNegotiate, PC: m.pc, Gen: m.gen, Data: encode(askData{Need: need, Restart: m.restart})})
}

// stuck asks for an ICE restart, once.
func (m *Machine) stuck() { // A5
	if m.restart || m.phase == rejected || m.phase == answering && m.restarts() {
		return // there is none to restart, or it is on its way
	}
	m.restart = true
	if m.phase == answering {
		m.wanted = true
		return
	}
	m.ask()
}

// askData is the data of a negotiate.
type askData struct {
	Need    Need `json:"need"`
	Restart bool `json:"restart,omitempty"`
	Fresh   bool `json:"fresh,omitempty"`
}

// rejectData is the data of a reject.
type rejectData struct {
	Reason string `json:"reason"`
}

// encode is for the two types above, which always can be.
func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("negotiation: " + err.Error())
	}
	return data
}
