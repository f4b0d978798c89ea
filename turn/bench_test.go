package turn

import (
	"net/netip"
	"testing"
)

// BenchmarkClosedRelay is one packet from allocation to allocation, as pion
// writes and reads it, without the sockets of the clients.
func BenchmarkClosedRelay(b *testing.B) {
	var stats counters
	all := newClosedRelays(netip.MustParseAddr("192.0.2.1"), &stats)
	srv := &Server{relays: all}
	sender, _, _ := all.open(living())
	receiver, to, _ := all.open(living())
	alice := &allocation{edge: &edge{srv: srv}, relay: sender}
	bob := &allocation{edge: &edge{srv: srv}, relay: receiver}
	both := &rights{permitted: []netip.Addr{all.public}}
	alice.rights.Store(both)
	bob.rights.Store(both)
	packet, buf := make([]byte, 1200), make([]byte, maxPacket)
	b.ReportAllocs()
	b.SetBytes(int64(len(packet)))
	for b.Loop() {
		if _, err := alice.WriteTo(packet, to); err != nil {
			b.Fatal(err)
		}
		if n, _, err := bob.ReadFrom(buf); n != len(packet) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkServer is one packet from client to client over UDP on loopback, by
// ChannelData in and a Data indication out.
func BenchmarkServer(b *testing.B) {
	s := serve(b, Config{})
	alice, bob := newRawClient(b, s, "udp", s.Credentials("alice")), newRawClient(b, s, "udp", s.Credentials("bob"))
	from, _ := alice.allocate()
	to, _ := bob.allocate()
	alice.bind(0x4000, to.String())
	bob.permit(from.String())
	packet := append([]byte{0x40, 0, 0x04, 0xb0}, make([]byte, 1200)...)
	buf := make([]byte, 2*maxPacket)
	b.ReportAllocs()
	b.SetBytes(1200)
	for b.Loop() {
		alice.write(packet)
		if n, _, err := bob.conn.ReadFrom(buf); n < 1200 || err != nil {
			b.Fatal(n, err)
		}
	}
}
