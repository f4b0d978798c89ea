package signaling_test

import (
	"context"
	"fmt"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// A connection: who it is, what it may be told at once, and what is kept with it.
func Example_connection() {
	srv := signaling.New(signaling.Config{
		Authenticate: func(ctx context.Context, h signaling.Hello) (signaling.Identity, error) {
			if h.Token == "" {
				return signaling.Identity{}, signaling.Refuse("unauthenticated", "log in first")
			}
			return signaling.Identity{User: h.Token}, nil
		},
	})
	srv.App("default").OnConnect(func(p *signaling.Peer) error {
		p.Set("visits", 1)
		return p.Emit("welcome", "hello "+p.User())
	})
	url, stop := serve(srv)
	defer stop()

	_, err := client.Dial(context.Background(), url, client.Config{})
	fmt.Println(err)

	told := make(chan string)
	config := on("welcome", func(e *client.ServerEvent) { told <- string(e.Data) })
	config.Token = func(context.Context) (string, error) { return "ann", nil }
	ann := dial(url, config)
	fmt.Println(<-told)
	ann.Close(context.Background())

	// Output:
	// client: hello: unauthenticated: log in first
	// "hello ann"
}
