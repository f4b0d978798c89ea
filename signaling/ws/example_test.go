package ws_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

// Mounted in a service that exists, below a path of its choice, for pages of
// another origin.
func ExampleHandler() {
	srv := signaling.New(signaling.Config{})

	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "the service") })
	mux.Handle("/calls/ws", ws.Handler(srv, ws.Config{Origins: []string{"https://app.example"}}))
	service := httptest.NewServer(mux)
	defer service.Close()

	url := "ws" + strings.TrimPrefix(service.URL, "http") + "/calls/ws"
	c, _, err := websocket.DefaultDialer.Dial(url, http.Header{
		"Sec-Websocket-Protocol": {ws.Subprotocol},
		"Origin":                 {"https://app.example"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello"}`))
	_, frame, err := c.ReadMessage()
	if err != nil {
		fmt.Println(err)
		return
	}
	var welcome struct{ Type, Peer string }
	json.Unmarshal(frame, &welcome)
	fmt.Println(welcome.Type, len(welcome.Peer))
	// Output: welcome 20
}

// A service whose users have a cookie needs no tokens.
func ExampleConfig_cookies() {
	srv := signaling.New(signaling.Config{Authenticate: signaling.FromRequest})
	sessions := map[string]string{"c00k1e": "ann"} // of the service
	service := httptest.NewServer(ws.Handler(srv, ws.Config{Context: func(r *http.Request) any {
		cookie, err := r.Cookie("session")
		if err != nil {
			return nil
		}
		return signaling.Identity{User: sessions[cookie.Value]}
	}}))
	defer service.Close()

	for _, cookie := range []string{"session=c00k1e", "session=guessed"} {
		c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(service.URL, "http"), http.Header{
			"Sec-Websocket-Protocol": {ws.Subprotocol},
			"Cookie":                 {cookie},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.Close()
		c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello"}`))
		var answer struct{ Type, User, Text string }
		if err := c.ReadJSON(&answer); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer.Type, answer.User+answer.Text)
	}
	// Output:
	// welcome ann
	// error log in first
}
