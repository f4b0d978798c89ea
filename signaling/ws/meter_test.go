package ws

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

// masked is a frame of a client, with a mask of zeros.
func masked(first byte, payload int) []byte {
	switch {
	case payload <= maxControl:
		return append([]byte{first, 0x80 | byte(payload), 0, 0, 0, 0}, make([]byte, payload)...)
	default:
		return append([]byte{first, 0x80 | 126, byte(payload >> 8), byte(payload), 0, 0, 0, 0}, make([]byte, payload)...)
	}
}

func TestMeterCountsWhatIsNoMessage(t *testing.T) {
	tests := []struct {
		name         string
		stream       []byte
		frames, size int
	}{
		{"a message", masked(0x81, 300), 0, 0},
		{"a ping", masked(0x89, 100), 1, 106},
		{"a pong", masked(0x8a, 0), 1, 6},
		{"a close frame", masked(0x88, 2), 0, 0},
		{"fragments", bytes.Join([][]byte{masked(0x01, 10), masked(0x00, 200), masked(0x89, 1), masked(0x80, 0)}, nil), 2, 8 + 7},
		{"large fragments and a rest", bytes.Join([][]byte{masked(0x01, 4096), masked(0x00, 4096), masked(0x80, 10)}, nil), 0, 0},
		{"not masked", []byte{0x89, 0}, 1, 2},
		{"a length of eight bytes", append([]byte{0x00, 127, 0, 0, 0, 0, 0, 0, 0, 1}, 'x', 0x89, 0), 2, 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var whole meter
			if frames, size := whole.scan(tt.stream); frames != tt.frames || size != tt.size {
				t.Errorf("%d frames, %d bytes; want %d, %d", frames, size, tt.frames, tt.size)
			}
		})
	}
}

// FuzzMeter cuts a stream in two places, which must not matter.
func FuzzMeter(f *testing.F) {
	f.Add(bytes.Join([][]byte{masked(0x01, 10), masked(0x00, 200), masked(0x89, 1)}, nil), 3, 20)
	f.Add([]byte{0x89, 127, 255, 255, 255, 255, 255, 255, 255, 255, 0}, 1, 5)
	f.Fuzz(func(t *testing.T, stream []byte, a, b int) {
		var whole, cut meter
		frames, size := whole.scan(stream)
		if frames < 0 || size < 2*frames || size > len(stream)+frames*maxControl {
			t.Fatalf("%d frames of %d bytes in %d bytes", frames, size, len(stream))
		}
		for _, at := range []int{a, b, len(stream)} {
			at = max(0, min(at, len(stream)))
			n, bytes := cut.scan(stream[:at])
			frames, size, stream = frames-n, size-bytes, stream[at:]
		}
		if frames != 0 || size != 0 || cut != whole {
			t.Fatalf("cut, there are %d frames and %d bytes less", frames, size)
		}
	})
}

// TestControlFramesAreCharged is case 46: 20,000 pings at once.
func TestControlFramesAreCharged(t *testing.T) {
	for name, first := range map[string]byte{"pings": 0x89, "pongs": 0x8a} {
		t.Run(name, func(t *testing.T) {
			bubble(t, signaling.Config{}, Config{}, func(h *harness) {
				c := h.join("r")
				go c.flood(masked(first, 10))
				c.wantClose(4429, "rate_limited")
				if n := h.srv.Stats().Limits[signaling.LimitRate]; n != 1 {
					t.Errorf("exceeded %d times, want once", n)
				}
			})
		})
	}
}

// TestLargeMessagesInPartsAreNoMore sends messages in parts of 4 KiB, as gorilla
// does: as many as may be sent at once, if each counts for one.
func TestLargeMessagesInPartsAreNoMore(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.join("r")
		start := time.Now()
		for range 80 {
			c.send(`"type":"message","room":"r","data":"` + strings.Repeat("x", 12_000) + `"`)
		}
		c.say(`{"type":"ping"}`)
		c.want("pong")
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
	})
}

// TestEmptyFragmentsAreCharged is case 47: a message that has no end.
func TestEmptyFragmentsAreCharged(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.join("r")
		c.NetConn().Write(masked(0x01, 0))
		go c.flood(masked(0x00, 0))
		c.wantClose(4429, "rate_limited")
	})
}

// flood writes a frame as often as the server lets it.
func (c *client) flood(frame []byte) {
	for range 20_000 {
		if _, err := c.NetConn().Write(frame); err != nil {
			return
		}
	}
}

func TestFewControlFramesAreFree(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.join("r")
		for range 150 {
			if err := c.WriteMessage(websocket.PingMessage, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		c.send(`"type":"join","room":"r"`)
		c.want("joined")
		c.Close()
	})
}
