package turn_test

import (
	"context"
	"fmt"
	"log"

	"github.com/seed-3a7b6cbd/signal/turn"
)

func Example() {
	srv, err := turn.New(turn.Config{Listen: []string{"udp://127.0.0.1:0"}})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()

	list := srv.ICEServers("Zk8") // goes into the RTCPeerConnection of the peer Zk8
	fmt.Println(len(list), "entries,", len(list[1].URLs), "URL with credentials")

	cancel()
	fmt.Println("served until the end:", <-done)
	// Output:
	// 2 entries, 1 URL with credentials
	// served until the end: <nil>
}
