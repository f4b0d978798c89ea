package main

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v4"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// allocate has TURN give a relayed address to the peer of a welcome.
func allocate(t *testing.T, w *wire.Welcome) net.PacketConn {
	t.Helper()
	for _, server := range w.ICE.List {
		for _, u := range server.URLs {
			address, ok := strings.CutPrefix(strings.TrimSuffix(u, "?transport=udp"), "turn:")
			if !ok || strings.HasSuffix(u, "tcp") {
				continue
			}
			conn, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			c, err := turn.NewClient(&turn.ClientConfig{
				Conn: conn, TURNServerAddr: address, STUNServerAddr: address, Username: server.Username, Password: server.Credential,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			if err := c.Listen(); err != nil {
				t.Fatal(err)
			}
			relayed, err := c.Allocate()
			if err != nil {
				t.Fatal(err)
			}
			return relayed
		}
	}
	t.Fatalf("no TURN over UDP in %+v", w.ICE)
	return nil
}

// What a peer relays ends with its session: a bye takes its allocations along.
func TestRelayEndsWithTheSession(t *testing.T) {
	c := parse(t, "--listen", "127.0.0.1:0", "--turn-listen", "127.0.0.1:0", "--state-dir", t.TempDir())
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	n, err := newNode(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})

	s := &served{t: t, url: n.url()}
	socket, hello := s.dial("")
	m, err := wire.Scan([]byte(hello))
	if err != nil {
		t.Fatal(err)
	}
	allocate(t, m.Welcome)
	if got := n.turn.Stats().Allocations; got != 1 {
		t.Fatalf("%d allocations, want 1", got)
	}
	if err := socket.WriteMessage(1, []byte(`{"id":1,"type":"bye"}`)); err != nil {
		t.Fatal(err)
	}
	for late := time.After(10 * time.Second); n.turn.Stats().Allocations > 0; {
		select {
		case <-late:
			t.Fatal("the allocation outlives its session")
		case <-time.After(time.Millisecond):
		}
	}
}
