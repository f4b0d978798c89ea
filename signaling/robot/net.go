package robot

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// dialTime is how long TURN over TCP may take to be reached. A firewall may drop
// what asks, and the kernel goes on asking for two minutes.
const dialTime = 10 * time.Second

// A network is what pion reaches the network by: its own, with two differences.
// Closing a connection waits for all that it does, so that nothing may take long;
// and the host may have moved to other interfaces when ICE is restarted.
type network struct {
	*stdnet.Net
	ctx context.Context // ends when nothing is to be reached any more
}

func newNetwork(ctx context.Context) (*network, error) {
	std, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("network interfaces: %w", err)
	}
	return &network{std, ctx}, nil
}

// DialTCP implements transport.Net.
func (n *network) DialTCP(kind string, local, remote *net.TCPAddr) (transport.TCPConn, error) {
	d := net.Dialer{Timeout: dialTime}
	if local != nil {
		d.LocalAddr = local
	}
	c, err := d.DialContext(n.ctx, kind, remote.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// Interfaces implements transport.Net.
func (n *network) Interfaces() ([]*transport.Interface, error) {
	now, err := stdnet.NewNet() // pion's own remembers them
	if err != nil {
		return nil, err
	}
	return now.Interfaces()
}
