package memconn

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// A Listener is a net.Listener that only Dial reaches.
type Listener struct {
	limit   int
	backlog chan *Conn
	done    chan struct{}
	close   sync.Once

	mu   sync.Mutex // guards the following
	port int        // of the last connection
}

var _ net.Listener = (*Listener)(nil)

// Listen returns a listener for connections with a buffer of limit bytes in
// each direction; 0 means DefaultBuffer.
func Listen(limit int) *Listener {
	return &Listener{limit: limit, backlog: make(chan *Conn), done: make(chan struct{})}
}

// Accept waits for a Dial. After Close it returns net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "mem", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close makes Accept and Dial fail. Connections that exist live on.
func (l *Listener) Close() error {
	l.close.Do(func() { close(l.done) })
	return nil
}

// Addr returns an address that was made up.
func (l *Listener) Addr() net.Addr { return address("127.0.0.1", 80) }

// Dial connects, and waits until the connection is accepted.
func (l *Listener) Dial(ctx context.Context) (*Conn, error) { return l.DialFrom(ctx, "127.0.0.1") }

// DialFrom is Dial for a client at ip.
func (l *Listener) DialFrom(ctx context.Context, ip string) (*Conn, error) {
	client, server := pipe(l.limit, address(ip, l.nextPort()), l.Addr())
	var err error
	select {
	case l.backlog <- server:
		return client, nil
	case <-l.done:
		err = syscall.ECONNREFUSED
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, &net.OpError{Op: "dial", Net: "mem", Addr: l.Addr(), Err: err}
}

// DialContext is Dial in the form that http.Transport and websocket.Dialer
// take it. Every host leads to l.
func (l *Listener) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := l.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (l *Listener) nextPort() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.port++
	return 49151 + l.port%16384
}
