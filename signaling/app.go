package signaling

import (
	"fmt"
	"path"
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
	onDemand   bool                        // made for a pattern; static
	candidates atomic.Pointer[wire.Policy] // nil: not set
	duplicates atomic.Pointer[Duplicates]  // nil: not set

	links, sessions int // guarded by srv.mu
	hellos          int // that are being judged; guarded by srv.mu

	mu    sync.Mutex // guards rooms; taken before Room.mu
	rooms map[string]*room
}

// Name returns the name of the app.
func (a *App) Name() string { return a.name }

// SetDuplicates says how many peers of one user may be in a room, for those who
// join from now on. Servers of one cluster should say the same.
func (a *App) SetDuplicates(d Duplicates) { a.duplicates.Store(&d) }

func (a *App) duplicatesNow() Duplicates {
	if d := a.duplicates.Load(); d != nil {
		return *d
	}
	return a.srv.cfg.Duplicates
}

// App returns the app of that name, and makes it if it is new. Clients reach
// it from then on. The name must be one that wire.ValidRoom allows.
func (s *Server) App(name string) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[name]
	if a == nil {
		a = s.newAppLocked(name, &Code{})
	}
	return a
}

// AppPattern lets clients reach every app whose name matches a pattern of
// path.Match, such as "team-*", and returns the code that these apps share. Such
// an app is made when the first client comes to it, and forgotten with the last;
// there may be Config.MaxApps of them at a time. An app that is named to App or
// in Config is itself, whatever the patterns; of several patterns that match the
// first counts. OnConnect can refuse by Peer.App().Name().
func (s *Server) AppPattern(pattern string) *Code {
	if _, err := path.Match(pattern, ""); err != nil {
		panic(fmt.Sprintf("signaling: AppPattern: %q is no pattern: %v", pattern, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := appPattern{pattern, &Code{}}
	s.patterns = append(s.patterns, p)
	return p.code
}

// An appPattern makes apps on demand.
type appPattern struct {
	pattern string
	code    *Code
}

func (s *Server) newAppLocked(name string, c *Code) *App {
	a := &App{Code: c, name: name, srv: s, rooms: make(map[string]*room)}
	s.apps[name] = a
	return a
}

// codeForLocked returns the code that an app of this name would share; nil: no
// pattern is for it.
func (s *Server) codeForLocked(name string) *Code {
	for _, p := range s.patterns {
		if ok, _ := path.Match(p.pattern, name); ok && wire.ValidRoom(name) {
			return p.code
		}
	}
	return nil
}

// reachLocked returns the app that a client comes to, and makes it if a pattern
// is for it; Check has judged that it may be.
func (s *Server) reachLocked(name string) *App {
	if a := s.apps[name]; a != nil {
		return a
	}
	c := s.codeForLocked(name)
	if c == nil {
		return s.newAppLocked(name, &Code{})
	}
	a := s.newAppLocked(name, c)
	a.onDemand = true
	s.onDemand++
	return a
}

// reach is App for what clients do: one that was forgotten meanwhile is made again
// with the code of its pattern, not without any and for ever.
func (s *Server) reach(name string) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reachLocked(name)
}

// hold keeps an app from being forgotten while a hello to it is judged: its link
// may end meanwhile. The caller calls release, without locks.
func (s *Server) hold(name string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.reachLocked(name)
	a.hellos++
	return func() {
		s.mu.Lock()
		a.hellos--
		s.mu.Unlock()
		s.forgetEmpty(a)
	}
}

// lookup returns an app that exists.
func (s *Server) lookup(name string) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apps[name]
}

// findRoom returns this node's copy of a roster; nil: there is none.
func (s *Server) findRoom(app, name string) *room {
	if a := s.lookup(app); a != nil {
		return a.room(name, false)
	}
	return nil
}

// forgetEmpty forgets an app that was made on demand, when nobody is left. It
// must be called without locks.
func (s *Server) forgetEmpty(a *App) {
	if !a.onDemand {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.links == 0 && a.sessions == 0 && a.hellos == 0 && len(a.rooms) == 0 && s.apps[a.name] == a {
		delete(s.apps, a.name)
		s.onDemand--
	}
}
