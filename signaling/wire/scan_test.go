package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScan holds Scan against encoding/json: both accept the same frames (but
// for what Scan is stricter in, which has a text), and an accepted message
// survives encoding.
func FuzzScan(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(v.frame(f))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		original := bytes.Clone(frame)
		m, err := Scan(frame)
		if !bytes.Equal(frame, original) {
			t.Fatal("Scan changed the frame")
		}
		if err != nil {
			return
		}
		if !utf8.Valid(frame) || !json.Valid(frame) {
			t.Fatalf("accepted what is not JSON: %q", frame)
		}
		if m.Data != nil && !json.Valid(m.Data) {
			t.Fatalf("data is not JSON: %q", m.Data)
		}
		_ = m.Check()
		once := encode(m)
		again, err := Scan(bytes.Clone(once))
		if err != nil {
			t.Fatalf("own encoding refused: %v: %s", err, once)
		}
		if twice := encode(again); !bytes.Equal(once, twice) {
			t.Fatalf("encoded twice:\n%s\n%s", once, twice)
		}
	})
}

// FuzzJSON: whatever encoding/json takes as one object of at most maxDepth
// levels, the scanner takes too, and nothing else.
func FuzzJSON(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(v.frame(f))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) {
			return
		}
		s := scanner{b: text}
		s.space()
		_, err := s.value()
		s.space()
		if err == errDepth {
			return
		}
		if ok := err == nil && s.i == len(text); ok != json.Valid(text) {
			t.Fatalf("scanner says %v (%v), encoding/json %v: %q", ok, err, !ok, text)
		}
	})
}

func TestScanCountsTheElementsOfData(t *testing.T) {
	for text, want := range map[string]int{`[]`: 0, `[1]`: 1, `[[1,2],{"a":[3]},"x"]`: 3, `{"a":[1]}`: 0, `"x"`: 0} {
		m, err := Scan([]byte(`{"id":1,"type":"candidates","data":` + text + `}`))
		if err != nil || m.Elements != want {
			t.Errorf("%s: %d elements, error %v; want %d", text, m.Elements, err, want)
		}
	}
}

func TestRefusalTextIsBounded(t *testing.T) {
	_, err := Scan([]byte(`{"id":"` + strings.Repeat("é", 10_000) + `"}`))
	if err == nil || len(err.Error()) > 200 {
		t.Fatalf("text of %d bytes: %v", len(err.Error()), err)
	}
}

// PROTOCOL.md is what clients are written from: its table of codes is the one
// in the code.
func TestProtocolListsEveryCode(t *testing.T) {
	text, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z_0-9]+)` \\| (\\d*) ?\\| (\\d*) ?\\| (\\w+) \\|")
	listed := map[Code]Info{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		var i Info
		fmt.Sscan(m[2], &i.Status)
		fmt.Sscan(m[3], &i.Close)
		i.Retry = Retry(m[4])
		listed[Code(m[1])] = i
	}
	for c, want := range infos {
		if got, ok := listed[c]; !ok || got != want {
			t.Errorf("%s: PROTOCOL.md has %v (listed: %v), codes.go %v", c, got, ok, want)
		}
		delete(listed, c)
	}
	for c := range listed {
		t.Errorf("%s: in PROTOCOL.md but not in codes.go", c)
	}
}

// sdpFrame is an offer of about n bytes, as a browser writes it.
func sdpFrame(n int) []byte {
	line := `a=rtpmap:111 opus/48000/2\r\n`
	data := `{"type":"offer","sdp":"` + strings.Repeat(line, n/len(line)) + `"}`
	return []byte(`{"id":3,"ack":2,"type":"offer","room":"standup","to":"AAAAAAAAAAAAAAAAAAAA","pc":1,"gen":1,"n":1,"data":` + data + `}`)
}

func BenchmarkScan(b *testing.B) {
	for _, size := range []int{100, 2500} {
		frame := sdpFrame(size)
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				if _, err := Scan(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	// The baseline, in the same run: what encoding/json takes to look at the
	// same frame.
	frame := sdpFrame(2500)
	b.Run("json.Valid/2500B", func(b *testing.B) {
		b.SetBytes(int64(len(frame)))
		for b.Loop() {
			json.Valid(frame)
		}
	})
}

func BenchmarkAppendServer(b *testing.B) {
	m, err := Scan(sdpFrame(2500))
	if err != nil {
		b.Fatal(err)
	}
	body := m.AppendBody(nil)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendServer(buf[:0], 42, 7, body)
	}
}
