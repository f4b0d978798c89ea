// Command gin is a school on gin: pupils who are logged in call each other.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"time"

	"github.com/gin-contrib/gzip"
	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

type user struct{} // the key of the user in a request's context

func newCalls() *signaling.Server {
	calls := signaling.New(signaling.Config{Authenticate: signaling.FromRequest})
	app := calls.App("default")
	app.OnJoin(func(p *signaling.Peer, room string, _ json.RawMessage) error {
		if room == "staff-room" && p.User() != "teacher" {
			return signaling.Refuse("forbidden", "%s is no teacher", p.User())
		}
		return nil
	})
	signaling.Handle(app, "raise hand", func(c *signaling.Call, room string) (any, error) {
		return "the class knows", app.To(room).Except(c.Peer.ID()).Emit("hand", c.Peer.User())
	})
	return calls
}

func newRouter(calls *signaling.Server) http.Handler {
	r := gin.New()
	r.Use(gin.Logger(), gin.Recovery(), gzip.Gzip(gzip.DefaultCompression), sessions.Sessions("session", cookie.NewStore([]byte("a secret of 32 bytes, not in code"))))
	r.POST("/school/login", func(c *gin.Context) { // a real one asks for a password
		sessions.Default(c).Set("user", c.PostForm("user"))
		_ = sessions.Default(c).Save()
	})
	inside := r.Group("/school", func(c *gin.Context) {
		name, ok := sessions.Default(c).Get("user").(string)
		if !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), 10*time.Second)
		defer cancel()
		c.Request = c.Request.WithContext(context.WithValue(ctx, user{}, signaling.Identity{User: name}))
		c.Next()
	})
	inside.GET("/ws", gin.WrapH(ws.Handler(calls, ws.Config{Context: func(r *http.Request) any { return r.Context().Value(user{}) }})))
	return r
}

func main() { log.Fatal(http.ListenAndServe(":8080", newRouter(newCalls()))) }
