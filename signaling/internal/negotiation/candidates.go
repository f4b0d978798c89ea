package negotiation

import (
	"encoding/json"
	"slices"
)

// Bounds of what a side remembers of candidates that it cannot use yet. They
// are the 100 candidates that a server relays for one pc and ufrag, and more
// ufrags than two honest sides can have open at once.
const (
	maxKept       = 100
	maxKeptUfrags = 4
	maxPast       = 16
)

// A batch is candidates of one ufrag that wait for its description.
type batch struct {
	ufrag string
	list  []json.RawMessage
	end   bool
}

// A book says for one direction which ufrags are those of the description that
// counts, and keeps the candidates that came before theirs.
type book struct {
	now  []string // of the description that counts
	past []string // of those before, the last maxPast
	kept []batch  // in the order in which their ufrags were first kept; at most maxKeptUfrags
}

// keep holds candidates back until turn brings their ufrag.
func (b *book) keep(ufrag string, data json.RawMessage, end bool) {
	i := slices.IndexFunc(b.kept, func(k batch) bool { return k.ufrag == ufrag })
	if i < 0 {
		if len(b.kept) == maxKeptUfrags {
			b.kept = slices.Delete(b.kept, 0, 1)
		}
		i = len(b.kept)
		b.kept = append(b.kept, batch{ufrag: ufrag})
	}
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		list = nil // not an array: there are no candidates in it
	}
	k := &b.kept[i]
	k.list = append(k.list, list[:min(len(list), maxKept-len(k.list))]...)
	k.end = k.end || end
}

// turn makes the ufrags of a new description those that count, and returns
// what was kept for them.
func (b *book) turn(ufrags []string) []batch { // C3
	for _, u := range b.now {
		if !slices.Contains(ufrags, u) {
			b.past = append(b.past, u)
		}
	}
	b.past = b.past[max(0, len(b.past)-maxPast):]
	b.now = ufrags
	var due, rest []batch
	for _, k := range b.kept {
		switch {
		case slices.Contains(b.now, k.ufrag):
			due = append(due, k)
		case !slices.Contains(b.past, k.ufrag):
			rest = append(rest, k)
		}
	}
	b.kept = rest
	return due
}

// data is the batch as the data of a candidates message.
func (k batch) data() json.RawMessage {
	out := []byte{'['}
	for i, c := range k.list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, c...)
	}
	return append(out, ']')
}

// gathered decides on own candidates.
func (m *Machine) gathered(ev Event) { // C1
	switch {
	case slices.Contains(m.own.now, ev.Ufrag):
		m.do(Action{Kind: Send, Type: candidates, PC: m.pc, Ufrag: ev.Ufrag, End: ev.End, Data: ev.Data})
	case slices.Contains(m.own.past, ev.Ufrag):
	default:
		m.own.keep(ev.Ufrag, ev.Data, ev.End)
	}
}

// candidates decides on candidates of the peer.
func (m *Machine) candidates(ev Event) { // C2
	counts := slices.Contains(m.remote.now, ev.Ufrag)
	switch {
	case slices.Contains(m.remote.past, ev.Ufrag) && !counts:
	case counts && m.phase != answering && m.phase != applying:
		m.do(Action{Kind: AddCandidates, PC: m.pc, Ufrag: ev.Ufrag, End: ev.End, Data: ev.Data})
	default:
		m.remote.keep(ev.Ufrag, ev.Data, ev.End)
	}
}

// sent notes that an own description has gone out, and sends what was held for it.
func (m *Machine) sent(sdp json.RawMessage) { // C1
	for _, k := range m.own.turn(Ufrags(description(sdp))) {
		m.do(Action{Kind: Send, Type: candidates, PC: m.pc, Ufrag: k.ufrag, End: k.end, Data: k.data()})
	}
}

// described notes that the peer's description in hand counts from now on, and
// adds what was kept for it.
func (m *Machine) described() { // C3
	for _, k := range m.remote.turn(m.inHand) {
		m.do(Action{Kind: AddCandidates, PC: m.pc, Ufrag: k.ufrag, End: k.end, Data: k.data()})
	}
	m.inHand = nil
}
