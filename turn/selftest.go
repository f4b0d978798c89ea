package turn

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	pion "github.com/pion/turn/v4"
)

const (
	// selfTestTime is how long the use of one URL may take: a client gives up
	// later, but nobody likes to wait for it.
	selfTestTime = 10 * time.Second
	// resend is after how long a lost packet is sent again.
	resend = 200 * time.Millisecond
)

// A Finding is what SelfTest found out about one URL.
type Finding struct {
	URL  string
	Err  error // what does not work, and what to do about it; nil if all does
	Took time.Duration
}

// SelfTest uses every URL that clients are given as a client would: a STUN server
// is asked, and two allocations of a TURN server send each other a packet. The
// server has to be served meanwhile. It takes some seconds at most, and uses no
// quota of a peer's. With trust, a TLS client is configured; nil means that the
// roots of this host decide about certificates.
//
// What works from this host may fail from others, and the other way round, where
// a NAT does not lead a host back to itself.
func (s *Server) SelfTest(ctx context.Context, trust *tls.Config) []Finding {
	return s.selfTest(ctx, trust, selfTestTime)
}

func (s *Server) selfTest(ctx context.Context, trust *tls.Config, limit time.Duration) []Finding {
	urls := slices.Concat(s.stunURLs, s.turnURLs)
	findings := make([]Finding, len(urls))
	var running sync.WaitGroup
	for i, text := range urls {
		running.Go(func() {
			begin := time.Now()
			err := s.try(ctx, text, trust, limit)
			findings[i] = Finding{URL: text, Err: err, Took: time.Since(begin)}
		})
	}
	running.Wait()
	return findings
}

// isTester says whether a peer is one of SelfTest's, whose names nobody can guess.
func (s *Server) isTester(peer string) bool { return strings.HasPrefix(peer, s.tester) }

// try uses one URL.
func (s *Server) try(ctx context.Context, text string, trust *tls.Config, limit time.Duration) error {
	u, err := parseURL(text)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	a, err := reach(limited, u, trust)
	if err != nil {
		return s.explain(ctx, u, err)
	}
	defer a.Close()
	if u.scheme == "stun" {
		return nil
	}
	b, err := reach(limited, u, trust)
	if err != nil {
		return s.explain(ctx, u, err)
	}
	defer b.Close()
	return s.relayBetween(limited, a, b)
}

// reach connects to a server and has it answer a Binding request, before the
// deadline that ctx has.
func reach(ctx context.Context, u serverURL, trust *tls.Config) (net.PacketConn, error) {
	conn, err := dialURL(ctx, u, trust)
	if err != nil {
		return nil, err
	}
	end, _ := ctx.Deadline()
	wait := resend
	if u.transport == "tcp" { // it resends by itself
		wait = time.Until(end)
	}
	for ; ; wait *= 2 {
		_, err := bind(conn, min(wait, time.Until(end)))
		if err == nil {
			err = conn.SetDeadline(time.Time{})
		}
		switch {
		case err == nil:
			return conn, nil
		case !errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Before(end) || ctx.Err() != nil:
			_ = conn.Close() // nothing was sent that matters
			return nil, err
		}
	}
}

// dialURL opens a client's socket to a server.
func dialURL(ctx context.Context, u serverURL, trust *tls.Config) (net.PacketConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, u.transport, u.address())
	if err != nil {
		return nil, err
	}
	if u.transport == "udp" {
		return datagrams{conn}, nil
	}
	if u.scheme == "turns" {
		cfg := new(tls.Config)
		if trust != nil {
			cfg = trust.Clone()
		}
		cfg.ServerName = u.host
		client := tls.Client(conn, cfg)
		if err := client.HandshakeContext(ctx); err != nil {
			_ = conn.Close() // the handshake's error is the one to report
			return nil, err
		}
		conn = client
	}
	return newStream(conn), nil
}

// datagrams are a UDP socket that knows one other.
type datagrams struct{ net.Conn }

func (d datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := d.Read(b)
	return n, d.RemoteAddr(), err
}

func (d datagrams) WriteTo(b []byte, _ net.Addr) (int, error) { return d.Write(b) }

// relayBetween makes an allocation on each of two sockets, and sends a packet
// from each to the other.
func (s *Server) relayBetween(ctx context.Context, a, b net.PacketConn) error {
	one, err := s.newTester(ctx, a)
	if err != nil {
		return err
	}
	defer one.close()
	other, err := s.newTester(ctx, b)
	if err != nil {
		return err
	}
	defer other.close()
	for _, err := range []error{
		one.client.CreatePermission(other.relay.LocalAddr()), other.client.CreatePermission(one.relay.LocalAddr()),
		one.say(ctx, other), other.say(ctx, one),
	} {
		switch {
		case err != nil && s.cfg.Relay == RelayOpen:
			return fmt.Errorf("allocations are made, but nothing gets from one to the other: open the UDP ports %d-%d, forward them to this host if there is a NAT, and see that %v leads here: %w", s.cfg.MinPort, s.cfg.MaxPort, s.cfg.PublicIP, err)
		case err != nil:
			return fmt.Errorf("allocations are made, but nothing gets from one to the other: %w", err)
		}
	}
	return nil
}

// A tester is a client of SelfTest with an allocation.
type tester struct {
	srv    *Server
	peer   string
	client *pion.Client
	relay  net.PacketConn
	forget func() bool // the context does not close it any more
}

// newTester makes an allocation on conn. All of it ends with ctx.
func (s *Server) newTester(ctx context.Context, conn net.PacketConn) (*tester, error) {
	t := &tester{srv: s, peer: s.tester + rand.Text()}
	c := s.Credentials(t.peer)
	var err error
	t.client, err = pion.NewClient(&pion.ClientConfig{
		Conn:           conn,
		TURNServerAddr: "192.0.2.1:3478", // conn knows its server; pion takes no IPv6 address here
		Username:       c.Username,
		Password:       c.Password,
		RTO:            resend,
		LoggerFactory:  loggerFactory{slog.New(slog.DiscardHandler)},
	})
	if err != nil {
		return nil, err
	}
	t.forget = context.AfterFunc(ctx, func() {
		_ = conn.Close() // ends what waits for it
		t.client.Close()
	})
	if err = t.client.Listen(); err == nil {
		t.relay, err = t.client.Allocate()
	}
	if err != nil {
		t.forget()
		t.client.Close()
		return nil, fmt.Errorf("it answers, but makes no allocation: %w", errors.Join(err, ctx.Err()))
	}
	return t, nil
}

func (t *tester) close() {
	t.forget()
	_ = t.relay.Close() // the server need not hear it, see below
	t.client.Close()
	t.srv.CloseAllocations(t.peer)
}

// say sends a packet to another tester until it arrives.
func (t *tester) say(ctx context.Context, to *tester) error {
	said, b := rand.Text(), make([]byte, maxPacket)
	for ctx.Err() == nil {
		if _, err := t.relay.WriteTo([]byte(said), to.relay.LocalAddr()); err != nil {
			return err
		}
		if err := to.relay.SetReadDeadline(time.Now().Add(resend)); err != nil {
			return err
		}
		n, from, err := to.relay.ReadFrom(b)
		if err == nil && string(b[:n]) == said && from.String() == t.relay.LocalAddr().String() {
			return nil
		}
	}
	return ctx.Err()
}
