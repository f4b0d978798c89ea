//go:build linux

package nat

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// proxy runs an HTTP proxy on the router, which makes connections for who asks
// with CONNECT, and returns where it is. It ends with the test.
func (h *home) proxy(t *testing.T) netip.AddrPort {
	t.Helper()
	near, _ := h.inside(ipv4)
	at := netip.AddrPortFrom(near.Addr(), 3128)
	var l net.Listener
	err := h.router.do(func() (err error) {
		l, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { h.connectFor(ctx, c) })
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		running.Wait()
	})
	return at
}

// connectFor does what one client of the proxy asks for.
func (h *home) connectFor(ctx context.Context, client net.Conn) {
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	in := bufio.NewReader(client)
	request, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	if request.Method != http.MethodConnect {
		_, _ = io.WriteString(client, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
		return
	}
	var server net.Conn
	err = h.router.do(func() (err error) {
		server, err = net.DialTimeout("tcp", request.Host, 10*time.Second)
		return err
	})
	if err != nil {
		_, _ = io.WriteString(client, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	var ways sync.WaitGroup
	ways.Go(func() {
		_, _ = io.Copy(server, in) // until one of them has enough
		server.Close()
	})
	_, _ = io.Copy(client, server)
	client.Close()
	ways.Wait()
}
