package signaling_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// Acknowledgements in both directions, with deadlines; of a broadcast, all that
// have come, beside the error that says how many have not.
func Example_acknowledgements() {
	srv := signaling.New(signaling.Config{})
	app := srv.App("default")
	app.Handle("buy", func(c *signaling.Call) (any, error) {
		sure, err := c.Peer.Request(c.Context(), "sure?", "that is 9 €") // its own peer
		return sure, err
	})
	url, stop := serve(srv)
	defer stop()

	ann, ben := dial(url, client.Config{}), dial(url, client.Config{})
	ann.On("sure?", func(context.Context, *client.ServerEvent) (any, error) { return "yes", nil })
	ben.On("sure?", func(ctx context.Context, _ *client.ServerEvent) (any, error) {
		<-ctx.Done() // ben never makes up his mind
		return nil, ctx.Err()
	})
	answer, err := ann.Emit(context.Background(), "buy", nil)
	fmt.Println(string(answer), err)
	soon, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err = ben.Emit(soon, "buy", nil)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	replies, err := app.All().Request(ctx, "sure?", nil)
	fmt.Println(len(replies), string(replies[0].Data), errors.Is(err, context.DeadlineExceeded))
	ann.Close(context.Background())
	ben.Close(context.Background())

	// Output:
	// "yes" <nil>
	// true
	// 1 "yes" true
}
