package signaling_test

import (
	"context"
	"fmt"
	"net"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// A client comes back by itself, is the same peer, and has missed nothing; hooks
// do not hear of it. With a Config.Cluster it may come back to another node.
func Example_reconnection() {
	srv := signaling.New(signaling.Config{})
	app := srv.App("default")
	app.OnConnect(func(p *signaling.Peer) error { fmt.Println("connect"); return nil })
	app.OnDisconnect(func(p *signaling.Peer, reason signaling.DisconnectReason) { fmt.Println("disconnect:", reason) })
	release := make(chan struct{})
	app.Handle("slow", func(c *signaling.Call) (any, error) { <-release; return "done", nil })
	url, stop := serve(srv)
	defer stop()

	conns := make(chan net.Conn, 2)
	config := on("news", func(e *client.ServerEvent) { fmt.Println("news", string(e.Data)); close(release) })
	config.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		conns <- conn
		return conn, err
	}
	ann := dial(url, config)
	answered := make(chan string)
	go func() {
		answer, err := ann.Emit(context.Background(), "slow", nil)
		answered <- fmt.Sprint(string(answer), " ", err)
	}()
	(<-conns).Close() // the network fails
	app.Peer(ann.ID()).Emit("news", "while you were away")
	fmt.Println(<-answered)
	fmt.Println(ann.Stats().Links, "links")
	ann.Close(context.Background())

	// Output:
	// connect
	// news "while you were away"
	// "done" <nil>
	// 2 links
	// disconnect: client
}
