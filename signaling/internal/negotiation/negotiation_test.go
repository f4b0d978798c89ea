package negotiation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func ExampleMachine() {
	m := New(true) // this side offers
	sdp := func(ufrag string) []byte { return []byte(`{"sdp":"a=ice-ufrag:` + ufrag + `"}`) }
	for _, ev := range []Event{
		{Kind: Begin},
		{Kind: Made, PC: 1, Gen: 1, Data: sdp("a1")},
		{Kind: Negotiate, PC: 1, Gen: 1, Data: []byte(`{"need":{"audio":1,"video":1,"data":0}}`)},
		{Kind: Answer, PC: 1, Gen: 1, Data: sdp("b1")},
		{Kind: Applied, PC: 1, Gen: 1},
	} {
		fmt.Print(ev.Kind, ":")
		for _, a := range m.Handle(ev) {
			fmt.Print(strings.TrimRight(fmt.Sprintf(" %s %s", a.Kind, a.Type), " "))
		}
		fmt.Println()
	}
	fmt.Println(m.PC(), m.Stable())
	// Output:
	// begin: open make-offer
	// made: send offer start-timer
	// negotiate:
	// answer: stop-timer apply-answer
	// applied: make-offer
	// 1 false
}

func TestUfragOfCandidate(t *testing.T) {
	const line = "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host generation 0 ufrag Ab+/ network-id 1"
	for _, c := range []struct{ fragment, candidate, want string }{
		{"Zz", line, "Zz"},
		{"", line, "Ab+/"},
		{"", "candidate:1 1 udp 1 192.0.2.1 5000 typ host", ""},
		{"", "candidate:1 1 udp 1 192.0.2.1 5000 typ host raddr ufrag rport 5", ""},
		{"", "candidate:1 1 udp 1 192.0.2.1 5000 typ host ufrag", ""},
		{"", "", ""},
	} {
		if got := CandidateUfrag(c.fragment, c.candidate); got != c.want {
			t.Errorf("CandidateUfrag(%q, %q) = %q, want %q", c.fragment, c.candidate, got, c.want)
		}
	}
}

func TestUfragsOfDescription(t *testing.T) {
	got := Ufrags("v=0\r\na=ice-ufrag:one\r\nm=audio 9 X 0\r\na=ice-ufrag:two\nb=ice-ufrag:no\n a=ice-ufrag:no\r\na=ice-ufrag:one\r\na=ice-ufrag:")
	if want := []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("Ufrags = %q, want %q", got, want)
	}
}

// TestActionsBelongToTheCaller: a later event does not change what an earlier
// one returned.
func TestActionsBelongToTheCaller(t *testing.T) {
	m := New(true)
	first := m.Handle(Event{Kind: Begin})
	want := slices.Clone(first)
	m.Handle(Event{Kind: Broken, PC: 1})
	for i := range want {
		if first[i].Kind != want[i].Kind || first[i].PC != want[i].PC {
			t.Errorf("action %d became %v, was %v", i, first[i], want[i])
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	for b.Loop() {
		m := New(true)
		for _, ev := range called {
			m.Handle(ev)
		}
	}
}
