package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A conn is a client that costs the loader little: it speaks just enough of
// signal.v1 to join a room and to exchange messages with one peer.
type conn struct {
	ws   *websocket.Conn
	id   uint64
	room string
	peer string // the other one in the room
}

// join connects and joins room. The other member, if there is one already, is
// in peer.
func join(ctx context.Context, url, room string) (*conn, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"signal.v1"}, ReadBufferSize: 4096, WriteBufferSize: 4096}
	ws, _, err := dialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c := &conn{ws: ws, room: room}
	hello := (&wire.Message{Type: wire.TypeHello}).AppendBody(nil)
	if err := ws.WriteMessage(websocket.TextMessage, wire.AppendClient(nil, 0, 0, hello)); err != nil {
		return nil, err
	}
	if err := c.send(0, (&wire.Message{Type: wire.TypeJoin, Room: room}).AppendBody(nil)); err != nil {
		return nil, err
	}
	m, err := c.until(wire.TypeJoined)
	if err != nil {
		return nil, err
	}
	if len(m.Peers) > 0 {
		c.peer = m.Peers[0].ID
	}
	return c, nil
}

// until reads up to a message of a type, and acknowledges it.
func (c *conn) until(t wire.Type) (*wire.Message, error) {
	for {
		_, frame, err := c.ws.ReadMessage()
		if err != nil {
			return nil, fmt.Errorf("waiting for %s: %w", t, err)
		}
		m, err := wire.Scan(frame)
		if err != nil {
			return nil, err
		}
		switch m.Type {
		case t:
			ack := (&wire.Message{Type: wire.TypeAck}).AppendBody(nil)
			return m, c.ws.WriteMessage(websocket.TextMessage, wire.AppendClient(nil, 0, m.Seq, ack))
		case wire.TypeError:
			return nil, fmt.Errorf("waiting for %s: %s: %s", t, m.Code, m.Text)
		}
	}
}

func (c *conn) send(ack uint64, body []byte) error {
	c.id++
	return c.ws.WriteMessage(websocket.TextMessage, wire.AppendClient(nil, c.id, ack, body))
}

// seq reads the number at the head of a server's frame; 0: it has none.
func seq(frame []byte) uint64 {
	rest, ok := bytes.CutPrefix(frame, []byte(`{"seq":`))
	if !ok {
		return 0
	}
	n, _ := strconv.ParseUint(string(rest[:max(0, bytes.IndexByte(rest, ','))]), 10, 64)
	return n
}

// pair connects two clients in a room of their own.
func pair(ctx context.Context, url, room string) (a, b *conn, err error) {
	if a, err = join(ctx, url, room); err != nil {
		return nil, nil, err
	}
	if b, err = join(ctx, url, room); err != nil {
		return nil, nil, err
	}
	m, err := a.until(wire.TypePeerJoined)
	if err != nil {
		return nil, nil, err
	}
	a.peer = m.Peer.ID
	return a, b, nil
}

// cut ends a connection at once.
func (c *conn) cut() { c.ws.Close() }

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
