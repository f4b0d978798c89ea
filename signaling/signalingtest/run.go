package signalingtest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/turn"
)

// A run is a Server between start and kill.
type run struct {
	signaling *signaling.Server
	turn      *turn.Server // nil: without
	http      *http.Server
	listener  *listener
	serving   sync.WaitGroup // of HTTP, TURN and every request

	mu     sync.Mutex // guards the following
	killed bool       // no more requests
}

// serve starts everything. The goroutines end with kill.
func (r *run) serve() {
	r.serving.Go(func() { _ = r.http.Serve(r.listener) }) // always an error: it was closed
	if r.turn != nil {
		r.serving.Go(func() { _ = r.turn.Serve(context.Background()) })
	}
}

// track counts requests, also those that became WebSockets, which http.Server
// forgets.
func (r *run) track(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		killed := r.killed
		if !killed {
			r.serving.Add(1)
		}
		r.mu.Unlock()
		if !killed {
			defer r.serving.Done()
			next.ServeHTTP(w, req)
		}
	})
}

// kill ends everything at once, and waits until it has.
func (r *run) kill(t testing.TB) {
	r.mu.Lock()
	r.killed = true
	r.mu.Unlock()
	_ = r.http.Close()
	r.listener.cut()
	if r.turn != nil {
		r.turn.Close()
	}
	// A dead process has no timers. Nobody is left to be told.
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if err := r.signaling.Shutdown(ctx); err != nil {
		t.Errorf("signalingtest: stop: %v", err)
	}
	r.serving.Wait()
}

// A listener knows the connections it has accepted.
type listener struct {
	net.Listener

	mu     sync.Mutex // guards the following
	conns  map[*conn]struct{}
	closed bool
}

// A conn is a connection that its listener knows.
type conn struct {
	*net.TCPConn
	listener *listener
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{accepted.(*net.TCPConn), l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.reset()
		return nil, net.ErrClosed
	}
	l.conns[c] = struct{}{}
	return c, nil
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	return l.Listener.Close()
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// cut resets all connections.
func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.reset()
	}
	clear(l.conns)
}

// reset ends the connection with an RST: without linger nothing is said.
func (c *conn) reset() {
	_ = c.SetLinger(0)
	_ = c.TCPConn.Close()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	c.listener.mu.Unlock()
	return c.TCPConn.Close()
}
