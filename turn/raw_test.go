package turn

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	pion "github.com/pion/turn/v4"
)

// A rawClient says exactly what it is told to, and nothing by itself.
type rawClient struct {
	t        testing.TB
	conn     net.PacketConn
	server   net.Addr
	realm    string
	username string
	password string
	nonce    stun.Nonce
}

func newRawClient(t testing.TB, s *Server, network string, creds Credentials) *rawClient {
	t.Helper()
	addr, err := net.ResolveUDPAddr("udp", s.address(t, network))
	if err != nil {
		t.Fatal(err)
	}
	return &rawClient{
		t: t, conn: dial(t, s, network), server: addr,
		realm: s.cfg.Realm, username: creds.Username, password: creds.Password,
	}
}

// as makes the client use other credentials from the same address.
func (c *rawClient) as(creds Credentials) *rawClient {
	d := *c
	d.username, d.password = creds.Username, creds.Password
	return &d
}

// request makes a request, signed if the server has given a nonce.
func (c *rawClient) request(method stun.Method, attrs ...stun.Setter) *stun.Message {
	setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attrs...)
	if len(c.nonce) > 0 {
		key := pion.GenerateAuthKey(c.username, c.realm, c.password)
		setters = append(setters, stun.NewUsername(c.username), stun.NewRealm(c.realm), c.nonce, stun.MessageIntegrity(key))
	}
	return stun.MustBuild(setters...)
}

// ask sends a request and returns the answer, and 0 or the code of an error.
func (c *rawClient) ask(method stun.Method, attrs ...stun.Setter) (*stun.Message, stun.ErrorCode) {
	c.t.Helper()
	m := c.request(method, attrs...)
	c.write(m.Raw)
	for {
		answer := c.read()
		if answer == nil || answer.TransactionID != m.TransactionID {
			continue
		}
		if nonce := new(stun.Nonce); nonce.GetFrom(answer) == nil {
			c.nonce = append(stun.Nonce(nil), *nonce...)
		}
		if answer.Type.Class == stun.ClassSuccessResponse {
			return answer, 0
		}
		var code stun.ErrorCodeAttribute
		if err := code.GetFrom(answer); err != nil {
			c.t.Fatalf("%v: %v", answer, err)
		}
		return answer, code.Code
	}
}

func (c *rawClient) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.WriteTo(b, c.server); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the next STUN message, or nil for a packet that is none.
func (c *rawClient) read() *stun.Message {
	c.t.Helper()
	buf := make([]byte, 2048)
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	n, _, err := c.conn.ReadFrom(buf)
	if err != nil {
		c.t.Fatal(err)
	}
	m, err := decode(buf[:n])
	if err != nil {
		return nil
	}
	return m
}

// allocate makes an allocation and returns its address, or a code.
func (c *rawClient) allocate(attrs ...stun.Setter) (net.Addr, stun.ErrorCode) {
	c.t.Helper()
	udp := stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	attrs = append(attrs, udp)
	if len(c.nonce) == 0 {
		if _, code := c.ask(stun.MethodAllocate, attrs...); code != stun.CodeUnauthorized {
			c.t.Fatalf("Allocate without credentials: %d, want 401", code)
		}
	}
	answer, code := c.ask(stun.MethodAllocate, attrs...)
	if code != 0 {
		return nil, code
	}
	var relayed stun.XORMappedAddress
	if err := relayed.GetFromAs(answer, stun.AttrXORRelayedAddress); err != nil {
		c.t.Fatal(err)
	}
	return &net.UDPAddr{IP: relayed.IP, Port: relayed.Port}, 0
}

func (c *rawClient) refresh(seconds uint32) stun.ErrorCode {
	c.t.Helper()
	_, code := c.ask(stun.MethodRefresh, lifetime(seconds))
	return code
}

func (c *rawClient) permit(peer string) stun.ErrorCode {
	c.t.Helper()
	_, code := c.ask(stun.MethodCreatePermission, peerAddress(peer))
	return code
}

func (c *rawClient) bind(channel uint16, peer string) stun.ErrorCode {
	c.t.Helper()
	number := stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{byte(channel >> 8), byte(channel), 0, 0}}
	_, code := c.ask(stun.MethodChannelBind, number, peerAddress(peer))
	return code
}

// send sends data to peer in an indication.
func (c *rawClient) send(peer, text string) {
	c.t.Helper()
	m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
		peerAddress(peer), stun.RawAttribute{Type: stun.AttrData, Value: []byte(text)})
	c.write(m.Raw)
}

// want waits for data from peer in an indication.
func (c *rawClient) want(peer, text string) {
	c.t.Helper()
	m := c.read()
	if m == nil {
		c.t.Fatal("not a STUN message")
	}
	data, err := m.Get(stun.AttrData)
	var from stun.XORMappedAddress
	if err == nil {
		err = from.GetFromAs(m, stun.AttrXORPeerAddress)
	}
	if err != nil || string(data) != text || from.String() != peer {
		c.t.Fatalf("got %q from %v (%v), want %q from %v", data, from, err, text, peer)
	}
}

// data sends data in a channel, as a client does over UDP and TCP: padded.
func (c *rawClient) data(channel uint16, text string) {
	c.t.Helper()
	b := binary.BigEndian.AppendUint16(nil, channel)
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	b = append(b, text...)
	c.write(append(b, make([]byte, -len(b)&3)...))
}

// wantData waits for data in a channel.
func (c *rawClient) wantData(channel uint16, text string) {
	c.t.Helper()
	buf := make([]byte, 2048)
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	n, _, err := c.conn.ReadFrom(buf)
	if err != nil {
		c.t.Fatalf("waiting for %q: %v", text, err)
	}
	number, data, ok := decodeData(buf[:n])
	if !ok || number != channel || string(data) != text {
		c.t.Fatalf("got %q in channel %#x (%v), want %q in %#x", data, number, buf[:min(n, 40)], text, channel)
	}
}

// decodeData takes ChannelData apart.
func decodeData(b []byte) (channel uint16, data []byte, ok bool) {
	if len(b) < 4 || !isChannelData(b) || int(binary.BigEndian.Uint16(b[2:])) > len(b)-4 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(b), b[4:][:binary.BigEndian.Uint16(b[2:])], true
}

// wantNothing checks that all that is on its way to the client is the answer to
// a Binding request.
func (c *rawClient) wantNothing() {
	c.t.Helper()
	m := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
	c.write(m.Raw)
	if got := c.read(); got == nil || got.TransactionID != m.TransactionID {
		c.t.Fatalf("got %v, want nothing", got)
	}
}

func lifetime(seconds uint32) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrLifetime, Value: binary.BigEndian.AppendUint32(nil, seconds)}
}

// peerAddress is XOR-PEER-ADDRESS, in the very encoding it is written in: stun
// itself would make ::ffff:1.2.3.4 an IPv4 address.
func peerAddress(addr string) stun.Setter {
	ap := netip.MustParseAddrPort(addr)
	return setter(func(m *stun.Message) error {
		v := []byte{0, 1}
		if ap.Addr().Is6() {
			v[1] = 2
		}
		v = binary.BigEndian.AppendUint16(v, ap.Port()^magicCookie>>16)
		mask := append(binary.BigEndian.AppendUint32(nil, magicCookie), m.TransactionID[:]...)
		for i, b := range ap.Addr().AsSlice() {
			v = append(v, b^mask[i])
		}
		m.Add(stun.AttrXORPeerAddress, v)
		return nil
	})
}

type setter func(*stun.Message) error

func (s setter) AddTo(m *stun.Message) error { return s(m) }
