package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/seed-3a7b6cbd/signal/integration/embed/internal/suite"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

func TestCallThroughEcho(t *testing.T) {
	calls := newCalls()
	suite.Run(t, suite.Service{
		Calls: calls, Router: newRouter(calls), Login: "/clinic/login", Path: "/clinic/ws",
		Room: "monday-9", Refused: "monday-10", Why: "ann has no appointment monday-10",
		Event: "appointments", Data: "monday-9", Answer: `["ann","ben"]`,
	})
}

func router(middleware ...echo.MiddlewareFunc) *echo.Echo {
	e := echo.New()
	e.Use(middleware...)
	e.GET("/ws", echo.WrapHandler(ws.Handler(newCalls(), ws.Config{})))
	return e
}

func TestMiddlewareOfEcho(t *testing.T) {
	timeout := echo.WrapMiddleware(func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Minute, "") })
	suite.Reached(t, router(middleware.Gzip(), middleware.ContextTimeout(time.Minute), middleware.RequestLogger()), "/ws")
	suite.Hidden(t, router(timeout), "/ws", "*http.timeoutWriter", "Hijack")
	suite.Hidden(t, router(timeout, middleware.Gzip()), "/ws", "*http.timeoutWriter", "Hijack")
	suite.Hidden(t, http.TimeoutHandler(router(middleware.Gzip()), time.Minute, ""), "/ws", "*http.timeoutWriter", "Hijack")
}
