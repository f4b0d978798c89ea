package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pires/go-proxyproto"
)

// through dials as a client whom a proxy names, in a header of HTTP or in one of
// the PROXY protocol ("": without).
func (s *served) through(header, proxied string) (*websocket.Conn, *http.Response, error) {
	s.t.Helper()
	d := websocket.Dialer{
		Subprotocols: []string{"signal.v1"},
		NetDial: func(_, addr string) (net.Conn, error) {
			c, err := net.Dial("tcp", addr)
			if err == nil && proxied != "" {
				_, err = c.Write([]byte(proxied))
			}
			return c, err
		},
	}
	h := http.Header{}
	if header != "" {
		h.Set("X-Forwarded-For", header)
	}
	c, resp, err := d.DialContext(s.t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"ws", h)
	if err == nil {
		s.t.Cleanup(func() { c.Close() })
	}
	return c, resp, err
}

// wantFull wants a client to be refused as one too many of its address.
func (s *served) wantFull(header, proxied string) {
	s.t.Helper()
	_, resp, err := s.through(header, proxied)
	if err == nil || resp == nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		s.t.Fatalf("%q %q: got %v %v, want 429 with Retry-After", header, proxied, resp, err)
	}
	var problem struct{ Code string }
	if err := json.NewDecoder(resp.Body).Decode(&problem); err != nil || problem.Code != "rate_limited" {
		s.t.Errorf("code %q, %v", problem.Code, err)
	}
}

func (s *served) wantIn(header, proxied string) *websocket.Conn {
	s.t.Helper()
	c, resp, err := s.through(header, proxied)
	if err != nil {
		s.t.Fatalf("%q %q: %v %v", header, proxied, resp, err)
	}
	return c
}

func TestClientsOfATrustedProxyAreCountedOneByOne(t *testing.T) {
	s := serve(t, "--no-turn", "--trusted-proxies", "127.0.0.1,::1", "--max-ip-links", "1")
	s.wantIn("192.0.2.1", "")
	s.wantFull("198.51.100.9, 192.0.2.1", "")
	s.wantIn("192.0.2.2", "")
	s.wantIn("2001:db8::1", "")
	s.wantFull("2001:db8::2", "")
}

func TestForgedHeaderIsIgnored(t *testing.T) {
	s := serve(t, "--no-turn", "--max-ip-links", "1")
	s.wantIn("192.0.2.1", "")
	s.wantFull("192.0.2.2", "")
	if n := strings.Count(s.log.String(), "--trusted-proxies"); n != 1 {
		t.Errorf("the log says %d times what to do: %s", n, s.log)
	}
}

// TestOneAddressCannotTakeAllConnections is case 17.
func TestOneAddressCannotTakeAllConnections(t *testing.T) {
	s := serve(t, "--no-turn", "--trusted-proxies", "127.0.0.1", "--ip-burst", "5", "--ip-rate", "1")
	for range 5 {
		s.wantIn("192.0.2.1", "").Close()
	}
	s.wantFull("192.0.2.1", "")
	s.wantIn("192.0.2.2", "")
}

func TestProxyProtocol(t *testing.T) {
	s := serve(t, "--no-turn", "--trusted-proxies", "127.0.0.0/8", "--proxy-protocol", "--max-ip-links", "1")
	v2, err := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 5}, &net.TCPAddr{IP: net.ParseIP("2001:db8::2"), Port: 80}).Format()
	if err != nil {
		t.Fatal(err)
	}
	v1 := "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"
	c := s.wantIn("", v1)
	s.wantFull("", v1)
	s.wantFull("192.0.2.77", v1) // the client of the proxy is not trusted itself
	s.wantIn("", string(v2))
	s.wantFull("", string(v2))
	s.wantIn("", "PROXY TCP4 192.0.2.2 198.51.100.1 56324 443\r\n")
	if _, _, err := s.through("", ""); err == nil {
		t.Error("a trusted proxy that says nothing is believed")
	}
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if welcome := s.say(c, `{"type":"hello"}`); !strings.Contains(welcome, "welcome") {
		t.Errorf("got %s", welcome)
	}
	s.stop()
	if _, _, err := c.ReadMessage(); err == nil {
		_, _, err = c.ReadMessage()
		if !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
			t.Errorf("closed with %v, want 1012", err)
		}
	}
}

func TestProxyProtocolOfOthersIsNotBelieved(t *testing.T) {
	s := serve(t, "--no-turn", "--trusted-proxies", "10.0.0.0/8", "--proxy-protocol", "--max-ip-links", "1")
	if _, _, err := s.through("", "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"); err == nil {
		t.Error("anybody may say who connects")
	}
	s.wantIn("", "")
	s.wantFull("", "")
}
