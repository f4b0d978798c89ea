package signaling_test

import (
	"context"
	"fmt"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// The end of a session, and why. A connection that is lost is none: its client
// has Config.ResumeWindow to come back.
func Example_disconnect() {
	srv := signaling.New(signaling.Config{})
	app := srv.App("default")
	done := make(chan struct{})
	app.OnDisconnecting(func(p *signaling.Peer, reason signaling.DisconnectReason) {
		fmt.Println("was in", p.Rooms())
	})
	app.OnDisconnect(func(p *signaling.Peer, reason signaling.DisconnectReason) {
		fmt.Println("gone:", reason)
		done <- struct{}{}
	})
	url, stop := serve(srv)
	defer stop()

	ann := dial(url, client.Config{})
	ann.Join(context.Background(), "tea", nil)
	ann.Close(context.Background())
	<-done

	ben := dial(url, client.Config{})
	app.Peer(ben.ID()).Disconnect(signaling.Refuse("forbidden", "not today"))
	<-done
	<-ben.Done()
	fmt.Println(ben.Err())

	// Output:
	// was in [tea]
	// gone: client
	// was in []
	// gone: server
	// forbidden: the server closed the connection
}
