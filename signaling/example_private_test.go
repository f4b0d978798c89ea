package signaling_test

import (
	"context"
	"fmt"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// A private message: to one peer, by its id, on whatever node it is. All devices of
// somebody are app.User(user).
func Example_privateMessages() {
	type whisper struct{ To, From, Text string }
	srv := signaling.New(signaling.Config{})
	app := srv.App("default")
	signaling.Handle(app, "whisper", func(c *signaling.Call, w whisper) (any, error) {
		w.From = c.Peer.ID() // never what the client says
		return nil, app.Peer(w.To).Emit("whisper", w)
	})
	url, stop := serve(srv)
	defer stop()

	told := make(chan string)
	ann := dial(url, client.Config{})
	ben := dial(url, on("whisper", func(e *client.ServerEvent) {
		var w whisper
		if e.Bind(&w) == nil && w.From == ann.ID() {
			told <- w.Text
		}
	}))
	_, err := ann.Emit(context.Background(), "whisper", whisper{To: ben.ID(), Text: "psst"})
	fmt.Println(<-told, err)
	ann.Close(context.Background())
	ben.Close(context.Background())

	// Output:
	// psst <nil>
}
