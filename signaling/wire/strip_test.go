package wire

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
)

var testStripper = Stripper{Relays: []netip.Prefix{netip.MustParsePrefix(vectorRelay + "/32")}, Salt: "the salt of these tests"}

func description(t testing.TB, typ Type, sdp string) *Message {
	t.Helper()
	data, err := json.Marshal(map[string]string{"type": string(typ), "sdp": sdp})
	if err != nil {
		t.Fatal(err)
	}
	return &Message{Type: typ, Data: data}
}

func candidatesFrame(list ...string) *Message {
	return &Message{Type: TypeCandidates, Ufrag: "abcd", Elements: len(list), Data: []byte("[" + strings.Join(list, ",") + "]")}
}

func sdpOf(t testing.TB, data []byte) string {
	t.Helper()
	var d struct{ SDP string }
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return d.SDP
}

func TestStripCandidate(t *testing.T) {
	const relayed = "candidate:1 1 udp 5 203.0.113.3 50001 typ relay"
	for _, tt := range []struct {
		name, in     string
		noHost, then string // what is left, without its foundation; "": nothing
	}{
		{"relay", relayed + " raddr 10.0.0.5 rport 9", relayed + " raddr 0.0.0.0 rport 0", "same"},
		{"relay without raddr", relayed, relayed + " raddr 0.0.0.0 rport 0", "same"},
		{"a= and spaces", "a=candidate:1  1 udp 5\t203.0.113.3 50001 typ relay", relayed + " raddr 0.0.0.0 rport 0", "same"},
		{"relay elsewhere", "candidate:1 1 udp 5 203.0.113.4 50001 typ relay", "", ""},
		{"relay in IPv6 clothes", "candidate:1 1 udp 5 ::ffff:203.0.113.3 50001 typ relay", relayed + " raddr 0.0.0.0 rport 0", "same"},
		{"extensions", relayed + " generation 0 ufrag aB+/ network-id 1 network-cost 10 x-ip 10.0.0.5 tcptype active",
			relayed + " raddr 0.0.0.0 rport 0 generation 0 ufrag aB+/ network-id 1 network-cost 10 tcptype active", "same"},
		{"address as ufrag", relayed + " ufrag 10.0.0.5", relayed + " raddr 0.0.0.0 rport 0", "same"},
		{"address as generation", relayed + " generation 10.0.0.5", relayed + " raddr 0.0.0.0 rport 0", "same"},
		{"srflx", "candidate:1 1 udp 5 198.51.100.7 9 typ srflx raddr 10.0.0.5 rport 9", "candidate:1 1 udp 5 198.51.100.7 9 typ srflx raddr 0.0.0.0 rport 0", ""},
		{"srflx IPv6", "candidate:1 1 UDP 5 2001:db8::7 9 typ srflx raddr fd00::2 rport 9", "candidate:1 1 UDP 5 2001:db8::7 9 typ srflx raddr :: rport 0", ""},
		{"prflx over tcp", "candidate:1 1 tcp 5 198.51.100.7 9 typ prflx raddr 10.0.0.5 rport 9 tcptype so", "candidate:1 1 tcp 5 198.51.100.7 9 typ prflx raddr 0.0.0.0 rport 0 tcptype so", ""},
		{"host that says srflx", "candidate:1 1 udp 5 192.168.7.20 9 typ srflx", "", ""},
		{"IPv4 translated to IPv6", "candidate:1 1 udp 5 ::ffff:0:192.168.1.2 9 typ srflx", "", ""},
		{"site-local", "candidate:1 1 udp 5 fec0::1 9 typ srflx", "", ""},
		{"a network under test", "candidate:1 1 udp 5 198.19.1.2 9 typ srflx", "", ""},
		{"the translator's own", "candidate:1 1 udp 5 192.0.0.2 9 typ srflx", "", ""},
		{"this network", "candidate:1 1 udp 5 0.1.2.3 9 typ srflx", "", ""},
		{"reserved", "candidate:1 1 udp 5 250.1.2.3 9 typ srflx", "", ""},
		{"shared space", "candidate:1 1 udp 5 100.64.3.4 9 typ srflx", "", ""},
		{"IPv4 in NAT64", "candidate:1 1 udp 5 64:ff9b::c0a8:714 9 typ srflx", "", ""},
		{"IPv4 in 6to4", "candidate:1 1 udp 5 2002:c0a8:714::1 9 typ srflx", "", ""},
		{"unique local", "candidate:1 1 udp 5 fd00::2 9 typ srflx", "", ""},
		{"with a zone", "candidate:1 1 udp 5 2001:db8::7%eth0 9 typ srflx", "", ""},
		{"host", "candidate:1 1 udp 5 198.51.100.7 9 typ host", "", ""},
		{"host over tcp", "candidate:1 1 TCP 5 198.51.100.7 9 typ host tcptype active", "", ""},
		{"mDNS", "candidate:1 1 udp 5 6f16efcb-8077-465a-937f-354d0e3d7955.local 9 typ host", "", ""},
		{"relay by name", "candidate:1 1 udp 5 home.example.net 9 typ relay", "", ""},
		{"relay as a number", "candidate:1 1 udp 5 3405803779 9 typ relay", "", ""},
		{"relay in octal", "candidate:1 1 udp 5 0313.0.0161.03 9 typ relay", "", ""},
		{"upper case type", "candidate:1 1 udp 5 203.0.113.3 50001 typ RELAY", "", ""},
		{"upper case", "CANDIDATE:1 1 udp 5 203.0.113.3 50001 typ relay", "", ""},
		{"strange transport", "candidate:1 1 10.0.0.5 5 203.0.113.3 50001 typ relay", "", ""},
		{"strange component", "candidate:1 999 udp 5 203.0.113.3 50001 typ relay", "", ""},
		{"cut", "candidate:1 1 udp 5 203.0.113.3 50001 typ", "", ""},
		{"none", "hello", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.then == "same" {
				tt.then = tt.noHost
			}
			wantStripped(t, PolicyNoHost, tt.in, tt.noHost)
			wantStripped(t, PolicyRelay, tt.in, tt.then)
		})
	}
}

