package signaling_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// Who is online. App.Peers knows those of this node; who is in a room is
// known for all nodes, so a room that everybody joins is a list of everybody.
// Clients watch users by themselves, with the message watch.
func Example_onlineUsers() {
	srv := signaling.New(signaling.Config{
		Authenticate: func(_ context.Context, h signaling.Hello) (signaling.Identity, error) {
			return signaling.Identity{User: h.Token}, nil
		},
		MaxPeers: 1000,
	})
	app := srv.App("default")
	app.OnConnect(func(p *signaling.Peer) error { return p.Join("lobby") })
	app.Handle("who", func(c *signaling.Call) (any, error) {
		var users []string
		for _, m := range app.Members("lobby") {
			users = append(users, m.User)
		}
		slices.Sort(users)
		return users, nil
	})
	url, stop := serve(srv)
	defer stop()

	joined := make(chan bool)
	as := func(user string) *client.Client {
		return dial(url, client.Config{
			Token:  func(context.Context) (string, error) { return user, nil },
			Joined: func(*client.Room) { joined <- true }, // without it, it would leave
		})
	}
	ann := as("ann")
	<-joined
	ben := as("ben")
	<-joined
	users, err := ben.Emit(context.Background(), "who", nil)
	fmt.Println(string(users), len(app.Peers()), err)
	ann.Close(context.Background())
	ben.Close(context.Background())

	// Output:
	// ["ann","ben"] 2 <nil>
}
