package ws

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// TestFrameHeadersAreMinimal holds RFC 6455 §5.2: the length takes the
// shortest form that it fits in.
func TestFrameHeadersAreMinimal(t *testing.T) {
	for n := range 300 {
		checkHeader(t, n)
	}
	for n := 65_400; n < 65_600; n++ {
		checkHeader(t, n)
	}
}

func checkHeader(t *testing.T, n int) {
	t.Helper()
	out := signaling.Outgoing{Seq: 7, Body: &signaling.Body{Message: &wire.Message{
		Type: wire.TypeMessage, Data: json.RawMessage(`"` + strings.Repeat("x", n) + `"`),
	}}}
	want := wire.AppendServer(nil, out.Seq, out.Ack, out.Body.JSON())
	var header []byte
	switch size := len(want); {
	case size < 126:
		header = []byte{0x81, byte(size)}
	case size < 65536:
		header = binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(size))
	default:
		header = binary.BigEndian.AppendUint64([]byte{0x81, 127}, uint64(size))
	}
	got := appendText([]byte("before"), out)
	if !bytes.Equal(got, append(append([]byte("before"), header...), want...)) {
		t.Errorf("%d bytes: frame begins with % x, want % x", len(want), got[6:16], header)
	}
}

func TestCloseFrames(t *testing.T) {
	for want, got := range map[string][]byte{
		"\x88\x00":            closeFrame(0, ""),
		"\x88\x05\x03\xe8bye": closeFrame(1000, "bye"),
		"\x88\x7d\x03\xe8" + strings.Repeat("x", 123): closeFrame(1000, strings.Repeat("x", 200)),
	} {
		if string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