// wantStripped has a candidate stripped; its foundation is not looked at.
func wantStripped(t *testing.T, p Policy, candidate, want string) {
	t.Helper()
	in, _ := json.Marshal(map[string]string{"candidate": candidate})
	m := candidatesFrame(string(in))
	if err := testStripper.Strip(p, m); err != nil {
		t.Fatal(err)
	}
	var left []struct{ Candidate string }
	if err := json.Unmarshal(m.Data, &left); err != nil {
		t.Fatal(err)
	}
	got := ""
	if len(left) > 0 {
		_, rest, _ := strings.Cut(left[0].Candidate, " ")
		got = "candidate:1 " + rest
	}
	if got != want || m.Elements != len(left) {
		t.Errorf("%s: %d elements\n got %q\nwant %q", p, m.Elements, got, want)
	}
}

// Equal foundations stay equal, and show nothing without the salt.
func TestFoundationsAreReplaced(t *testing.T) {
	const rest = ` 1 udp 5 203.0.113.3 50001 typ relay"}`
	foundations := func(s Stripper) (list []string) {
		m := candidatesFrame(`{"candidate":"candidate:77`+rest, `{"candidate":"candidate:78`+rest, `{"candidate":"candidate:77`+rest)
		if err := s.Strip(PolicyRelay, m); err != nil {
			t.Fatal(err)
		}
		var left []struct{ Candidate string }
		if err := json.Unmarshal(m.Data, &left); err != nil {
			t.Fatal(err)
		}
		for _, c := range left {
			list = append(list, strings.Fields(c.Candidate)[0])
		}
		return list
	}
	a, b := foundations(Stripper{Salt: "a"}), foundations(Stripper{Salt: "b"})
	if a[0] != a[2] || a[0] == a[1] || a[0] == "candidate:77" || a[0] == b[0] {
		t.Errorf("foundations are %v, with another salt %v", a, b)
	}
}

