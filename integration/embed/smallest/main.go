// Command smallest is signaling in a service, and nothing else.
package main

import (
	"log"
	"net/http"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

func main() {
	srv := signaling.New(signaling.Config{})
	http.Handle("/ws", ws.Handler(srv, ws.Config{}))
	log.Fatal(http.ListenAndServe(":8080", nil))
}
