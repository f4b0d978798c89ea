package negotiation

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzKinds are all events, so that a byte can pick one.
var fuzzKinds = []EventKind{
	Begin, End, Needed, Offer, Answer, Candidates, Negotiate, Reject, Made, Applied, Failed,
	Gathered, Connected, Stuck, Broken, Timer, PeerAway, PeerBack, LinkDown, LinkUp,
}

// fuzzData is what a hostile or broken peer may put into data.
var fuzzData = []string{
	``, `null`, `{}`, `[]`, `{"sdp":"a=ice-ufrag:u1\r\n"}`, `{"sdp":"a=ice-ufrag:u2\na=ice-ufrag:u3"}`, `{"sdp":7}`, `{"sdp":`,
	`[1]`, `[` + strings.Repeat(`0,`, 500) + `0]`, `{"need":{"audio":1,"video":99,"data":5}}`,
	`{"need":{"audio":-1,"video":0.5,"data":true},"restart":true}`, `{"fresh":true}`, `{"need":7,"restart":1,"fresh":"x"}`, `{"reason":"x"}`, `{"reason":[]}`,
}

// fuzzEvent makes an event of four bytes: near to what fits, so that a run
// goes somewhere.
func fuzzEvent(m *Machine, b []byte) Event {
	ev := Event{
		Kind: fuzzKinds[int(b[0])%len(fuzzKinds)], PC: m.pc, Gen: m.gen, Ufrag: "u" + strconv.Itoa(int(b[2])),
		End: b[1]&1 != 0, Flows: b[1]&2 != 0, Data: json.RawMessage(fuzzData[int(b[3])%len(fuzzData)]),
	}
	if b[1]&4 != 0 {
		ev.PC += uint64(b[1] >> 6)
	}
	if b[1]&8 != 0 {
		ev.Gen += uint64(b[1]>>4) - 1
	}
	if b[1]&16 != 0 {
		ev.Need = &Need{Audio: int(b[2]), Video: 1}
	}
	return ev
}

// FuzzMachine hands events in any order to both sides: no panic, no action for
// a connection that is not open, and no state that grows.
func FuzzMachine(f *testing.F) {
	f.Add(true, []byte("\x00\x00\x00\x00\x08\x00\x01\x04\x04\x00\x01\x04\x09\x00\x00\x00"))
	f.Add(false, []byte("\x03\x44\x00\x04\x08\x00\x01\x04\x05\x00\x01\x08"))
	f.Add(false, []byte("\x03\x28\x00\x04")) // pc 0
	f.Fuzz(func(t *testing.T, offers bool, input []byte) {
		m := New(offers)
		input = input[:min(len(input), 2000)] // more shows nothing new
		for len(input) >= 4 {
			ev := fuzzEvent(m, input)
			input = input[4:]
			pc := m.pc
			checkActions(t, m, pc, m.Handle(ev))
			for _, b := range []book{m.own, m.remote} {
				if len(b.kept) > maxKeptUfrags || len(b.past) > maxPast {
					t.Fatalf("%d ufrags kept, %d past", len(b.kept), len(b.past))
				}
				for _, k := range b.kept {
					if len(k.list) > maxKept || slices.Contains(b.now, k.ufrag) && m.phase == idle && len(k.list) > 0 {
						t.Fatalf("%d candidates kept for %s in phase %s, while %v count", len(k.list), k.ufrag, m.phase, b.now)
					}
				}
			}
			if m.failures > MaxFailures+1 || m.need.Audio > max(MaxNeed, 255) {
				t.Fatalf("failures %d, need %v", m.failures, m.need)
			}
		}
	})
}

func checkActions(t *testing.T, m *Machine, pc uint64, actions []Action) {
	t.Helper()
	if len(actions) > 8+2*maxKeptUfrags {
		t.Fatalf("%d actions", len(actions))
	}
	for _, a := range actions {
		switch a.Kind {
		case StartTimer, StopTimer, GiveUp:
		case Close:
			if a.PC != pc {
				t.Fatalf("closes pc %d of %d", a.PC, pc)
			}
		default:
			if a.PC != m.pc || !m.open {
				t.Fatalf("%s of pc %d, while %d is open: %v", a.Kind, a.PC, m.pc, m.open)
			}
		}
		if a.Kind == MakeOffer != m.offers && (a.Kind == MakeOffer || a.Kind == MakeAnswer) {
			t.Fatalf("%s, while offers is %v", a.Kind, m.offers)
		}
	}
}

// FuzzUfrags: whatever stands in a description, its ufrags are distinct,
// without line ends, and found again in a description of them alone.
func FuzzUfrags(f *testing.F) {
	f.Add("v=0\r\na=ice-ufrag:a1\r\nm=audio 9 X 0\r\na=ice-ufrag:b2 \na=ice-ufrag:\na=ice-ufrag:a1")
	f.Fuzz(func(t *testing.T, sdp string) {
		found, again := Ufrags(sdp), ""
		for i, u := range found {
			if u == "" || strings.ContainsAny(u, "\n") || slices.Contains(found[:i], u) {
				t.Fatalf("%q in %q", u, found)
			}
			again += "a=ice-ufrag:" + u + "\r\n"
		}
		if got := Ufrags(again); !slices.Equal(got, found) {
			t.Fatalf("got %q of %q", got, found)
		}
		if data, err := json.Marshal(map[string]string{"sdp": sdp}); err == nil && utf8.ValidString(sdp) && description(data) != sdp {
			t.Fatalf("got %q, want %q", description(data), sdp)
		}
	})
}
