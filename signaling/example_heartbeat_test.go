package signaling_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// mute is a connection on which, from some time on, nothing arrives any more: as
// when a phone leaves its network.
type mute struct {
	net.Conn
	on *atomic.Bool
}

func (m mute) Write(p []byte) (int, error) {
	if m.on.Load() {
		return len(p), nil
	}
	return m.Conn.Write(p)
}

// Heartbeats notice a connection that is dead and does not know it. Others are
// told when that lasts for longer than Config.AwayAfter.
func Example_heartbeat() {
	srv := signaling.New(signaling.Config{
		PingAfter: 200 * time.Millisecond, // of silence towards a client
		DeadAfter: time.Second,            // of silence from it
		AwayAfter: time.Millisecond,
	})
	url, stop := serve(srv)
	defer stop()

	ann := dial(url, client.Config{})
	room, _ := ann.Join(context.Background(), "tea", nil)
	var silent atomic.Bool
	ben := dial(url, client.Config{NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if silent.Load() {
			return nil, context.Canceled
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return mute{conn, &silent}, err
	}})
	ben.Join(context.Background(), "tea", nil)
	for e := range room.Events(context.Background()) {
		switch e.(type) {
		case client.PeerJoined:
			fmt.Println("ben is here")
			silent.Store(true)
		case client.PeerAway:
			fmt.Println("ben is away")
			silent.Store(false)
		case client.PeerBack:
			fmt.Println("ben is back")
			go ben.Close(context.Background())
		case client.PeerLeft:
			fmt.Println("ben has left")
			go ann.Close(context.Background()) // which ends Events
		}
	}

	// Output:
	// ben is here
	// ben is away
	// ben is back
	// ben has left
}
