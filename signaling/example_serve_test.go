package signaling_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

// serve is what the examples run their servers with.
func serve(srv *signaling.Server) (url string, stop func()) {
	mux := http.NewServeMux()
	mux.Handle("/ws", ws.Handler(srv, ws.Config{}))
	server := httptest.NewServer(mux)
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/ws", func() {
		srv.Shutdown(context.Background())
		server.Close()
	}
}

// dial connects one of the clients of the examples.
func dial(url string, config client.Config) *client.Client {
	c, err := client.Dial(context.Background(), url, config)
	if err != nil {
		panic(err)
	}
	return c
}

// on makes the configuration of a client that handles one event.
func on(name string, handle func(e *client.ServerEvent)) client.Config {
	return client.Config{On: map[string]client.Handler{
		name: func(_ context.Context, e *client.ServerEvent) (any, error) { handle(e); return nil, nil },
	}}
}
