package signaling

import "context"

// A Server holds the sessions of one node. All methods may be called from any
// goroutine.
type Server struct{ cfg Config }

// New makes a Server. It runs nothing until links come.
func New(cfg Config) *Server { return &Server{cfg: cfg.withDefaults()} }

// MaxMessage is the size in bytes above which a transport must refuse a frame
// with too_big.
func (s *Server) MaxMessage() int { return s.cfg.MaxMessage }

// App returns the app of that name, and makes it if it is new.
func (s *Server) App(name string) *App { return &App{name: name} }

// Admit decides on a connection before it is upgraded. A refusal is an *Error
// with a code that has an HTTP status. A Link that was admitted must be ended
// with Detach, also when Start was never called.
func (s *Server) Admit(info LinkInfo) (*Link, error) { return &Link{}, nil }

// Check runs the checks of Admit and creates nothing.
func (s *Server) Check(info LinkInfo) error { return nil }

// Alive reports whether a session of this node has that peer id.
func (s *Server) Alive(peer string) bool { return false }

// Stats returns the counters of now.
func (s *Server) Stats() Stats { return Stats{} }

// Shutdown tells every client to come back elsewhere, closes all links with
// CodeGoingAway, and waits until each was detached or ctx ends, whose error it
// then returns. From then on the Server refuses everything.
func (s *Server) Shutdown(ctx context.Context) error { return nil }

// An App is a namespace: rooms of two apps never meet.
type App struct{ name string }

// Name returns the name of the app.
func (a *App) Name() string { return a.name }

// Stats are the counters of a Server.
type Stats struct{}
