package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"

	"github.com/seed-3a7b6cbd/signal/integration/embed/internal/suite"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

func TestCallThroughGin(t *testing.T) {
	calls := newCalls()
	suite.Run(t, suite.Service{
		Calls: calls, Router: newRouter(calls), Login: "/school/login", Path: "/school/ws",
		Room: "maths", Refused: "staff-room", Why: "ann is no teacher",
		Event: "raise hand", Data: "maths", Answer: `"the class knows"`, Heard: "hand",
	})
}

// plain hides what gin.ResponseWriter has beyond its interface, as the writers of
// many middlewares do.
type plain struct{ gin.ResponseWriter }

func router(middleware ...gin.HandlerFunc) *gin.Engine {
	r := gin.New()
	r.Use(middleware...)
	r.GET("/ws", gin.WrapH(ws.Handler(newCalls(), ws.Config{})))
	return r
}

func TestMiddlewareOfGin(t *testing.T) {
	wrap := func(c *gin.Context) { c.Writer = plain{c.Writer} }
	compress := gzip.Gzip(gzip.BestSpeed)
	eager := gzip.Gzip(gzip.BestSpeed, gzip.WithCustomShouldCompressFn(func(*gin.Context) bool { return true }))
	suite.Reached(t, router(compress), "/ws")
	suite.Reached(t, router(eager), "/ws")
	suite.Reached(t, router(wrap, eager, wrap), "/ws")
	suite.Hidden(t, http.TimeoutHandler(router(compress), time.Minute, ""), "/ws", "*http.timeoutWriter", "Hijack")
	// Their Hijack is gin's, which counts the response as begun before it looks for
	// the connection: so the status is lost, and the sentence is not.
	suite.Refused(t, http.TimeoutHandler(router(wrap), time.Minute, ""), "/ws", 200, "main.plain", "*http.timeoutWriter is not http.Hijacker")
	suite.Refused(t, http.TimeoutHandler(router(eager), time.Minute, ""), "/ws", 200, "*gzip.gzipWriter", "*http.timeoutWriter is not http.Hijacker")
}
