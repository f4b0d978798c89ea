package signaling_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// Users who ring each other. All devices of a user ring, and the first that accepts
// has the call; where there is none, Config.Push may wake one, with a token that lets
// it into this call.
func Example_invitations() {
	pushed := make(chan signaling.Push, 2)
	srv := signaling.New(signaling.Config{
		Authenticate: func(_ context.Context, h signaling.Hello) (signaling.Identity, error) {
			return signaling.Identity{
				User: h.Token, Name: strings.ToUpper(h.Token),
				Grants: &signaling.Grants{Users: []string{"*"}}, // who may be rung, watched and written to
			}, nil
		},
		Push: func(_ context.Context, p signaling.Push) bool {
			pushed <- p // to whoever can wake a phone
			return true
		},
	})
	url, stop := serve(srv)
	defer stop()
	as := func(token string) *client.Client {
		return dial(url, client.Config{Token: func(context.Context) (string, error) { return token, nil }})
	}

	ctx := context.Background()
	ann := as("ann")
	call, err := ann.Invite(ctx, "ben", client.InviteOptions{})
	if err != nil {
		panic(err)
	}
	push := <-pushed
	fmt.Println(push.Kind, push.User, "for", push.Name)

	phone := as(push.Token)
	for e := range phone.UserEvents(ctx) {
		if e, ok := e.(client.Invited); ok {
			fmt.Println(phone.User(), "is rung by", e.Name)
			phone.Accept(ctx, e.Invite)
			break
		}
	}
	answer, err := call.Wait(ctx)
	fmt.Println(answer.User, "accepts", err)
	fmt.Println((<-pushed).Kind) // other phones need not ring any more
	for _, c := range []*client.Client{ann, phone} {
		room, err := c.Join(ctx, answer.Room, nil)
		fmt.Println(room.Name() == answer.Room, err)
	}
	ann.Close(ctx)
	phone.Close(ctx)

	// Output:
	// ring ben for ANN
	// ben is rung by ANN
	// ben accepts <nil>
	// answered
	// true <nil>
	// true <nil>
}
