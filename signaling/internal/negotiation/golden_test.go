package negotiation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden traces")

const goldenDir = "../../wire/testdata/negotiation"

// randomTraces is how many histories are in the golden traces, each of them
// once for each side.
const randomTraces = 100

// A trace is a golden trace; its format is described beside the files.
type trace struct {
	Name   string      `json:"name"`
	Offers bool        `json:"offers"`
	Steps  []traceStep `json:"steps"`
}

type traceStep struct {
	Event   Event    `json:"event"`
	Actions []Action `json:"actions"`
}

// play gives the events to a new Machine.
func play(name string, offers bool, events []Event) trace {
	m := New(offers)
	tr := trace{Name: name, Offers: offers, Steps: []traceStep{}}
	for _, ev := range events {
		tr.Steps = append(tr.Steps, traceStep{ev, append([]Action{}, m.Handle(ev)...)})
	}
	return tr
}

// TestGolden replays the traces that Go and JavaScript share, each action in
// its order and with all its fields.
func TestGolden(t *testing.T) {
	for _, role := range []struct {
		file   string
		offers bool
		picked []scenario
	}{
		{"offerer.jsonl", true, offeringSide},
		{"answerer.jsonl", false, answeringSide},
	} {
		path := filepath.Join(goldenDir, role.file)
		if *update {
			writeGolden(t, path, role.offers, role.picked)
		}
		traces := readGolden(t, path)
		for _, tr := range traces {
			t.Run(role.file+"/"+tr.Name, func(t *testing.T) { replay(t, tr) })
		}
		for i, s := range role.picked {
			if i >= len(traces) || !bytes.Equal(marshal(t, play(s.name, role.offers, s.events)), marshal(t, traces[i])) {
				t.Errorf("%s is not what %q says: go test -run Golden -update", role.file, s.name)
			}
		}
	}
}

func replay(t *testing.T, tr trace) {
	m := New(tr.Offers)
	for i, s := range tr.Steps {
		got, want := marshal(t, append([]Action{}, m.Handle(s.Event)...)), marshal(t, s.Actions)
		if !bytes.Equal(got, want) {
			t.Fatalf("step %d %s:\ngot  %s\nwant %s", i, marshal(t, s.Event), got, want)
		}
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readGolden(t *testing.T, path string) (traces []trace) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var tr trace
		if err := json.Unmarshal(lines.Bytes(), &tr); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		traces = append(traces, tr)
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return traces
}

func writeGolden(t *testing.T, path string, offers bool, picked []scenario) {
	t.Helper()
	var out bytes.Buffer
	for _, s := range picked {
		out.Write(marshal(t, play(s.name, offers, s.events)))
		out.WriteByte('\n')
	}
	for i := range randomTraces {
		events := overheard(uint64(i), offers)
		out.Write(marshal(t, play("random "+string(marshal(t, i)), offers, events)))
		out.WriteByte('\n')
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// overheard are the events of one side of a random history, with descriptions
// that are cut down to their ufrags: the machine sees no more of them.
func overheard(seed uint64, offers bool) (events []Event) {
	h := randomHistory(rand.New(rand.NewPCG(seed, 11)), 14)
	w := newWorld(h)
	s := w.a
	if !offers {
		s = w.b
	}
	s.record = func(ev Event, _ []Action) {
		if sdp := description(ev.Data); sdp != "" {
			short := ""
			for _, u := range Ufrags(sdp) {
				short += "a=ice-ufrag:" + u + "\n"
			}
			ev.Data = sdpData(short)
		}
		events = append(events, ev)
	}
	w.run(h)
	return events
}
