package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling/internal/memconn"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// The peers of a script.
const (
	scriptSelf  = "aaaaaaaaaaaaaaaaaaaa"
	scriptOther = "bbbbbbbbbbbbbbbbbbbb"
)

// A script is a server that says what the test says: what a client sends, and
// when, is seen frame by frame. It lives in a bubble.
type script struct {
	t     *testing.T
	http  *http.Server
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	conns chan *websocket.Conn
	ws    *websocket.Conn // the newest
	seq   int
}

func newScript(t *testing.T) *script {
	l := memconn.Listen(0)
	s := &script{t: t, conns: make(chan *websocket.Conn, 8)}
	s.dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) }
	up := websocket.Upgrader{Subprotocols: []string{"signal.v1"}}
	s.http = &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ws, err := up.Upgrade(w, r, nil); err == nil {
			s.conns <- ws
		}
	})}
	go func() { _ = s.http.Serve(l) }() // until the end of the test
	t.Cleanup(func() {
		_ = l.Close()
		_ = s.http.Close()
	})
	return s
}

// hello waits for the next connection and returns what it says first.
func (s *script) hello() *wire.Hello {
	s.t.Helper()
	s.ws = <-s.conns
	m := s.read()
	if m.Type != wire.TypeHello || m.Hello == nil {
		s.t.Fatalf("the first frame is %+v", m)
	}
	return m.Hello
}

func (s *script) read() *wire.Message {
	s.t.Helper()
	_, data, err := s.ws.ReadMessage()
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := wire.Scan(data)
	if err != nil {
		s.t.Fatalf("%s: %v", data, err)
	}
	return m
}

// send sends a frame; SEQ in it becomes the next seq.
func (s *script) send(format string, args ...any) {
	s.t.Helper()
	text := fmt.Sprintf(format, args...)
	if strings.Contains(text, "SEQ") {
		s.seq++
		text = strings.ReplaceAll(text, "SEQ", fmt.Sprintf(`"seq":%d`, s.seq))
	}
	if err := s.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *script) welcome(resumed bool, ack int, token string) {
	s.t.Helper()
	s.send(`{"ack":%d,"type":"welcome","peer":%q,"resumed":%v,"resume":{"token":%q,"window":60000},"heartbeat":{"ping":10000,"dead":25000}}`,
		ack, scriptSelf, resumed, token)
	if !resumed {
		s.seq = 0
	}
}

// joined answers the join that has to come next, with the other peer in it.
func (s *script) joined() {
	s.t.Helper()
	m := s.read()
	if m.Type != wire.TypeJoin {
		s.t.Fatalf("%+v, want a join", m)
	}
	s.send(`{SEQ,"ack":%d,"type":"joined","re":%d,"room":"r","peers":[{"id":%q,"offers":false}]}`, m.ID, m.ID, scriptOther)
}

// client is one that has joined the room, and what it was told there.
func (s *script) client(cfg Config) *player {
	s.t.Helper()
	cfg.NetDial = s.dial
	p := &player{t: s.t, got: make(map[string][]string)}
	ready := make(chan error)
	go func() {
		var err error
		if p.client, err = Dial(s.t.Context(), "ws://server/ws", cfg); err == nil {
			p.room, err = p.client.Join(s.t.Context(), "r", nil)
		}
		ready <- err
	}()
	s.hello()
	s.welcome(false, 0, "t1")
	s.joined()
	if err := <-ready; err != nil {
		s.t.Fatal(err)
	}
	p.done.Go(p.read)
	synctest.Wait()
	return p
}

func (s *script) end(p *player) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.client.Close(ctx) // the server does not answer a bye
	p.done.Wait()
	_ = s.ws.Close()
}

func scripted(t *testing.T, cfg Config, story func(*testing.T, *script, *player)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		p := s.client(cfg)
		s.settle()
		story(t, s, p)
		s.end(p)
	})
}

// settle waits for the frame that acknowledges what was said so far.
func (s *script) settle() {
	s.t.Helper()
	if m := s.read(); m.Ack != uint64(s.seq) {
		s.t.Fatalf("%+v, want an ack of %d", m, s.seq)
	}
}

