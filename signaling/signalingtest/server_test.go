package signalingtest_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
	"github.com/seed-3a7b6cbd/signal/turn"
)

// frame is what these tests read of a frame.
type frame struct {
	Type    string
	Peer    string
	Resumed bool
	Resume  struct{ Token string }
	ICE     struct{ List []struct{ URLs []string } }
}

func dial(t *testing.T, srv *signalingtest.Server) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"signal.v1"}, HandshakeTimeout: 10 * time.Second}
	c, _, err := d.DialContext(t.Context(), srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	return c
}

func say(t *testing.T, c *websocket.Conn, text string) (f frame) {
	t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
	_, answer, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestServerServesWebSocketPageAndTURN(t *testing.T) {
	srv := signalingtest.NewServer(t, signalingtest.WithTURN(turn.Config{}))
	welcome := say(t, dial(t, srv), `{"type":"hello"}`)
	if welcome.Type != "welcome" || len(welcome.ICE.List) == 0 {
		t.Errorf("%+v", welcome)
	}
	if srv.TURN() == nil || len(srv.ICE(welcome.Peer).List) == 0 {
		t.Error("no TURN")
	}
	resp, err := http.Get(srv.PageURL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Errorf("page: %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestCutLinksIsAReset(t *testing.T) {
	srv := signalingtest.NewServer(t)
	c := dial(t, srv)
	first := say(t, c, `{"type":"hello"}`)
	srv.CutLinks()
	_, _, err := c.ReadMessage()
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after CutLinks: %v, want a reset", err)
	}
	again := say(t, dial(t, srv), `{"type":"hello","resume":{"token":"`+first.Resume.Token+`","seq":0,"nonce":"0123456789abcdef"}}`)
	if again.Peer != first.Peer || !again.Resumed {
		t.Errorf("resumed as %+v, want %s", again, first.Peer)
	}
}

func TestRestartKeepsAddressesAndKey(t *testing.T) {
	srv := signalingtest.NewServer(t, signalingtest.WithTURN(turn.Config{}))
	url, before := srv.URL, srv.ICE("x").List
	first := say(t, dial(t, srv), `{"type":"hello"}`)

	srv.Kill()
	if _, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "ws://"), "/ws")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a killed server answers: %v", err)
	}
	if srv.Signaling() != nil {
		t.Error("a killed server has a core")
	}

	srv.Restart()
	again := say(t, dial(t, srv), `{"type":"hello","resume":{"token":"`+first.Resume.Token+`","seq":0,"nonce":"0123456789abcdef"}}`)
	if again.Peer != first.Peer || again.Resumed {
		t.Errorf("after the restart: %+v, want the peer %s with resumed: false", again, first.Peer)
	}
	if after := srv.ICE("x").List; len(after) != len(before) || after[0].URLs[0] != before[0].URLs[0] {
		t.Errorf("TURN moved from %v to %v", before, after)
	}
}

func TestDrainTellsClients(t *testing.T) {
	srv := signalingtest.NewServer(t, signalingtest.WithConfig(func(c *signaling.Config) { c.MaxPeers = 2 }))
	c := dial(t, srv)
	say(t, c, `{"type":"hello"}`)
	go srv.Drain()
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
				t.Errorf("closed with %v, want 1012", err)
			}
			return
		}
	}
}

func ExampleNewServer() {
	var t *testing.T // of the test

	test := func(t *testing.T) {
		srv := signalingtest.NewServer(t)
		c, _, err := websocket.DefaultDialer.Dial(srv.URL, http.Header{"Sec-Websocket-Protocol": {"signal.v1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		srv.CutLinks() // the client should come back by itself
	}
	_ = func() { test(t) }
}
