package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"
)

// TestSilentConnectionsOfOneAddressAreBounded is case 17, before there is a request.
func TestSilentConnectionsOfOneAddressAreBounded(t *testing.T) {
	s := serve(t, "--no-turn", "--max-ip-links", "5")
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	open := make(chan bool)
	for range 50 {
		c, err := net.Dial("tcp", at.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() {
			c.SetReadDeadline(time.Now().Add(headerTime - time.Second))
			_, err := c.Read(make([]byte, 1))
			timeout, ok := err.(net.Error)
			open <- ok && timeout.Timeout()
		}()
	}
	other := http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
	}}
	for range 10 { // all on one connection, and none that waits
		resp, err := other.Get(s.url + "healthz")
		if err != nil {
			t.Fatalf("another address does not get in: %v", err)
		}
		resp.Body.Close()
	}
	left := 0
	for range 50 {
		if <-open {
			left++
		}
	}
	if left != 5 {
		t.Errorf("%d of 50 silent connections are left, want 5", left)
	}
}

// TestConnectionsThatWaitForAFurtherRequestAreBounded has one request on each not
// make a connection free.
func TestConnectionsThatWaitForAFurtherRequestAreBounded(t *testing.T) {
	s := serve(t, "--no-turn", "--max-ip-links", "5")
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	const all, kept = 20, 5
	request := fmt.Sprintf("GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", at.Host)
	heard := make(chan error, all)
	var conns []net.Conn
	for range all {
		c, err := net.Dial("tcp", at.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(idleTime / 2))
		conns = append(conns, c)
		fmt.Fprint(c, request)
		r := bufio.NewReader(c)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("the request of a new connection fails: %v", err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		go func() { // ends with the connection
			_, err := r.ReadByte()
			heard <- err
		}()
	}
	for n := range all - kept {
		if err := <-heard; err != io.EOF {
			t.Fatalf("only %d of %d connections are closed: %v", n, all, err)
		}
	}
	for _, c := range conns {
		fmt.Fprint(c, request) // to those that are closed in vain
	}
	for range kept {
		if err := <-heard; err != nil {
			t.Errorf("one of %d that may wait answers no more: %v", kept, err)
		}
	}
}

func TestSilentConnectionsAreForgotten(t *testing.T) {
	s := newSilent(2, (&Proxies{}).isTrusted)
	var all []net.Conn
	for range 3 {
		c, err := net.Dial("udp", "127.0.0.1:9") // has an address, and sends nothing
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s.note(c, http.StateNew)
		all = append(all, c)
	}
	if len(s.waiting) != 2 || len(s.counts) != 1 {
		t.Errorf("%d wait, of %d addresses; want 2, of 1", len(s.waiting), len(s.counts))
	}
	s.note(all[0], http.StateActive)
	s.note(all[0], http.StateClosed)
	s.note(all[1], http.StateClosed)
	s.note(all[2], http.StateClosed)
	if len(s.waiting) != 0 || len(s.counts) != 0 {
		t.Errorf("%d wait, of %d addresses; want none", len(s.waiting), len(s.counts))
	}
}

// from is a connection from an address.
type from struct {
	net.Conn
	addr string
}

func (c from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.addr)) }
func (c from) Close() error         { return nil }

// TestSilentConnectionsAreCountedByNetwork has no more places for who has a /64, and
// none counted for a proxy.
func TestSilentConnectionsAreCountedByNetwork(t *testing.T) {
	p := &Proxies{TrustedProxies: []string{"10.0.0.0/8"}}
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	s := newSilent(2, p.isTrusted)
	for i, addr := range []string{
		"[2001:db8:1:2::1]:1", "[2001:db8:1:2::2]:1", "[2001:db8:1:2:3::]:1", "[2001:db8:1:3::1]:1", "[fe80::1%eth0]:1",
		"10.0.0.1:1", "[::ffff:10.0.0.1]:2", "192.0.2.1:1", "[::ffff:192.0.2.1]:2", "192.0.2.1:3",
	} {
		s.note(from{addr: fmt.Sprint(addr, i)}, http.StateNew)
	}
	if len(s.waiting) != 6 || len(s.counts) != 4 {
		t.Errorf("%d wait, of %d addresses; want 6, of 4: %v", len(s.waiting), len(s.counts), s.counts)
	}
}