func TestAckGoesOutInTime(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, _ *player) {
		for _, c := range []struct {
			frames, size int
			want         time.Duration
		}{{1, 0, time.Second}, {31, 0, time.Second}, {32, 0, 0}, {1, 65 << 10, 0}, {2, 33 << 10, 0}} {
			began := time.Now()
			for range c.frames {
				s.send(`{SEQ,"type":"message","room":"r","from":%q,"data":"%s"}`, scriptOther, strings.Repeat("x", c.size))
			}
			s.settle()
			if d := time.Since(began); d != c.want {
				t.Errorf("%d frames of %d bytes: acknowledged after %v, want %v", c.frames, c.size, d, c.want)
			}
		}
	})
}

func TestConfirmationGoesOutInTime(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, _ *player) {
		n := 0
		for _, c := range []struct {
			frames int
			most   time.Duration
		}{{1, time.Second}, {15, time.Second}, {16, 0}} {
			began := time.Now()
			for range c.frames {
				n++
				s.send(`{SEQ,"type":"message","room":"r","from":%q,"n":%d,"data":1}`, scriptOther, n)
			}
			m := s.read()
			d := time.Since(began)
			if m.Type != wire.TypeGot || m.To != scriptOther || m.Got != uint64(n) || m.N != 0 || d > c.most {
				t.Errorf("%d frames: %+v after %v, want got %d within %v", c.frames, m, d, n, c.most)
			}
		}
	})
}

// A frame that was refused does not come: the receiver has to be told, by a got
// at once, and by each frame after it until it confirms.
func TestGapIsAnnouncedOnTheWire(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		other := otherPlayer()
		p.send(other, 0, 2)
		first, second := s.read(), s.read()
		if first.N != 1 || second.N != 2 || first.Base != 0 {
			t.Fatalf("%+v, %+v", first, second)
		}
		s.send(`{SEQ,"ack":%d,"type":"error","re":%d,"code":"no_such_peer","text":""}`, second.ID, first.ID)
		began := time.Now()
		if m := s.read(); m.Type != wire.TypeGot || m.Base != 2 || m.N != 0 || time.Since(began) != 0 {
			t.Errorf("%+v after %v, want a got with base 2 at once", m, time.Since(began))
		}
		p.send(other, 2, 1)
		third := s.read()
		if third.N != 3 || third.Base != 2 {
			t.Errorf("%+v, want n 3 and base 2", third)
		}
		s.send(`{SEQ,"ack":%d,"type":"got","room":"r","from":%q,"got":3}`, third.ID, scriptOther)
		synctest.Wait()
		p.send(other, 3, 1)
		if m := s.read(); m.N != 4 || m.Base != 0 {
			t.Errorf("%+v, want n 4 and no base", m)
		}
		if told := p.told(); told != "PeerJoined Undelivered" {
			t.Errorf("told %s", told)
		}
	})
}

func TestNonceStaysUntilAWelcome(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, _ *player) {
		var hellos []wire.Resume
		for i := range 4 {
			_ = s.ws.Close()
			hellos = append(hellos, *s.hello().Resume)
			if i == 1 {
				s.welcome(true, 1, "t2")
				synctest.Wait()
			}
		}
		if hellos[0] != hellos[1] || hellos[0].Token != "t1" || hellos[0].Seq != 1 {
			t.Errorf("without a welcome: %+v, then %+v", hellos[0], hellos[1])
		}
		if hellos[2] != hellos[3] || hellos[2].Token != "t2" || hellos[2].Nonce == hellos[1].Nonce {
			t.Errorf("after a welcome: %+v, then %+v, then %+v", hellos[1], hellos[2], hellos[3])
		}
	})
}

