package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func BenchmarkRelay(b *testing.B) {
	for _, size := range []int{250, 2500} {
		b.Run(fmt.Sprintf("pair %d B", size), func(b *testing.B) { benchmarkRelay(b, size, 2) })
	}
	b.Run("broadcast to 50", func(b *testing.B) { benchmarkRelay(b, 250, 51) })
}

// benchmarkRelay sends from one member of a room to all others, who take and
// acknowledge.
func benchmarkRelay(b *testing.B, size, members int) {
	srv := New(Config{MaxPeers: members, Rate: 1e9, Burst: 1e9, Bytes: 1 << 40})
	defer srv.Shutdown(context.Background())
	links := make([]*Link, members)
	for i := range links {
		links[i], _ = srv.Admit(LinkInfo{})
		defer links[i].Detach(nil)
		links[i].Start(blackHole{})
		links[i].Receive(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}}, 20)
		links[i].Receive(&wire.Message{Type: wire.TypeJoin, ID: 1, Room: "room"}, 20)
		for links[i].busy() {
			runtime.Gosched() // its answer comes from another goroutine
		}
	}
	to := ""
	if members == 2 {
		to = links[1].sess.Load().peer
	}
	data := json.RawMessage(long(size))
	id := uint64(1)
	var batch []Outgoing
	b.ReportAllocs()
	for b.Loop() {
		id++
		if _, err := links[0].Receive(&wire.Message{Type: wire.TypeMessage, ID: id, Room: "room", To: to, Data: data}, size); err != nil {
			b.Fatal(err)
		}
		for _, l := range links[1:] {
			batch, _ = l.Take(batch[:0], 100)
			if _, err := l.Receive(&wire.Message{Type: wire.TypeAck, Ack: batch[len(batch)-1].Seq}, 20); err != nil {
				b.Fatal(err)
			}
		}
		batch, _ = links[0].Take(batch[:0], 100)
	}
}
