// Command echo is a clinic on Echo: a patient meets a doctor at the appointment.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

var cookies = sessions.NewCookieStore([]byte("a secret of 32 bytes, not in code"))
var appointments = map[string][]string{"monday-9": {"ann", "ben"}, "monday-10": {"cid", "ben"}}

func newCalls() *signaling.Server {
	calls := signaling.New(signaling.Config{Authenticate: signaling.FromRequest})
	calls.App("default").OnJoin(func(p *signaling.Peer, room string, _ json.RawMessage) error {
		if slices.Contains(appointments[room], p.User()) {
			return nil
		}
		return signaling.Refuse("forbidden", "%s has no appointment %s", p.User(), room)
	})
	signaling.Handle(calls.App("default"), "appointments", func(c *signaling.Call, day string) (any, error) { return appointments[day], nil })
	return calls
}

func identity(r *http.Request) any {
	session, _ := cookies.Get(r, "session")
	name, _ := session.Values["user"].(string)
	return signaling.Identity{User: name}
}

func newRouter(calls *signaling.Server) http.Handler {
	e := echo.New()
	e.Use(middleware.RequestLogger(), middleware.Recover(), middleware.Gzip(), middleware.ContextTimeout(10*time.Second))
	e.POST("/clinic/login", func(c *echo.Context) error { // a real one asks for a password
		session, _ := cookies.Get(c.Request(), "session")
		session.Values["user"] = c.FormValue("user")
		return session.Save(c.Request(), c.Response())
	})
	e.GET("/clinic/ws", echo.WrapHandler(ws.Handler(calls, ws.Config{Context: identity})), func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			if identity(c.Request()) == (signaling.Identity{}) {
				return echo.ErrUnauthorized
			}
			return next(c)
		}
	})
	return e
}

func main() { log.Fatal(http.ListenAndServe(":8080", newRouter(newCalls()))) }
