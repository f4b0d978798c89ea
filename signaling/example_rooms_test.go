package signaling_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Rooms, which clients join and leave freely, and into which the server can put
// them. A hook may refuse a join, others are told what has happened.
func Example_rooms() {
	srv := signaling.New(signaling.Config{})
	app := srv.App("default")
	app.OnJoin(func(p *signaling.Peer, room string, data json.RawMessage) error {
		if room == "staff" {
			return signaling.Refuse("forbidden", "staff only")
		}
		return nil
	})
	app.OnRoomCreated(func(room string) { fmt.Println("created", room) })
	app.OnJoined(func(p *signaling.Peer, room string) { fmt.Println("joined", room) })
	app.OnLeft(func(p *signaling.Peer, room string, reason wire.Reason) { fmt.Println("left", room, reason) })
	over := make(chan bool)
	app.OnRoomDeleted(func(room string) {
		if fmt.Println("deleted", room); room == "tea" {
			close(over)
		}
	})
	app.Handle("promote me", func(c *signaling.Call) (any, error) {
		return nil, c.Peer.Join("staff") // without OnJoin
	})
	url, stop := serve(srv)
	defer stop()

	rooms := make(chan *client.Room)
	ann := dial(url, client.Config{Joined: func(r *client.Room) { rooms <- r }})
	tea, err := ann.Join(context.Background(), "tea", json.RawMessage(`{"name":"Ann"}`))
	fmt.Println(tea.Name(), err)
	_, err = ann.Join(context.Background(), "staff", nil)
	fmt.Println(err)
	ann.Emit(context.Background(), "promote me", nil)
	staff := <-rooms
	fmt.Println(app.Rooms(), string(app.Members("tea")[0].Data))
	app.Peer(ann.ID()).Leave("staff")
	last, _ := staff.Next(context.Background())
	fmt.Println(last)
	ann.Close(context.Background())
	<-over

	// Unordered output:
	// created tea
	// joined tea
	// tea <nil>
	// forbidden: staff only
	// created staff
	// joined staff
	// [staff tea] {"name":"Ann"}
	// client: taken out of room "staff": forbidden
	// left staff forbidden
	// deleted staff
	// left tea left
	// deleted tea
}
