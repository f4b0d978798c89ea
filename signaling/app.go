package signaling

import (
	"sync"
	"sync/atomic"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// An App is a namespace: rooms, users and events of two apps never meet. What
// is to happen in it is said by the methods of Code, before clients come.
type App struct {
	*Code
	name       string
	srv        *Server
	candidates atomic.Pointer[wire.Policy] // nil: not set

	links, sessions int // guarded by srv.mu

	mu    sync.Mutex // guards rooms; taken before Room.mu
	rooms map[string]*room
}

// Name returns the name of the app.
func (a *App) Name() string { return a.name }

// App returns the app of that name, and makes it if it is new. Clients reach
// it from then on. The name must be one that wire.ValidRoom allows.
func (s *Server) App(name string) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[name]
	if a == nil {
		a = &App{Code: &Code{}, name: name, srv: s, rooms: make(map[string]*room)}
		s.apps[name] = a
	}
	return a
}
