package robot

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestOnlyCallsThatAreOverAreForgotten(t *testing.T) {
	a, b, c := &call{conns: 1}, &call{conns: 2}, &call{conns: 3}
	over := func(c *call) bool { return c != a }
	if got := forget([]*call{a, b}, 2, over); !slices.Equal(got, []*call{a, b}) {
		t.Errorf("at the bound %d are left", len(got))
	}
	if got := forget([]*call{a, b, c}, 2, over); !slices.Equal(got, []*call{a, c}) {
		t.Errorf("above the bound %d are left, or not the newest and the one that lives", len(got))
	}
	if got := forget([]*call{a, a, a}, 2, over); len(got) != 3 {
		t.Errorf("of three that live %d are left", len(got))
	}
}

func TestWillReceive(t *testing.T) {
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"}
	for mid, line := range []string{"9 a=sendrecv", "9 a=recvonly", "9 a=sendonly", "9 a=inactive", "0 a=sendrecv", "9 a=mid-is-sendrecv"} {
		offer.SDP += fmt.Sprintf("m=audio %c UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:%d\r\n%s\r\n", line[0], mid, line[2:])
	}
	parsed, err := offer.Unmarshal()
	if err != nil {
		t.Fatal(err)
	}
	got := willReceive(parsed)
	if !got["0"] || !got["1"] || !got["5"] || len(got) != 3 {
		t.Errorf("mids %v, want 0, 1 and 5", got)
	}
}

// What failed may be the old servers' credentials.
func TestRestartUsesTheNewestServers(t *testing.T) {
	s := newStage(t)
	var newest atomic.Value
	newest.Store("turn:127.0.0.1:1?transport=tcp")
	servers := func([]wire.ICEServer) []wire.ICEServer {
		return []wire.ICEServer{{URLs: []string{newest.Load().(string)}, Username: "u", Credential: "c"}}
	}
	a, b := s.join(Config{NoVideo: true, ICEServers: servers}), s.join(Config{Name: "ben", NoVideo: true, ICEServers: servers})
	s.call(a, b, audio)
	const after = "turn:127.0.0.1:2?transport=tcp"
	newest.Store(after)
	if err := a.RestartICE(b.ID()); err != nil {
		t.Fatal(err)
	}
	uses := func(of, peer *Robot) string {
		c, err := of.call(peer.ID())
		if err != nil {
			t.Fatal(err)
		}
		conn := c.current()
		conn.configuring.Lock()
		defer conn.configuring.Unlock()
		return conn.pc.GetConfiguration().ICEServers[0].URLs[0]
	}
	for uses(a, b) != after || uses(b, a) != after {
		select { // pion does not tell of it
		case <-s.ctx.Done():
			t.Fatalf("%s and %s are used, want %s", uses(a, b), uses(b, a), after)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestAddressOfACandidate(t *testing.T) {
	for host, want := range map[string]string{"192.0.2.1": "192.0.2.1:7", "2001:db8::1": "[2001:db8::1]:7"} {
		if got := address(&webrtc.ICECandidate{Address: host, Port: 7}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
