//go:build linux

package nat

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"
)

// patience is how long something that is to happen may take on a busy machine.
const patience = 2 * time.Minute

// refusal is how long something is tried that is not to happen. A busy machine
// may make it happen too late to be seen, but never makes a good lab look bad.
const refusal = 500 * time.Millisecond

// A behaviour is what can be seen of a router from both sides of it.
type behaviour struct {
	udp        bool // gets through
	oneMapping bool // a socket is at one address outside, whoever it sends to
	anybody    bool // may answer there, and not only who was asked
	tcp        bool // gets through, also to other ports than 443
	translated []family
}

var behaviours = map[kind]behaviour{
	open:       {udp: true, oneMapping: true, anybody: true, tcp: true},
	cone:       {udp: true, oneMapping: true, tcp: true, translated: []family{ipv4}},
	fullCone:   {udp: true, oneMapping: true, anybody: true, tcp: true, translated: []family{ipv4}},
	symmetric:  {udp: true, tcp: true, translated: []family{ipv4, ipv6}},
	udpBlocked: {tcp: true},
	onlyTCP443: {},
}

func TestRoutersAreOfTheirKind(t *testing.T) {
	l := newLab(t)
	for _, k := range kinds {
		h := l.home(k)
		for _, f := range []family{ipv4, ipv6} {
			t.Run(fmt.Sprintf("%s %s", k, f), func(t *testing.T) {
				p := newProbe(t, l, h, f)
				want := behaviours[k]
				if got := p.udp(); got != want.udp {
					t.Fatalf("UDP gets through: %v, want %v", got, want.udp)
				}
				if want.udp {
					p.wantMapping(want)
					p.wantAnswers(want.anybody)
				}
				for port, want := range map[uint16]bool{443: true, 8080: want.tcp} {
					if err := p.connect(port, want); (err == nil) != want {
						t.Errorf("TCP to port %d: %v, want it to get through: %v", port, err, want)
					}
				}
			})
		}
	}
}

// A probe looks at a router from a host behind it and from servers outside.
type probe struct {
	t       *testing.T
	home    *home
	family  family
	servers [3]*net.UDPConn // the second is at the first one's address, the third is not
}

func newProbe(t *testing.T, l *lab, h *home, f family) *probe {
	t.Helper()
	p := &probe{t: t, home: h, family: f}
	for i := range p.servers {
		p.servers[i] = p.listen(l.public, netip.AddrPortFrom(serverAddress(f, 1+i/2), uint16(3478+i%2)))
	}
	for _, port := range []uint16{443, 8080} {
		p.answer(l.public, netip.AddrPortFrom(serverAddress(f, 1), port))
	}
	return p
}

func (p *probe) listen(n namespace, at netip.AddrPort) *net.UDPConn {
	p.t.Helper()
	conn, err := n.listenUDP(at)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	return conn
}

// answer has the kernel answer who connects: nobody accepts.
func (p *probe) answer(n namespace, at netip.AddrPort) {
	p.t.Helper()
	err := n.do(func() error {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		if err == nil {
			p.t.Cleanup(func() { l.Close() })
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// socket is a new one of the host.
func (p *probe) socket() *net.UDPConn {
	p.t.Helper()
	_, host := p.home.inside(p.family)
	return p.listen(p.home.host, netip.AddrPortFrom(host.Addr(), 0))
}

// udp sends, and says whether it gets through.
func (p *probe) udp() bool {
	p.t.Helper()
	wait := refusal
	if behaviours[p.home.kind].udp {
		wait = patience
	}
	_, err := p.seen(p.socket(), p.servers[0], wait)
	return err == nil
}

// seen sends from the host to a server until something comes, and returns from
// where it came for that.
func (p *probe) seen(from, to *net.UDPConn, wait time.Duration) (at netip.AddrPort, err error) {
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); {
		if _, err = from.WriteToUDPAddrPort([]byte(from.LocalAddr().String()), to.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
			return at, err
		}
		var text string
		if text, at, err = read(to); err == nil && text == from.LocalAddr().String() {
			return at, nil
		}
	}
	return at, errors.Join(err, errors.New("nothing came"))
}

// read waits a moment for a packet.
func read(c *net.UDPConn) (text string, from netip.AddrPort, err error) {
	if err := c.SetReadDeadline(time.Now().Add(refusal)); err != nil {
		return "", from, err
	}
	buf := make([]byte, 1500)
	n, from, err := c.ReadFromUDPAddrPort(buf)
	return string(buf[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

// wantMapping sends from one socket to three places.
func (p *probe) wantMapping(want behaviour) {
	p.t.Helper()
	c := p.socket()
	own := c.LocalAddr().(*net.UDPAddr).AddrPort()
	outside := p.home.outside(p.family)
	if !slices.Contains(want.translated, p.family) {
		outside = own.Addr()
	}
	var mapped []netip.AddrPort
	for _, s := range p.servers {
		at, err := p.seen(c, s, patience)
		if err != nil {
			p.t.Fatal(err)
		}
		if at.Addr() != outside {
			p.t.Errorf("comes from %s, want %s", at.Addr(), outside)
		}
		mapped = append(mapped, at)
	}
	if len(slices.Compact(slices.Clone(mapped))) == 1 != want.oneMapping {
		p.t.Errorf("one socket is at %v, want one mapping: %v", mapped, want.oneMapping)
	}
	if want.oneMapping && mapped[0].Port() != own.Port() {
		p.t.Errorf("port %d is %d outside", own.Port(), mapped[0].Port())
	}
}

// wantAnswers asks one server and has all three answer. Who was asked does so
// last: what else is let in is there before.
func (p *probe) wantAnswers(anybody bool) {
	p.t.Helper()
	c := p.socket()
	at, err := p.seen(c, p.servers[0], patience)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, i := range []int{2, 1, 0} {
		if anybody || i == 0 {
			p.wantAnswer(i, c, at)
		} else if _, err := p.servers[i].WriteToUDPAddrPort([]byte{byte(i)}, at); err != nil {
			p.t.Fatal(err)
		}
	}
}

// wantAnswer has one server answer until that has come. Nothing else may, but for
// what has been answered once more.
func (p *probe) wantAnswer(i int, c *net.UDPConn, at netip.AddrPort) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, err := p.servers[i].WriteToUDPAddrPort([]byte{byte(i)}, at); err != nil {
			p.t.Fatal(err)
		}
		text, from, err := read(c)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case err != nil:
			p.t.Fatal(err)
		case text == string([]byte{byte(i)}):
			return
		case !behaviours[p.home.kind].anybody:
			p.t.Errorf("%s is let in, which was not asked", from)
		}
	}
	p.t.Errorf("server %d is not let in", i)
}

// connect opens a TCP connection.
func (p *probe) connect(port uint16, expected bool) error {
	wait := refusal
	if expected {
		wait = patience
	}
	return p.home.host.do(func() error {
		c, err := net.DialTimeout("tcp", netip.AddrPortFrom(serverAddress(p.family, 1), port).String(), wait)
		if err == nil {
			c.Close()
		}
		return err
	})
}
