package turn

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/stun/v3"
)

// encodings are all ways to write an IPv4 address as an IPv6 one.
func encodings(v4 string) []string {
	ip := netip.MustParseAddr(v4).As4()
	embed := func(prefix string, at int) string {
		b := netip.MustParseAddr(prefix).As16()
		copy(b[at:], ip[:])
		return netip.AddrFrom16(b).String()
	}
	return []string{v4, embed("::ffff:0:0", 12), embed("::", 12), embed("64:ff9b::", 12), embed("2002::", 2)}
}

func TestPolicyRefusesSpecialPeersInEveryEncoding(t *testing.T) {
	p := &policy{
		public: netip.MustParseAddr("9.9.9.9"),
		local:  []netip.Addr{netip.MustParseAddr("1.1.1.2"), netip.MustParseAddr("2606:4700::2")},
		allow:  prefixes("10.1.0.0/16", "fd00:1::/32"),
	}
	v4 := map[string]bool{
		"127.0.0.1": false, "127.255.0.9": false, "0.0.0.0": false, "10.0.0.1": false, "172.31.0.1": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.100.100.200": false, "192.0.0.192": false,
		"224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "1.1.1.2": false,
		"8.8.8.8": true, "172.32.0.1": true, "100.128.0.1": true, "9.9.9.9": true, "10.1.2.3": true,
	}
	for ip, want := range v4 {
		for _, text := range encodings(ip) {
			if got := p.permits(netip.MustParseAddr(text)); got != want {
				t.Errorf("%s (%s): %v, want %v", text, ip, got, want)
			}
		}
	}
	v6 := map[string]bool{
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:2::1": false,
		"ff02::1": false, "2001:db8::1": false, "2001:0:1::1": false, "64:ff9b:1::1": false, "2606:4700::2": false,
		"2606:4700::1": true, "fd00:1::1": true,
	}
	for ip, want := range v6 {
		if got := p.permits(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %v, want %v", ip, got, want)
		}
	}
}

func TestOpenRelayAnswers403ToRefusedPeers(t *testing.T) {
	s := serve(t, Config{Relay: RelayOpen})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	if _, code := alice.allocate(); code != 0 {
		t.Fatalf("Allocate: %d", code)
	}
	var refused uint64
	for _, v4 := range []string{"127.0.0.2", "10.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0"} {
		for i, ip := range encodings(v4) {
			peer := netip.AddrPortFrom(netip.MustParseAddr(ip), 3478).String()
			if code := alice.permit(peer); code != stun.CodeForbidden {
				t.Errorf("CreatePermission %s: %d, want 403", peer, code)
			}
			if code := alice.bind(uint16(0x4000+i), peer); code != stun.CodeForbidden {
				t.Errorf("ChannelBind %s: %d, want 403", peer, code)
			}
			alice.send(peer, "through?")
			refused += 2
		}
	}
	alice.wantNothing()
	if got := s.Stats(); got.PeersRefused != refused || got.Packets != 0 {
		t.Errorf("stats %+v, want %d refused", got, refused)
	}
	if code := alice.permit("8.8.8.8:53"); code != 0 {
		t.Errorf("CreatePermission of a public address: %d", code)
	}
}

func TestOpenRelayReachesOnlyItsRelayPortsOnItsOwnAddress(t *testing.T) {
	service, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	s := serve(t, Config{Relay: RelayOpen})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	alice.allocate()
	for i, peer := range []string{service.LocalAddr().String(), s.address(t, "udp"), "127.0.0.1:0"} {
		if code := alice.permit(peer); code != 0 {
			t.Fatalf("CreatePermission %s: %d: relayed peers are at this address", peer, code)
		}
		alice.send(peer, "service?")
		alice.wantNothing()
		if got := s.Stats().DroppedNowhere; got != uint64(i+1) {
			t.Errorf("%s: %d packets dropped, want %d", peer, got, i+1)
		}
	}
}

// A router may not bring back what the host behind it sends to the address outside.
func TestOpenRelayBehindNATReachesItsOwnRelayPorts(t *testing.T) {
	for _, public := range []string{"192.0.2.7", "2001:db8::7"} {
		t.Run(public, func(t *testing.T) {
			// That the address is allowed opens no way to services inside.
			s := serve(t, Config{
				Relay: RelayOpen, PublicIP: netip.MustParseAddr(public), PacketConns: []net.PacketConn{loopback(t)},
				AllowPeers: prefixes("192.0.2.0/24", "2001:db8::/32"),
			})
			client := func(name string) *rawClient {
				c := &rawClient{t: t, conn: loopback(t), server: s.cfg.PacketConns[0].LocalAddr(), realm: s.cfg.Realm}
				return c.as(s.Credentials(name))
			}
			alice, bob := client("alice"), client("bob")
			a, codeA := alice.allocate()
			b, codeB := bob.allocate()
			if codeA != 0 || codeB != 0 || hostOf(a) != public || hostOf(b) != public {
				t.Fatalf("Allocate: %v, %d and %v, %d, want %s", a, codeA, b, codeB, public)
			}
			if codeA, codeB = alice.permit(b.String()), bob.bind(0x4000, a.String()); codeA != 0 || codeB != 0 {
				t.Fatalf("CreatePermission: %d, ChannelBind: %d", codeA, codeB)
			}
			alice.send(b.String(), "ping")
			bob.wantData(0x4000, "ping")
			bob.data(0x4000, "pong")
			alice.want(b.String(), "pong")

			service := loopback(t)
			inside := netip.AddrPortFrom(netip.MustParseAddr(public), addrPort(service.LocalAddr()).Port())
			alice.send(inside.String(), "service?")
			alice.wantNothing() // it has been handled
			own := loopback(t)
			send(t, own, service.LocalAddr(), "mine")
			want(t, service, own.LocalAddr(), "mine")
		})
	}
}

// loopback is a socket there, until the test ends.
func loopback(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have
	return conn
}

func TestOpenRelayReachesAllowedPeers(t *testing.T) {
	service, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	s := serve(t, Config{Relay: RelayOpen, AllowPeers: prefixes("127.0.0.0/8")})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	a, _ := alice.allocate()
	if code := alice.permit(service.LocalAddr().String()); code != 0 {
		t.Fatalf("CreatePermission: %d", code)
	}
	alice.send(service.LocalAddr().String(), "ping")
	want(t, service, a, "ping")
	send(t, service, a, "pong")
	alice.want(service.LocalAddr().String(), "pong")
}

func TestOpenRelayStaysInItsPortRange(t *testing.T) {
	s := serve(t, Config{Relay: RelayOpen, MinPort: 50100, MaxPort: 50101})
	var clients []*rawClient
	for i, want := range []stun.ErrorCode{0, 0, stun.CodeInsufficientCapacity} {
		c := newRawClient(t, s, "udp", s.Credentials("alice"))
		addr, code := c.allocate()
		if code != want || code == 0 && !strings.HasPrefix(addr.String(), "127.0.0.1:5010") {
			t.Errorf("Allocate %d: %v, %d, want %d", i+1, addr, code, want)
		}
		clients = append(clients, c)
	}
	clients[0].refresh(0)
	if _, code := clients[2].allocate(); code != 0 {
		t.Errorf("Allocate with the port that came back: %d", code)
	}
}

func hostOf(a net.Addr) string { return a.(*net.UDPAddr).IP.String() }
