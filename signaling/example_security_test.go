package signaling_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

// Security: pages of other origins are refused before anything else happens, who
// somebody is comes from a token and never from the client, and what a token
// grants holds everywhere. Package jwt is an Authenticate for JSON Web Tokens.
func Example_security() {
	srv := signaling.New(signaling.Config{
		Authenticate: func(_ context.Context, h signaling.Hello) (signaling.Identity, error) {
			user, ok := strings.CutPrefix(h.Token, "secret of ")
			if !ok {
				return signaling.Identity{}, signaling.Refuse("unauthenticated", "the token is not one of ours")
			}
			return signaling.Identity{User: user, Grants: &signaling.Grants{Rooms: []string{user + "-*"}}}, nil
		},
	})
	server := httptest.NewServer(ws.Handler(srv, ws.Config{Origins: []string{"https://app.example.org"}}))
	defer server.Close()
	defer srv.Shutdown(context.Background())

	config := func(token, origin string) client.Config {
		return client.Config{
			Token:  func(context.Context) (string, error) { return token, nil },
			Header: map[string][]string{"Origin": {origin}},
		}
	}
	code := func(err error) string {
		var refusal *signaling.Error
		errors.As(err, &refusal)
		return string(refusal.Code)
	}
	_, err := client.Dial(context.Background(), server.URL, config("secret of ann", "https://evil.example"))
	fmt.Println(code(err))
	_, err = client.Dial(context.Background(), server.URL, config("ann", "https://app.example.org"))
	fmt.Println(code(err))
	ann := dial(server.URL, config("secret of ann", "https://app.example.org"))
	_, err = ann.Join(context.Background(), "ben-1", nil)
	fmt.Println(code(err))
	room, err := ann.Join(context.Background(), "ann-1", nil)
	fmt.Println(room.Name(), err)
	ann.Close(context.Background())

	// Output:
	// origin_not_allowed
	// unauthenticated
	// forbidden
	// ann-1 <nil>
}
