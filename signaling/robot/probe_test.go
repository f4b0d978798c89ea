package robot

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
)

// A lostConn is a connection whose way to the server is gone once it is lost:
// nobody is told.
type lostConn struct {
	net.Conn
	lost *atomic.Bool
}

func (c lostConn) Write(b []byte) (int, error) {
	if c.lost.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c lostConn) Read(b []byte) (int, error) {
	for {
		if n, err := c.Conn.Read(b); err != nil || !c.lost.Load() {
			return n, err
		}
	}
}

// A phone that has left the wifi has neither media nor signaling, and the second
// is needed to restart the first.
func TestLostMediaMakesTheRobotLookForTheServer(t *testing.T) {
	s := newStage(t, signalingtest.WithConfig(func(c *signaling.Config) { c.PingAfter, c.DeadAfter = time.Hour, 2*time.Hour }))
	var lost atomic.Bool
	dialled := make(chan struct{}, 10)
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled <- struct{}{}
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil || lost.Load() {
			return conn, err
		}
		return lostConn{conn, &lost}, nil
	}
	a, b := s.join(Config{Client: client.Config{NetDial: dial}}), s.join(Config{Name: "ben"})
	s.call(a, b, audio)
	<-dialled
	lost.Store(true)
	c, err := a.call(b.ID())
	if err != nil {
		t.Fatal(err)
	}
	c.current().iceChanged(webrtc.ICEConnectionStateDisconnected)
	select {
	case <-dialled:
	case <-s.ctx.Done():
		t.Fatal("it has not connected again")
	}
	s.call(a, b, audio)
}
