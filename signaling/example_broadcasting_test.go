package signaling_test

import (
	"context"
	"fmt"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// Broadcasts: to rooms, to everybody, to all but some, on all nodes or on this
// one; volatile ones are not for those who are behind.
func Example_broadcasting() {
	srv := signaling.New(signaling.Config{})
	app := srv.App("default")
	app.Handle("say", func(c *signaling.Call) (any, error) {
		for _, room := range c.Peer.Rooms() {
			app.To(room).Except(c.Peer.ID()).Emit("said", c.Data) // to all but the sender
		}
		return nil, nil
	})
	url, stop := serve(srv)
	defer stop()

	told := make(chan string)
	clients := make(map[string]*client.Client)
	for name, room := range map[string]string{"ann": "tea", "ben": "tea", "cem": "coffee"} {
		clients[name] = dial(url, on("said", func(e *client.ServerEvent) { told <- fmt.Sprint(name, " hears ", string(e.Data)) }))
		clients[name].Join(context.Background(), room, nil)
	}
	clients["ann"].Emit(context.Background(), "say", "hello")
	fmt.Println(<-told)
	app.To("tea", "coffee").ExceptIn("tea").Emit("said", "tea is out")
	fmt.Println(<-told)
	app.All().Except(clients["ann"].ID(), clients["ben"].ID()).Local().Volatile().Emit("said", "12:00")
	fmt.Println(<-told)
	for _, c := range clients {
		c.Close(context.Background())
	}

	// Output:
	// ben hears "hello"
	// cem hears "tea is out"
	// cem hears "12:00"
}
