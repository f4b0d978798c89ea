package integration

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/robot"
)

// A defiantWire carries the media of a robot that goes on with a call that others
// have ended: it does not hear that, and counts what it sends.
type defiantWire struct {
	net.PacketConn
	notify func()

	mu   sync.Mutex     // guards the following
	sent map[string]int // packets of media, by where they went
}

// newDefiantWire is for one robot, which defy sets up. It is closed with the test.
func newDefiantWire(t *testing.T, notify func()) *defiantWire {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &defiantWire{PacketConn: conn, notify: notify, sent: map[string]int{}}
}

// defy has a robot use the wire, and never give up.
func (w *defiantWire) defy(c *robot.Config) {
	c.Settings = func(e *webrtc.SettingEngine) {
		e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
		e.SetICEUDPMux(webrtc.NewICEUDPMux(nil, w))
		e.SetICETimeouts(time.Hour, 2*time.Hour, time.Second)
	}
}

// ReadFrom leaves out DTLS alerts (RFC 9147 §4.1), by which a peer says goodbye.
func (w *defiantWire) ReadFrom(b []byte) (int, net.Addr, error) {
	const alert = 21
	for {
		n, from, err := w.PacketConn.ReadFrom(b)
		if err != nil || n == 0 || b[0] != alert {
			return n, from, err
		}
	}
}

// WriteTo counts what is media: RTP and RTCP (RFC 7983 §7).
func (w *defiantWire) WriteTo(b []byte, to net.Addr) (int, error) {
	n, err := w.PacketConn.WriteTo(b, to)
	if err == nil && n > 0 && b[0]&0xc0 == 0x80 {
		w.mu.Lock()
		w.sent[to.String()]++
		w.mu.Unlock()
		w.notify()
	}
	return n, err
}

func (w *defiantWire) sentTo(addr string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent[addr]
}
