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
