package ws

import (
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

// leaving is a frame of so many bytes that leaves the room, as it goes over the
// wire; its mask is zero.
func leaving(room string, size int) []byte {
	text := `{"id":2,"type":"leave","room":"` + room + `","x":""}`
	text = strings.Replace(text, `""`, `"`+strings.Repeat("x", size-len(text))+`"`, 1)
	b := binary.BigEndian.AppendUint64([]byte{0x81, 0x80 | 127}, uint64(size))
	return append(append(b, 0, 0, 0, 0), text...)
}

func (h *harness) memory() int {
	synctest.Wait()
	return h.srv.Stats().Memory
}

// TestUnfinishedMessagesCountForMemory stops in the middle of messages.
func TestUnfinishedMessagesCountForMemory(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		for _, size := range []int{4000, 40_000, 65_536} {
			c := h.join("r")
			idle := h.memory()
			b := leaving("r", size)
			if _, err := c.wire.Write(b[:len(b)-100]); err != nil {
				t.Fatal(err)
			}
			want := 0
			if size > smallScratch { // the next power of two, but for what every link has
				want = 64<<10 - smallScratch
			}
			if held := h.memory() - idle; held != want {
				t.Errorf("%d bytes of %d count as %d, want %d", size-100, size, held, want)
			}
			if _, err := c.wire.Write(b[len(b)-100:]); err != nil {
				t.Fatal(err)
			}
			c.want("ok")
			c.say(`{"type":"ack","ack":2}`)
			if held := h.memory() - idle; held > 0 {
				t.Errorf("%d bytes are held behind a message of %d", held, size)
			}
			c.Close()
		}
		c := h.join("r")
		idle := h.memory()
		c.wire.Write(leaving("r", 40_000)[:35_000])
		if h.memory() == idle {
			t.Error("nothing is held")
		}
		time.Sleep(25*time.Second + closeTime) // it is dead
		if left := h.memory(); left > idle {
			t.Errorf("%d bytes are held for a connection that has ended, %d while it was idle", left, idle)
		}
	})
}

// TestUnfinishedMessagesAreBounded has more clients stop in the middle of a message
// than memory allows, and go on.
func TestUnfinishedMessagesAreBounded(t *testing.T) {
	const most = 256 << 10
	bubble(t, signaling.Config{MaxMemory: most}, Config{}, func(h *harness) {
		var all []*client
		for range 5 {
			all = append(all, h.join("r"))
		}
		idle, finish := h.memory(), make(chan struct{})
		for _, c := range all {
			go func() {
				b := leaving("r", 60_000)
				c.wire.Write(b[:len(b)-100])
				<-finish
				c.wire.Write(b[len(b)-100:])
			}()
		}
		time.Sleep(2 * time.Second)
		if held := h.memory(); held < most || held > most+32<<10 || idle+5*60_000 < most {
			t.Errorf("%d bytes are held, want %d, and at most one step more", held, most)
		}
		close(finish)
		for _, c := range all {
			for f, err := c.next(); f.Type != "ok"; f, err = c.next() {
				if err != nil {
					t.Fatalf("what waited did not go on: %v", err)
				}
			}
		}
		if left := h.memory(); left < idle || left > idle+20_000 { // what nobody has acknowledged
			t.Errorf("%d bytes are held when all is done, %d before", left, idle)
		}
	})
}
