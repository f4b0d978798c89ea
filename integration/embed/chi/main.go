// Command chi is a club on chi: its members meet in rooms, the board in its own.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

var board = map[string]bool{"cid": true}

func newCalls() *signaling.Server {
	calls := signaling.New(signaling.Config{Authenticate: signaling.FromRequest})
	app := calls.App("default")
	app.OnJoin(func(p *signaling.Peer, room string, _ json.RawMessage) error {
		if room == "board" && !board[p.User()] {
			return signaling.Refuse("forbidden", "%s is not on the board", p.User())
		}
		return nil
	})
	signaling.Handle(app, "who is in", func(c *signaling.Call, room string) (any, error) { return len(app.Members(room)), nil })
	return calls
}

func newRouter(calls *signaling.Server) http.Handler {
	sessions := scs.New()
	identity := func(r *http.Request) any { return signaling.Identity{User: sessions.GetString(r.Context(), "user")} }
	r := chi.NewRouter()
	r.Use(middleware.Logger, middleware.Recoverer, middleware.Timeout(10*time.Second), sessions.LoadAndSave, middleware.Compress(5))
	r.Post("/club/login", func(w http.ResponseWriter, r *http.Request) { // a real one asks for a password
		sessions.Put(r.Context(), "user", r.FormValue("user"))
	})
	r.Route("/club", func(r chi.Router) {
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !sessions.Exists(r.Context(), "user") {
					http.Error(w, "log in first", http.StatusUnauthorized)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		r.Handle("/ws", ws.Handler(calls, ws.Config{Context: identity}))
	})
	return r
}

func main() { log.Fatal(http.ListenAndServe(":8080", newRouter(newCalls()))) }
