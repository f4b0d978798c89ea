package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/seed-3a7b6cbd/signal/integration/embed/internal/suite"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

func TestCallThroughChi(t *testing.T) {
	calls := newCalls()
	suite.Run(t, suite.Service{
		Calls: calls, Router: newRouter(calls), Login: "/club/login", Path: "/club/ws",
		Room: "bar", Refused: "board", Why: "ann is not on the board",
		Event: "who is in", Data: "bar", Answer: "2",
	})
}

func router(middleware ...func(http.Handler) http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware...)
	r.Handle("/ws", ws.Handler(newCalls(), ws.Config{}))
	return r
}

func TestMiddlewareOfChi(t *testing.T) {
	compress, sessions := middleware.Compress(5), scs.New().LoadAndSave
	timeout := func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Minute, "") }
	suite.Reached(t, router(middleware.Logger, compress, middleware.Timeout(time.Minute), sessions), "/ws")
	// The writer of sessions has Unwrap, and no Hijack, which those of the others look for.
	suite.Reached(t, router(sessions, compress, middleware.Logger), "/ws")
	suite.Hidden(t, router(timeout), "/ws", "*http.timeoutWriter", "Hijack")
	suite.Hidden(t, router(compress, timeout, middleware.Logger), "/ws", "*http.timeoutWriter", "Hijack")
	suite.Hidden(t, http.TimeoutHandler(router(compress), time.Minute, ""), "/ws", "*http.timeoutWriter", "Hijack")
}
