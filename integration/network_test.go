package integration

import (
	"context"
	"net"
	"sync"
)

// A network is what lies between one robot and the signaling server. It can
// fail without a word, for this robot alone; media does not go over it.
type network struct {
	notify func() // static: something has changed
	tap    tap    // of what comes
	deaf   bool   // static: what would restrain the robot does not come: see deafConn

	mu      sync.Mutex // guards the following
	down    bool
	repair  chan struct{} // closed when it is up again; made by fail
	conns   []net.Conn    // so far
	refused int           // attempts while it was down
}

// dial is a client.Config.NetDial. While the network is down it gets nowhere.
func (n *network) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
	for {
		n.mu.Lock()
		down, repair := n.down, n.repair
		if down {
			n.refused++
		}
		n.mu.Unlock()
		if !down {
			break
		}
		n.notify()
		select {
		case <-repair:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, kind, addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.conns = append(n.conns, c)
	n.mu.Unlock()
	n.notify()
	if n.deaf {
		c = deafConn{c}
	}
	return n.tap.on(c), nil
}

// blip cuts what is open, as a network does: nothing is closed, neither TCP nor
// WebSocket.
func (n *network) blip() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cutLocked()
}

// fail cuts what is open and lets nothing through until restore.
func (n *network) fail() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down, n.repair = true, make(chan struct{})
	n.cutLocked()
}

// restore ends a failure.
func (n *network) restore() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = false
	close(n.repair)
}

func (n *network) cutLocked() {
	for _, c := range n.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // an RST, and no FIN
		}
		_ = c.Close()
	}
	n.conns = nil
}
