package signaling_test

import (
	"context"
	"fmt"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Middleware is around connects, events, joins and messages. It may look, refuse,
// or change the answer; negotiations never wait for it.
func Example_middleware() {
	srv := signaling.New(signaling.Config{})
	app := srv.App("default")
	app.Use(func(next signaling.Handler) signaling.Handler {
		return func(c *signaling.Call) (any, error) {
			result, err := next(c)
			fmt.Println(c.Type, c.Name, c.Room, err)
			return result, err
		}
	})
	app.Use(func(next signaling.Handler) signaling.Handler {
		return func(c *signaling.Call) (any, error) {
			if _, admin := signaling.Value[bool](c.Peer, "admin"); c.Type == wire.TypeEvent && c.Name == "reset" && !admin {
				return nil, signaling.Refuse("forbidden", "admins only")
			}
			return next(c)
		}
	})
	app.Handle("reset", func(*signaling.Call) (any, error) { return nil, nil })
	app.Handle("login", func(c *signaling.Call) (any, error) { c.Peer.Set("admin", true); return nil, nil })
	url, stop := serve(srv)
	defer stop()

	ann := dial(url, client.Config{})
	ann.Emit(context.Background(), "reset", nil)
	ann.Emit(context.Background(), "login", nil)
	ann.Emit(context.Background(), "reset", nil)
	ann.Join(context.Background(), "tea", nil)
	ann.Close(context.Background())

	// Output:
	// hello   <nil>
	// event reset  forbidden: admins only
	// event login  <nil>
	// event reset  <nil>
	// join  tea <nil>
}
