package signaling_test

import (
	"context"
	"fmt"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// Namespaces are apps: those that have a name, and those that are made on demand
// for a pattern. Rooms, users and events of two apps never meet.
func Example_namespaces() {
	srv := signaling.New(signaling.Config{})
	where := func(c *signaling.Call) (any, error) { return c.Peer.App().Name(), nil }
	srv.App("support").Handle("where", where)
	srv.AppPattern("team-*").Handle("where", where) // shared by all teams
	url, stop := serve(srv)
	defer stop()

	for _, app := range []string{"support", "team-a", "team-b"} {
		c := dial(url, client.Config{App: app})
		answer, _ := c.Emit(context.Background(), "where", nil)
		fmt.Println(string(answer))
		c.Close(context.Background())
	}
	_, err := client.Dial(context.Background(), url, client.Config{App: "other"})
	fmt.Println(err != nil)

	// Output:
	// "support"
	// "team-a"
	// "team-b"
	// true
}
