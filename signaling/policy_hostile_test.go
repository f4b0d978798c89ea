package signaling

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// The addresses of a hostile client, in many spellings.
var (
	hostAddresses = []string{
		"10.11.12.13", "192.168.77.99", "172.20.1.9", "::ffff:10.11.12.13", "0x0a.0x0b.0x0c.0x0d", "012.013.014.015", "10.11.3085",
		"fd12:3456::77", "FD12:3456:0:0:0:0:0:77", "fe80::1ff:fe23:4567:890a", "fe80::1ff:fe23:4567:890a%eth0", "[fd12:3456::77]",
		"6f16efcb-8077-465a-937f-354d0e3d7955.local", "6F16EFCB-8077-465A-937F-354D0E3D7955.LOCAL", "home.anna.example", "Home.Anna.Example.",
	}
	// publicAddresses are what its NAT shows: a policy of no-host allows them,
	// as what they are.
	publicAddresses = []string{"198.51.100.99", "2001:db8:77::99"}
	// numbers are addresses where an address is expected, and plain numbers elsewhere.
	numbers = []string{"3325256803", "0xc6336463"}
)

// A hostile makes frames of a client that wants its addresses to be known.
type hostile struct{ *rand.Rand }

func (h hostile) oneOf(list ...string) string { return list[h.IntN(len(list))] }

// often is true n times in ten.
func (h hostile) often(n int) bool { return h.IntN(10) < n }

func (h hostile) address() string {
	if h.often(3) {
		return h.oneOf(publicAddresses...)
	}
	return h.oneOf(hostAddresses...)
}

// place is an address where one is expected.
func (h hostile) place() string {
	if h.often(1) {
		return h.oneOf(numbers...)
	}
	return h.address()
}

func (h hostile) space() string { return h.oneOf(" ", " ", " ", "  ", "\t", " \t") }

func (h hostile) candidate() string {
	typ := h.oneOf("host", "srflx", "prflx", "relay", "relay", "HOST", "Relay", "local")
	addr := h.place()
	if h.often(3) {
		addr = "203.0.113.3"
	}
	f := []string{h.oneOf("1", "abc/+", h.address()), h.oneOf("1", "2", "0"), h.oneOf("udp", "TCP", "tcp", h.address()), "99", addr, h.oneOf("9", "50000"), "typ", typ}
	if h.often(8) {
		f = append(f, h.oneOf("raddr", "RADDR"), h.place(), "rport", "50000")
	}
	if h.often(4) {
		f = append(f, h.oneOf("generation", "ufrag", "tcptype", "network-id", "x-ip", "network-cost"), h.oneOf("0", "active", h.address()))
	}
	prefix := h.oneOf("candidate:", "candidate:", "candidate:", "a=candidate:", "Candidate:", "candidate: ", " candidate:", "")
	return prefix + strings.Join(f, h.space())
}

// line is a line of SDP that tells an address, or tries to.
func (h hostile) line() string {
	switch h.IntN(16) {
	case 0:
		return h.oneOf("c=IN IP4 ", "c=IN IP6 ", "c= IN IP4 ", "C=IN IP4 ", "c=", "c=IN\tIP4\t") + h.place()
	case 1, 2, 3:
		return h.oneOf("a=", "a=", "a=", "A=", "a= ", " a=") + h.candidate()
	case 4:
		return "a=rtcp:" + h.oneOf("9", "9 ", "5000\t") + "IN IP4 " + h.place()
	case 5:
		return "a=remote-candidates:1 " + h.place() + " 9"
	case 6:
		return h.oneOf("i=", "u=http://", "e=anna@", "p=", "k=clear:", "z=", "r=", "s=", "t=", "b=AS:", "b=", "x=") + h.address()
	case 7:
		return "a=" + h.oneOf("x-ip", "note", "source-filter", "Mid", "crypto", "ts-refclk", "identity", "CANDIDATE", "") + h.oneOf(":", ": ", " ") + h.address()
	case 8:
		return "a=" + h.oneOf("mid", "msid", "group", "fmtp", "ssrc", "ice-ufrag", "ice-pwd", "label", "rid", "setup", "sctp-port", "ptime", "rtpmap") + ":" + h.oneOf("", "1 ", "1 cname:", "a ") + h.address()
	case 9:
		return "a=extmap:" + h.oneOf("1 ", "1 http://", "1/sendonly urn:ietf:params:rtp-hdrext:", "1 http://www.webrtc.org/experiments/rtp-hdrext/", "1 https://") + h.address()
	case 10:
		return "a=fingerprint:" + h.oneOf("sha-256 ", "", "sha-256\t") + h.address()
	case 11:
		return "a=" + h.address()
	case 12:
		return "m=audio " + h.oneOf("9 ", "5000 ") + "UDP/TLS/RTP/SAVPF " + h.oneOf("111", h.address())
	case 13:
		return "o=" + h.oneOf("-", h.address()) + " 1 2 IN " + h.oneOf("IP4 ", "IP6 ") + h.place()
	case 14:
		return h.address() // refused, as the whole description
	}
	return h.oneOf("a=sendrecv", "a=mid:0", "a=rtcp-mux", "a=ice-ufrag:aB+/", "a=end-of-candidates", "m=video 9 UDP/TLS/RTP/SAVPF 96")
}

