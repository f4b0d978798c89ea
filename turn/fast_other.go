//go:build !linux || !(amd64 || arm64)

package turn

import "net"

// fastOptions are for tests: what a kernel may lack.
type fastOptions struct {
	plain     bool // no loop
	noOffload bool // neither UDP_GRO nor UDP_SEGMENT
}

// A place is for loops.
type place struct{}

// newLoop returns nil: packets are read one by one.
func newLoop(net.PacketConn, *fastPath, fastOptions) net.PacketConn { return nil }

// listenUDP opens a socket.
func listenUDP(addr string, _ int) ([]net.PacketConn, error) {
	conn, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	return []net.PacketConn{conn}, nil
}