func TestStripOther(t *testing.T) {
	for _, tt := range []struct{ name, typ, in, want string }{
		{"need", "negotiate", `{"need":{"audio":1,"video":0,"data":1,"ip":1},"restart":true,"x":"10.0.0.5"}`, `{"need":{"audio":1,"video":0,"data":1},"restart":true}`},
		{"no numbers", "negotiate", `{"need":{"audio":"10.0.0.5","video":1e9},"fresh":"fd00::2"}`, `{"need":{}}`},
		{"no address as a number", "negotiate", `{"need":{"audio":3232235777,"video":1024}}`, `{"need":{"video":1024}}`},
		{"escaped", "negotiate", `{"n\u0065ed":{"aud\u0069o":1}}`, `{"need":{"audio":1}}`},
		{"reason", "reject", `{"reason":"failed before","at":"10.0.0.5"}`, `{"reason":"failed before"}`},
		{"address as reason", "reject", `{"reason":"dial 10.0.0.5: no"}`, `{"reason":"not shown, by the candidate policy"}`},
		{"IPv6 as reason", "reject", `{"reason":"fd00::2"}`, `{"reason":"not shown, by the candidate policy"}`},
		{"message", "message", `{"sdp":"10.0.0.5"}`, `{"sdp":"10.0.0.5"}`},
		{"nothing left", "candidates", `[{"candidate":"candidate:1 1 udp 5 10.0.0.5 9 typ host"}]`, `[]`},
		{"no more", "candidates", `[{"candidate":"","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"aB+/","ip":"10.0.0.5"}]`, `[{"candidate":"","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"aB+/"}]`},
		{"nulls", "candidates", `[{"candidate":"","sdpMid":null,"sdpMLineIndex":null,"usernameFragment":null}]`, `[{"candidate":""}]`},
		{"repeated key", "candidates", `[{"candidate":"","sdpMid":"10.0.0.5","sdpMid":"1"}]`, `[{"candidate":"","sdpMid":"1"}]`},
		{"address as mid", "candidates", `[{"candidate":"","sdpMid":"10.0.0.5"}]`, `[]`},
		{"address as ufrag", "candidates", `[{"candidate":"","usernameFragment":"10.0.0.5"}]`, `[]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &Message{Type: Type(tt.typ), Ufrag: "abcd", Data: []byte(tt.in)}
			if err := testStripper.Strip(PolicyRelay, m); err != nil {
				t.Fatal(err)
			}
			if string(m.Data) != tt.want {
				t.Errorf("got %s, want %s", m.Data, tt.want)
			}
		})
	}
}

func TestStripSDP(t *testing.T) {
	const head = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	for _, tt := range []struct{ name, in, want string }{
		{"origin", "v=0\no=ana@10.0.0.5 1 2 IN IP6 fd00::2\ns=at 10.0.0.5\ni=10.0.0.5\nt=10 5\n", head},
		{"line ends", strings.ReplaceAll(head, "\r\n", "\r") + "a=mid:0", head + "a=mid:0\r\n"},
		{"connection", head + "c=IN IP6 fd00::2\r\n", head + "c=IN IP4 0.0.0.0\r\n"},
		{"bandwidth", head + "b=AS:512\r\nb=X-IP:10.0.0.5\r\nb=AS:fd00::2\r\n", head + "b=AS:512\r\n"},
		{"other lines", head + "u=http://10.0.0.5/\r\ne=a@b.example\r\nA=mid:0\r\nk=clear:10.0.0.5\r\n", head},
		{"rejected m-line", head + "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\n", head + "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\n"},
		{"flags", head + "a=sendrecv\r\na=cryptex\r\na=10.0.0.5\r\na=fd00::2\r\na=sendrecv:\r\na=\r\n", head + "a=sendrecv\r\na=cryptex\r\n"},
		{"unknown", head + "a=x-ip:10.0.0.5\r\na=x:1\r\na=remote-candidates:1 10.0.0.5 9\r\na=Mid:0\r\na= mid:0\r\n", head},
		{"addresses in known ones", head + "a=mid:10.0.0.5\r\na=fmtp:96 a=fd00::2\r\na=ssrc:1 cname:home.example.net\r\na=ice-ufrag:10.0.0.5\r\na=ice-pwd:fd00::2\r\na=sctp-port:10.0.0.5\r\n", head},
		{"fingerprint", head + "a=fingerprint:sha-256 fd:00::2\r\na=fingerprint:sha-256 fd:00:12:34:56:78:9a:bc\r\na=fingerprint:sha-1 " + strings.Repeat("AB:", 19) + "AB\r\n", head + "a=fingerprint:sha-1 " + strings.Repeat("AB:", 19) + "AB\r\n"},
		{"extmap", head + "a=extmap:1 http://10.0.0.5/\r\na=extmap:2/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:3 urn:ietf:params:rtp-hdrext:fd00::2\r\n", head + "a=extmap:2/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n"},
		{"other letters", head + "a=mid:10\u30020\u30020\u30025\r\na=mid:\uff11\r\n", head},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := description(t, TypeOffer, tt.in)
			if err := testStripper.Strip(PolicyRelay, m); err != nil {
				t.Fatal(err)
			}
			if got := sdpOf(t, m.Data); got != tt.want {
				t.Errorf("got\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

// What cannot be read is refused, and stays as it was.
func TestStripRefuses(t *testing.T) {
	for _, tt := range []struct{ name, typ, in, why string }{
		{"not an object", "offer", `"v=0"`, "not a JSON object"},
		{"no sdp", "offer", `{"SDP":"v=0"}`, "no sdp"},
		{"number as sdp", "offer", `{"sdp":5}`, "want a string"},
		{"lone surrogate", "answer", `{"sdp":"\ud800"}`, "surrogate"},
		{"no version", "offer", `{"sdp":"c=IN IP4 10.0.0.5"}`, "does not begin with v=0"},
		{"a space first", "offer", `{"sdp":"v=0\r\n a=candidate:1"}`, "line 2 of sdp is not of the form"},
		{"short origin", "offer", `{"sdp":"v=0\r\no=10.0.0.5"}`, "line 2 of sdp: want o="},
		{"an address as session", "offer", `{"sdp":"v=0\r\no=- 10.0.0.5 2 IN IP4 0.0.0.0"}`, "line 2 of sdp: want o="},
		{"an address as version", "offer", `{"sdp":"v=0\r\no=- 1 fd00::2 IN IP4 0.0.0.0"}`, "line 2 of sdp: want o="},
		{"short m-line", "offer", `{"sdp":"v=0\r\nm=audio"}`, "line 2 of sdp: want m="},
		{"address in m-line", "offer", `{"sdp":"v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 10.0.0.5"}`, "line 2 of sdp: want m="},
		{"element", "candidates", `["candidate:1"]`, "not an object"},
		{"nested", "candidates", `[{"candidate":{"candidate":""}}]`, "want a string"},
		{"need", "negotiate", `[]`, "not a JSON object"},
		{"reason", "reject", `{"reason":["10.0.0.5"]}`, "want a string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &Message{Type: Type(tt.typ), Ufrag: "abcd", Data: []byte(tt.in)}
			err := testStripper.Strip(PolicyNoHost, m)
			if err == nil || err.Code != CodeCandidatePolicy || !strings.Contains(err.Text, tt.why) {
				t.Errorf("got %v, want %s with %q", err, CodeCandidatePolicy, tt.why)
			}
			if string(m.Data) != tt.in {
				t.Errorf("data has become %s", m.Data)
			}
		})
	}
	m := candidatesFrame()
	m.Ufrag = "10.0.0.5"
	if err := testStripper.Strip(PolicyNoHost, m); err == nil || err.Code != CodeCandidatePolicy {
		t.Errorf("an address as ufrag: got %v", err)
	}
}

func TestStrictestPolicy(t *testing.T) {
	for _, tt := range []struct {
		in   []Policy
		want Policy
	}{
		{nil, PolicyAll},
		{[]Policy{"", ""}, PolicyAll},
		{[]Policy{PolicyAll, PolicyNoHost, ""}, PolicyNoHost},
		{[]Policy{PolicyRelay, PolicyNoHost}, PolicyRelay},
	} {
		if got := Strictest(tt.in...); got != tt.want {
			t.Errorf("Strictest(%v) = %s, want %s", tt.in, got, tt.want)
		}
	}
	m := description(t, TypeOffer, "v=0\r\nc=IN IP4 198.51.100.7\r\n")
	if err := testStripper.Strip("Relay", m); err != nil || strings.Contains(string(m.Data), vectorReflexive) {
		t.Errorf("a policy with a typing error lets through %s (%v)", m.Data, err)
	}
}

// Without a policy nothing is read, changed or allocated.
func TestPolicyAllIsFree(t *testing.T) {
	for _, data := range []string{`{"sdp":"c=IN IP4 10.0.0.5"}`, `5`} {
		m := &Message{Type: TypeOffer, Data: []byte(data)}
		allocs := testing.AllocsPerRun(100, func() {
			if err := testStripper.Strip(PolicyAll, m); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 || string(m.Data) != data {
			t.Errorf("%v allocations, and data is %s", allocs, m.Data)
		}
	}
}