func (h hostile) sdp() string {
	end := h.oneOf("\r\n", "\r\n", "\n", "\r")
	text := "v=0" + end + "o=- 1 2 IN IP4 " + h.oneOf("127.0.0.1", h.place()) + end + "s=-" + end + "t=0 0" + end
	for range 1 + h.IntN(8) {
		l := h.line()
		for l == "" || l[0] != ' ' && strings.IndexByte(l, '=') != 1 && h.often(9) {
			l = h.line() // most descriptions should get further than that
		}
		if h.often(1) {
			end = h.oneOf("\r\n", "\n", "\r", "\n\n", "\r\r\n")
		}
		text += l + end
	}
	return text
}

// quote writes a JSON string, with some characters escaped.
func (h hostile) quote(s string) string {
	digits := h.oneOf("0123456789abcdef", "0123456789ABCDEF")
	escaped := []int{0, 2, 10}[h.IntN(3)] // of ten
	b := []byte{'"'}
	for _, c := range []byte(s) { // all is ASCII
		if c < ' ' || c == '"' || c == '\\' || h.often(escaped) {
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

// junk is a value with an address in it.
func (h hostile) junk() string {
	a := h.quote(h.address())
	return h.oneOf(a, "["+a+"]", `{"ip":`+a+`}`, `{`+a+`:1}`, `{"a":[{"b":`+a+`}]}`, h.quote(h.candidate()))
}

// object writes the members, repeats some, and adds others.
func (h hostile) object(members ...string) string {
	for range h.IntN(4) {
		key := h.oneOf("ip", "address", "relatedAddress", "SDP", "Sdp", "Candidate", "port", "url", h.address())
		members = append(members, h.quote(key)+":"+h.junk())
	}
	if h.often(1) {
		members = append(members, h.quote(h.oneOf("sdp", "type", "candidate", "sdpMid", "need"))+":"+h.junk())
	}
	h.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return h.oneOf("{", "{ ", "{\n") + strings.Join(members, h.oneOf(",", " , ")) + "}"
}

func (h hostile) member(key, value string) string {
	return h.quote(key) + h.oneOf(":", " : ") + h.quote(value)
}

// data is that of a frame of the type.
func (h hostile) data(typ wire.Type) string {
	switch typ {
	case wire.TypeOffer, wire.TypeAnswer:
		members := []string{h.member("type", h.oneOf(string(typ), h.address())), h.member("sdp", h.sdp())}
		if h.often(2) {
			members = append(members, h.member("sdp", h.sdp()))
		}
		return h.object(members...)
	case wire.TypeCandidates:
		var list []string
		for range h.IntN(4) {
			list = append(list, h.object(
				h.member("candidate", h.candidate()), h.member("sdpMid", h.oneOf("0", "0", h.address())),
				h.member("usernameFragment", h.oneOf("abcd", "abcd", h.address())), `"sdpMLineIndex":0`))
		}
		return "[" + strings.Join(list, ",") + "]"
	case wire.TypeGot:
		return h.junk()
	case wire.TypeNegotiate:
		return h.object(h.quote("need") + ":" + h.object(`"audio":1`, h.quote("video")+":"+h.oneOf("1", h.junk())))
	}
	return h.object(h.member("reason", h.oneOf("failed before", "dial "+h.address()+" failed")))
}

// frame is one frame from its first to its last byte.
func (h hostile) frame(typ wire.Type, id uint64, to string) string {
	ufrag := "abcd"
	if h.often(1) {
		ufrag = h.address()
	}
	return fmt.Sprintf(`{"id":%d,"type":%q,"room":"room","to":%q,"from":%s,"x":%s,"pc":%d,"gen":1,"got":1,"ufrag":%s,"data":%s}`,
		id, typ, to, h.quote(h.address()), h.junk(), id, h.quote(ufrag), h.data(typ))
}

// These are what the other side must not get, whatever the policy; with
// relay the public addresses are secret too.
var (
	hostSecrets   = secretsOf(hostAddresses)
	publicSecrets = secretsOf(append(publicAddresses, numbers...))
	reflexive     = regexp.MustCompile(`candidate:\d+ \d+ \S+ \d+ (198\.51\.100\.99|2001:db8:77::99) \d+ typ (srflx|prflx) `)
)

// secrets are addresses, or parts of them, in lower case.
type secrets []string

func secretsOf(list []string) secrets {
	all := secrets{"fd12:", "fe80:", "10.11.12", ".local"}
	for _, s := range list {
		all = append(all, strings.ToLower(strings.Trim(s, "[].")))
	}
	return all
}

// in returns the first of them in a text; "": none.
func (s secrets) in(text string) string {
	text = strings.ToLower(text)
	for _, secret := range s {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}

// spoken is all of a frame as who reads it may understand it: its bytes, and
// its strings without escapes.
func spoken(t *testing.T, frame []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(frame, &v); err != nil {
		t.Fatalf("%s: %v", frame, err)
	}
	return string(frame) + "\n" + fmt.Sprint(v)
}

// A client that ignores its own policy, and writes its addresses wherever there
// is room, in whatever spelling, does not make the other side learn one.
func TestHostileClientCannotShowItsAddresses(t *testing.T) {
	const frames = 10_000 // in all
	for seed, policy := range []wire.Policy{wire.PolicyNoHost, wire.PolicyRelay} {
		t.Run(fmt.Sprintf("%s seed=%d", policy, seed), func(t *testing.T) {
			cfg := Config{Candidates: policy, Relays: testRelays, Rate: 1 << 20, Burst: 1 << 20, Bytes: 1 << 30}
			inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
				evil := hostile{rand.New(rand.NewPCG(uint64(seed), 0))}
				alice, bob := h.pair(t) // alice offers
				relayed, tried := 0, 0
				for i := range frames / 2 {
					from, to := alice, bob
					typ := wire.Type(evil.oneOf("offer", "offer", "answer", "candidates", "candidates", "negotiate", "reject", "got"))
					if typ != wire.TypeOffer && (typ != wire.TypeCandidates || evil.often(5)) {
						from, to = bob, alice
					}
					frame := evil.frame(typ, from.id+1, to.peer)
					if m := from.raw(frame); m.Data != nil && hostSecrets.in(spoken(t, m.Data)) != "" {
						tried++
					}
					if got, ok := to.conn.next(); ok {
						relayed++
						wantNoSecret(t, policy, frame, wire.AppendServer(nil, got.Seq, got.Ack, got.Body.Message.AppendBody(nil)))
						to.ack()
					} else {
						from.wantError(wire.CodeCandidatePolicy, from.id)
						from.ack()
					}
					if t.Failed() {
						t.Fatalf("frame %d of seed %d", i, seed)
					}
				}
				t.Logf("%d frames, %d with an address of the host, %d relayed", frames/2, tried, relayed)
				if tried < frames/2*8/10 || relayed < frames/2*6/10 {
					t.Errorf("of %d frames %d tried, and %d were relayed", frames/2, tried, relayed)
				}
			})
		})
	}
}

// raw sends a frame as it is, and returns what the server gets.
func (c *client) raw(frame string) *wire.Message {
	c.t.Helper()
	m, err := wire.Scan([]byte(frame))
	if err != nil {
		c.t.Fatalf("%s: %v", frame, err)
	}
	if err := m.Check(); err != nil {
		c.t.Fatalf("%s: %v", frame, err)
	}
	c.id = m.ID
	had := *m // the server may change it
	if _, err := c.conn.link.Receive(m, len(frame)); err != nil {
		c.t.Fatal(err)
	}
	return &had
}

func wantNoSecret(t *testing.T, policy wire.Policy, sent string, got []byte) {
	t.Helper()
	text := spoken(t, got)
	found := hostSecrets.in(text)
	if policy == wire.PolicyNoHost {
		text = reflexive.ReplaceAllString(text, "")
	}
	if found == "" {
		found = publicSecrets.in(text)
	}
	if found != "" {
		t.Errorf("%s lets through %q:\nsent %s\n got %s", policy, found, sent, got)
	}
}
