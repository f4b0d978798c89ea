package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

const (
	warmUp  = 1300 * time.Millisecond
	measure = 3 * time.Second
	runs    = 3
)

// relay measures messages per CPU second between pairs.
func (b bench) relay(ctx context.Context, pairs int) error {
	for _, size := range []int{2500, 250} {
		for range runs {
			perCPU, perSecond, err := b.relayOnce(ctx, pairs, size)
			if err != nil {
				return err
			}
			fmt.Printf("relay %4d B, %d pairs: %6.0f messages per CPU second, %6.0f per second\n", size, pairs, perCPU, perSecond)
		}
	}
	return nil
}

func (b bench) relayOnce(ctx context.Context, pairs, size int) (perCPU, perSecond float64, err error) {
	s, err := b.start(ctx, "--no-turn")
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	var delivered atomic.Int64
	var wg sync.WaitGroup
	var conns []*conn
	defer func() { // also when the set-up fails
		for _, c := range conns {
			c.cut()
		}
		wg.Wait()
	}()
	for i := range pairs {
		one, two, err := pair(ctx, s.socket(), fmt.Sprintf("pair-%d", i))
		if err != nil {
			return 0, 0, err
		}
		conns = append(conns, one, two)
		if err := one.send(0, one.message(size)); err != nil {
			return 0, 0, err
		}
		wg.Go(func() { one.echo(size, &delivered) })
		wg.Go(func() { two.echo(size, &delivered) })
	}
	if err := pause(ctx, warmUp); err != nil {
		return 0, 0, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return 0, 0, err
	}
	from, count := time.Now(), delivered.Load()
	if err := pause(ctx, measure); err != nil {
		return 0, 0, err
	}
	after, err := s.cpu()
	n := float64(delivered.Load() - count)
	return n / (after - cpu).Seconds(), n / time.Since(from).Seconds(), err
}

// message makes the body of a message of about size bytes to the peer.
func (c *conn) message(size int) []byte {
	data := `"` + strings.Repeat(`a=rtpmap:111 opus\r\n`, size/21) + `"`
	return (&wire.Message{Type: wire.TypeMessage, Room: c.room, To: c.peer, Data: []byte(data)}).AppendBody(nil)
}

// echo answers each message with one, until the connection ends.
func (c *conn) echo(size int, delivered *atomic.Int64) {
	relayed, body := []byte(`"type":"message"`), c.message(size)
	buf := make([]byte, 0, size+256)
	var last uint64
	for {
		_, frame, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		last = max(last, seq(frame))
		if !bytes.Contains(frame[:min(len(frame), 80)], relayed) {
			continue
		}
		delivered.Add(1)
		c.id++
		buf = wire.AppendClient(buf[:0], c.id, last, body)
		if c.ws.WriteMessage(websocket.TextMessage, buf) != nil {
			return
		}
	}
}
