package jwt_test

import (
	"fmt"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/jwt"
)

// A service that shares a secret with the server lets its users in.
func Example() {
	secret := []byte("thirty-two bytes that nobody can guess")
	v, err := jwt.New(jwt.Config{Keys: []jwt.Key{{Value: secret}}, Audience: []string{"calls"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := signaling.New(signaling.Config{Authenticate: v.Authenticate})
	_ = srv // mounted with ws.Handler

	token, err := jwt.Sign(secret, jwt.Claims{
		Identity: signaling.Identity{
			User: "ann", Name: "Ann", Expires: time.Now().Add(10 * time.Minute),
			Grants: &signaling.Grants{Rooms: []string{"team-*"}},
		},
		Audience: []string{"calls"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(token) > 100)
	// Output: true
}
