package negotiation

import (
	"encoding/json"
	"fmt"
)

// Events of the hand-picked traces, short enough to read a story.

func on(kind EventKind, pc, gen uint64) Event { return Event{Kind: kind, PC: pc, Gen: gen} }

// with is a description whose ufrags are those told.
func with(kind EventKind, pc, gen uint64, ufrags ...string) Event {
	sdp := ""
	for _, u := range ufrags {
		sdp += "a=ice-ufrag:" + u + "\r\n"
	}
	ev := on(kind, pc, gen)
	ev.Data = sdpData(sdp)
	return ev
}

func cands(kind EventKind, pc uint64, ufrag string, list ...int) Event {
	data, err := json.Marshal(list)
	if err != nil || list == nil {
		data = []byte("[]")
	}
	return Event{Kind: kind, PC: pc, Ufrag: ufrag, Data: data, End: list == nil}
}

func need(audio, video, data int) *Need { return &Need{audio, video, data} }

func needs(n *Need) Event { return Event{Kind: Needed, Need: n} }

func lacking(ev Event, n *Need) Event { ev.Need = n; return ev }

func because(ev Event, reason string) Event { ev.Reason = reason; return ev }

func ask(pc, gen uint64, data string) Event {
	return Event{Kind: Negotiate, PC: pc, Gen: gen, Data: json.RawMessage(data)}
}

func reject(pc, gen uint64, data string) Event {
	return Event{Kind: Reject, PC: pc, Gen: gen, Data: json.RawMessage(data)}
}

func plain(kind EventKind) Event { return Event{Kind: kind} }

func timer(flows bool) Event { return Event{Kind: Timer, Flows: flows} }

// stories puts stretches of events together.
func stories(parts ...[]Event) (all []Event) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// offered is a negotiation from make offer to applied, on the offering side.
func offered(pc, gen uint64, own, remote string) []Event {
	return []Event{with(Made, pc, gen, own), with(Answer, pc, gen, remote), on(Applied, pc, gen)}
}

// answeredTo is one from offer to answer, on the answering side.
func answeredTo(pc, gen uint64, remote, own string) []Event {
	return []Event{with(Offer, pc, gen, remote), with(Made, pc, gen, own)}
}

var (
	begun   = []Event{plain(Begin)}
	called  = stories(begun, offered(1, 1, "a1", "b1"))
	offerIn = with(Offer, 1, 1, "a1")
	greeted = answeredTo(1, 1, "a1", "b1")
)

// A scenario is a hand-picked trace, before it is played.
type scenario struct {
	name   string
	events []Event
}

func manyUfrags(kind EventKind, n int) (events []Event) {
	for i := range n {
		events = append(events, cands(kind, 1, fmt.Sprint("u", i), i))
	}
	return events
}

func manyCandidates(kind EventKind, ufrag string, n int) []Event {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return []Event{cands(kind, 1, ufrag, list...), cands(kind, 1, ufrag, n), cands(kind, 1, ufrag)}
}

// restarts are n negotiations, each with new ufrags.
func restarts(n int) (events []Event) {
	for i := range n {
		gen := uint64(i + 2)
		events = append(events, on(Stuck, 1, 0))
		events = append(events, offered(1, gen, fmt.Sprint("a", gen), fmt.Sprint("b", gen))...)
	}
	return events
}
