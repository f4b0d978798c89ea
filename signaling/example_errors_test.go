package signaling_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// Errors: a refusal reaches the client as it is, anything else as internal, and
// the log and OnError in full. A panic harms nobody.
func Example_errors() {
	srv := signaling.New(signaling.Config{})
	app := srv.App("default")
	app.Handle("sell", func(*signaling.Call) (any, error) { return nil, signaling.Refuse("shop.closed", "come back at %d", 9) })
	app.Handle("fail", func(*signaling.Call) (any, error) { return nil, errors.New("database: connection refused") })
	app.Handle("crash", func(*signaling.Call) (any, error) { panic("oh no") })
	app.OnError(func(p *signaling.Peer, what string, err error) { fmt.Println("ours:", what+":", err) })
	url, stop := serve(srv)
	defer stop()

	ann := dial(url, client.Config{})
	for _, event := range []string{"sell", "fail", "crash", "unheard"} {
		_, err := ann.Emit(context.Background(), event, nil)
		var refusal *signaling.Error
		fmt.Println(errors.As(err, &refusal), refusal)
	}
	ann.Close(context.Background())

	// Output:
	// true shop.closed: come back at 9
	// ours: fail: database: connection refused
	// true internal: fail: the server has made a mistake
	// ours: crash: signaling: panic in crash: oh no
	// true internal: crash: the server has made a mistake
	// true unknown_event: event: nobody handles "unheard"
}