// TestFirstHelloCanBeSaidAgain dials twice with the token and the nonce of one
// invitation, since the first welcome is lost.
func TestFirstHelloCanBeSaidAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		cfg := Config{
			NetDial: s.dial, Nonce: "told-to-nobody-1", Token: func(context.Context) (string, error) { return "connect.x", nil },
		}
		dialed := make(chan error, 1)
		var c *Client
		for i := range 2 {
			go func() {
				var err error
				c, err = Dial(t.Context(), "ws://server/ws", cfg)
				dialed <- err
			}()
			if h := s.hello(); h.Token != "connect.x" || h.Nonce != cfg.Nonce || h.Resume != nil {
				t.Errorf("said %+v", h)
			}
			if i == 0 {
				_ = s.ws.Close()
			} else {
				s.welcome(false, 0, "t1")
			}
			if err := <-dialed; (err == nil) != (i == 1) {
				t.Errorf("dial %d: %v", i+1, err)
			}
		}
		_ = s.ws.Close()
		if h := s.hello(); h.Nonce != "" || h.Resume.Nonce == cfg.Nonce {
			t.Errorf("to resume it said %+v, %+v", h, h.Resume)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = c.Close(ctx)
	})
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	asked := 0
	token := func(context.Context) (string, error) { asked++; return "token", nil }
	scripted(t, Config{Token: token}, func(t *testing.T, s *script, p *player) {
		for range 2 {
			_ = s.ws.Close()
			s.hello()
			s.send(`{"type":"error","code":"unauthenticated","text":"expired"}`)
		}
		_ = s.ws.Close()
		select {
		case <-p.client.Done():
		case <-time.After(10 * time.Second):
			t.Fatal("the client goes on with a token that was refused twice")
		}
		var e *wire.Error
		if err := p.client.Err(); !errors.As(err, &e) || e.Code != wire.CodeUnauthenticated || asked != 3 {
			t.Errorf("%v after %d tokens, want unauthenticated after 3", err, asked)
		}
	})
}

func TestRequestsOfALostHistoryAreSettled(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		results := make(chan error, 3)
		go func() { _, err := p.client.RefreshICE(t.Context()); results <- err }()
		if m := s.read(); m.Type != wire.TypeICE {
			t.Fatalf("%+v", m)
		}
		go func() { results <- p.room.Update(t.Context(), json.RawMessage(`"new"`)) }()
		if m := s.read(); m.Type != wire.TypeUpdate {
			t.Fatalf("%+v", m)
		}
		_ = s.ws.Close()
		s.hello()
		s.welcome(false, 0, "t2")
		var e *wire.Error
		if err := <-results; !errors.As(err, &e) || e.Code != CodeOutcomeUnknown {
			err2 := <-results
			if !errors.As(err2, &e) || e.Code != CodeOutcomeUnknown || err != nil {
				t.Errorf("%v and %v, want outcome_unknown of ice alone", err, err2)
			}
		} else if err := <-results; err != nil {
			t.Errorf("update: %v", err)
		}
		join := s.read()
		if join.ID != 1 || join.Type != wire.TypeJoin || string(join.Data) != `"new"` {
			t.Errorf("%+v, want a join with id 1 and the new metadata", join)
		}
	})
}

func TestFrameThatIsSentTwiceCountsOnce(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		for _, seq := range []int{2, 2, 1, 3} {
			s.send(`{"seq":%d,"type":"message","room":"r","from":%q,"data":%d}`, seq, scriptOther, seq)
		}
		synctest.Wait()
		if got := p.had(scriptOther); got != "2 3" {
			t.Errorf("had %s, want 2 3", got)
		}
	})
}

// O12: nobody can answer while the own link is down.
func TestOfferWaitsWhileTheLinkIsDown(t *testing.T) {
	var ps phones
	scripted(t, Config{Connect: ps.connect}, func(t *testing.T, s *script, _ *player) {
		opened := func() int {
			ph := ps.only(t)
			ph.mu.Lock()
			defer ph.mu.Unlock()
			return ph.opened
		}
		time.Sleep(10 * time.Second)
		_ = s.ws.Close()
		s.hello() // and no welcome for now
		time.Sleep(9 * time.Second)
		if n := opened(); n != 1 {
			t.Errorf("%d connections while the link is down, want 1", n)
		}
		s.welcome(true, 1, "t2")
		time.Sleep(14 * time.Second)
		if n := opened(); n != 1 {
			t.Errorf("%d connections 14 s after the link is up, want 1", n)
		}
		after(2 * time.Second)
		if n := opened(); n != 2 {
			t.Errorf("%d connections 16 s after the link is up, want 2", n)
		}
	})
}
