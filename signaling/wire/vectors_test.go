package wire

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// A vector is one case of testdata/vectors.json; testdata/README.md says what
// its fields mean.
type vector struct {
	Name, By, Frame, Hex, Canonical string
	Error                           Code
	ID                              uint64
}

func (v vector) frame(t testing.TB) []byte {
	t.Helper()
	if v.Hex == "" {
		return []byte(v.Frame)
	}
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatalf("%s: hex: %v", v.Name, err)
	}
	return b
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(text, &vs); err != nil {
		t.Fatal(err)
	}
	return vs
}

// read reads a frame as the side that receives it does.
func (v vector) read(frame []byte) (*Message, *Error) {
	m, err := Scan(frame)
	var refusal *Error
	if errors.As(err, &refusal) {
		return m, refusal
	}
	if v.By == "client" {
		return m, m.Check()
	}
	return m, nil
}

func encode(m *Message) []byte {
	body := m.AppendBody(nil)
	if m.Seq != 0 {
		return AppendServer(nil, m.Seq, m.Ack, body)
	}
	return AppendClient(nil, m.ID, m.Ack, body)
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			m, refusal := v.read(v.frame(t))
			if v.Error != "" {
				if refusal == nil || refusal.Code != v.Error || m.ID != v.ID {
					t.Fatalf("got %v (id %d), want %s (id %d)", refusal, m.ID, v.Error, v.ID)
				}
				return
			}
			if refusal != nil {
				t.Fatalf("refused: %v", refusal)
			}
			want := v.Frame
			if v.Canonical != "" {
				want = v.Canonical
			}
			if got := string(encode(m)); got != want {
				t.Fatalf("encoded again:\n got %s\nwant %s", got, want)
			}
		})
	}
}
