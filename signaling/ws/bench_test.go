package ws

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

// BenchmarkPairs sends a message from one peer to the other and waits for it,
// in many rooms at once: read, scan, route, write and read.
func BenchmarkPairs(b *testing.B) {
	for _, size := range []int{250, 2500} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			h := newHarness(b, signaling.Config{Rate: 1 << 30, Burst: 1 << 30, Bytes: 1 << 40}, Config{})
			defer h.stop()
			data := `"` + strings.Repeat("x", size) + `"`
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				room := fmt.Sprintf("r%p", pb)
				alice, bob := h.join(room), h.join(room)
				defer alice.Close()
				defer bob.Close()
				alice.want("peer-joined")
				ack := 0
				for pb.Next() {
					bob.id++
					frame := fmt.Appendf(nil, `{"id":%d,"type":"message","room":%q,"to":%q,"data":%s}`, bob.id, room, alice.peer, data)
					if err := bob.WriteMessage(websocket.TextMessage, frame); err != nil {
						b.Error(err)
						return
					}
					if _, _, err := alice.ReadMessage(); err != nil {
						b.Error(err)
						return
					}
					if ack++; ack%16 == 0 { // as a client does
						alice.say(fmt.Sprintf(`{"type":"ack","ack":%d}`, ack))
					}
				}
			})
		})
	}
}
