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

// allocate has TURN give a relayed address to who was given ice.
func allocate(t *testing.T, ice wire.ICE) (net.PacketConn, error) {
	t.Helper()
	for _, server := range ice.List {
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
			return c.Allocate()
		}
	}
	t.Fatalf("no TURN over UDP in %+v", ice)
	return nil, nil
}

// wantRelay wants that to go well.
func wantRelay(t *testing.T, ice wire.ICE) {
	t.Helper()
	if _, err := allocate(t, ice); err != nil {
		t.Fatal(err)
	}
}

// relaying serves with TURN and more args, and returns it with what dials it.
func relaying(t *testing.T, args ...string) (*node, *served) {
	t.Helper()
	c := parse(t, append(args, "--listen", "127.0.0.1:0", "--turn-listen", "127.0.0.1:0", "--no-self-test", "--state-dir", t.TempDir())...)
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
	return n, &served{t: t, url: n.url()}
}

// wantNoAllocations waits until nothing is relayed.
func wantNoAllocations(t *testing.T, n *node) {
	t.Helper()
	for late := time.After(10 * time.Second); n.turn.Stats().Allocations > 0; {
		select {
		case <-late:
			t.Fatal("the allocation is still there")
		case <-time.After(time.Millisecond):
		}
	}
}

func welcomed(t *testing.T, hello string) *wire.Welcome {
	t.Helper()
	m, err := wire.Scan([]byte(hello))
	if err != nil {
		t.Fatal(err)
	}
	return m.Welcome
}

// What a peer relays ends with its session: a bye takes its allocations along.
func TestRelayEndsWithTheSession(t *testing.T) {
	n, s := relaying(t)
	socket, hello := s.dial("")
	wantRelay(t, welcomed(t, hello).ICE)
	if got := n.turn.Stats().Allocations; got != 1 {
		t.Fatalf("%d allocations, want 1", got)
	}
	if err := socket.WriteMessage(1, []byte(`{"id":1,"type":"bye"}`)); err != nil {
		t.Fatal(err)
	}
	wantNoAllocations(t, n)
}

// What a peer relays ends when it is taken out of a room, and its credentials with
// it, though its session lives on; with those of its next room it can relay again.
func TestRelayEndsWithAKick(t *testing.T) {
	n, s := relaying(t)
	host, _ := s.dial("")
	guest, hello := s.dial("")
	w := welcomed(t, hello)
	for _, c := range []interface {
		WriteMessage(int, []byte) error
		ReadMessage() (int, []byte, error)
	}{host, guest} { // the first in is the host
		if err := c.WriteMessage(1, []byte(`{"id":1,"type":"join","room":"x"}`)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadMessage(); err != nil {
			t.Fatal(err)
		}
	}
	wantRelay(t, w.ICE)
	if got := n.turn.Stats().Allocations; got != 1 {
		t.Fatalf("%d allocations, want 1", got)
	}
	if err := host.WriteMessage(1, []byte(`{"id":2,"type":"kick","room":"x","to":"`+w.Peer+`"}`)); err != nil {
		t.Fatal(err)
	}
	wantNoAllocations(t, n)
	if !n.signaling.Alive(w.Peer) {
		t.Error("the session has ended")
	}
	if _, err := allocate(t, w.ICE); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("Allocate with the credentials of before: %v, want 401", err)
	}
	if err := guest.WriteMessage(1, []byte(`{"id":2,"type":"join","room":"y"}`)); err != nil {
		t.Fatal(err)
	}
	for {
		_, frame, err := guest.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if m, err := wire.Scan(frame); err == nil && m.Type == wire.TypeJoined {
			wantRelay(t, *m.ICE)
			return
		}
	}
}
