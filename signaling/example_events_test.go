package signaling_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// Events of your own, in both directions. The data of a typed handler is checked
// before it is called, and its result is the answer. Bytes travel as Binary.
func Example_events() {
	type order struct {
		Item   string           `json:"item"`
		Number int              `json:"number"`
		Photo  signaling.Binary `json:"photo,omitempty"`
	}
	srv := signaling.New(signaling.Config{})
	app := srv.App("default")
	signaling.Handle(app, "order", func(c *signaling.Call, o order) (any, error) {
		c.Peer.Emit("progress", "packing "+o.Item) // comes before the answer
		return map[string]int{"price": 3 * o.Number, "bytes": len(o.Photo)}, nil
	})
	app.HandleAny(func(c *signaling.Call) (any, error) {
		return strings.ToUpper(c.Name), nil
	})
	url, stop := serve(srv)
	defer stop()

	told := make(chan string, 1)
	ann := dial(url, on("progress", func(e *client.ServerEvent) { told <- string(e.Data) }))
	defer ann.Close(context.Background())
	answer, err := ann.Emit(context.Background(), "order", order{Item: "tea", Number: 2, Photo: []byte("\x89PNG")})
	fmt.Println(<-told, string(answer), err)
	_, err = ann.Emit(context.Background(), "order", "tea")
	fmt.Println(err)
	answer, _ = ann.Emit(context.Background(), "anything else", nil)
	fmt.Println(string(answer))

	// Output:
	// "packing tea" {"bytes":4,"price":6} <nil>
	// bad_message: order: data: json: cannot unmarshal string into Go value of type signaling_test.order
	// "ANYTHING ELSE"
}
