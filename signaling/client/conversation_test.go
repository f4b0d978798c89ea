package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// otherPlayer is who the scripts send to.
func otherPlayer() *player {
	return &player{client: &Client{welcome: wire.Welcome{Peer: scriptOther}}}
}

func TestOldLinkDoesNotCountBehindAResume(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		old := s.ws
		p.client.Probe()
		s.hello() // half a second later, as nobody answers
		if err := old.WriteMessage(websocket.TextMessage, []byte(`{"seq":2,"type":"message","room":"r","from":"`+scriptOther+`","data":2}`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := p.had(scriptOther); got != "" {
			t.Errorf("had %s on the old link; the server was told that it has not", got)
		}
		s.welcome(true, 1, "t2")
		s.send(`{SEQ,"type":"message","room":"r","from":%q,"data":2}`, scriptOther)
		synctest.Wait()
		if got := p.had(scriptOther); got != "2" {
			t.Errorf("had %q, want 2", got)
		}
		_ = old.Close()
	})
}

func TestGapInSeqIsRepairedByAResume(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		s.send(`{"seq":3,"type":"message","room":"r","from":%q,"data":3}`, scriptOther)
		if r := s.hello().Resume; r.Seq != 1 || p.had(scriptOther) != "" {
			t.Errorf("resumes at %d with %s, want 1 and nothing", r.Seq, p.had(scriptOther))
		}
	})
}

func TestServerThatGoesAwayIsNotComeBackToAtOnce(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, _ *player) {
		s.send(`{"type":"going-away","after":10000}`)
		_ = s.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1012, "going_away"))
		began := time.Now()
		s.hello()
		if d := time.Since(began); d <= 0 || d > 10*time.Second {
			t.Errorf("came back after %v, want a random share of 10 s", d)
		}
	})
}

// What was on its way to a peer that has left never comes: when it is there
// again it must not wait for it.
func TestPeerThatComesBackIsToldOfTheGap(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		p.send(otherPlayer(), 0, 1)
		m := s.read()
		s.send(`{SEQ,"ack":%d,"type":"peer-left","room":"r","from":%q,"reason":"left"}`, m.ID, scriptOther)
		s.send(`{SEQ,"type":"peer-joined","room":"r","peer":{"id":%q,"offers":false}}`, scriptOther)
		synctest.Wait()
		p.send(otherPlayer(), 1, 1)
		if m := s.read(); m.N != 2 || m.Base != 2 {
			t.Errorf("%+v, want n 2 and base 2", m)
		}
	})
}

func TestLeftRoomIsAGap(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		p.send(otherPlayer(), 0, 1)
		s.read()
		result := make(chan error)
		go func() { result <- p.room.Leave(t.Context()) }()
		leave := s.read()
		s.send(`{SEQ,"ack":%d,"type":"ok","re":%d}`, leave.ID, leave.ID)
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		go func() {
			var err error
			p.room, err = p.client.Join(t.Context(), "r", nil)
			result <- err
		}()
		s.joined()
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		p.send(otherPlayer(), 1, 1)
		if m := s.read(); m.N != 2 || m.Base != 2 {
			t.Errorf("%+v, want n 2 and base 2", m)
		}
	})
}

// After a lost history the ids begin again: a refusal is about a frame of the
// new one, not about the one that had its id before.
func TestRefusalAfterALostHistory(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		p.send(otherPlayer(), 0, 1)
		sent := s.read()
		_ = s.ws.Close()
		s.hello()
		s.welcome(false, 0, "t2")
		join := s.read()
		s.send(`{SEQ,"ack":%d,"type":"joined","re":%d,"room":"r","peers":[]}`, join.ID, join.ID)
		if err := p.room.Broadcast(t.Context(), []byte(`"all"`)); err != nil {
			t.Fatal(err)
		}
		all := s.read()
		if all.ID != sent.ID {
			t.Fatalf("the broadcast has id %d, the message had %d", all.ID, sent.ID)
		}
		s.send(`{SEQ,"ack":%d,"type":"error","re":%d,"code":"too_big","text":""}`, all.ID, all.ID)
		s.send(`{SEQ,"type":"peer-joined","room":"r","peer":{"id":%q,"offers":false}}`, scriptOther)
		for m := s.read(); m.N != 1; m = s.read() {
			if m.Base != 0 {
				t.Fatalf("%+v: n 1 was given up", m)
			}
		}
	})
}

// A busyDriver never gets anything done.
type busyDriver struct{ phone }

// Open implements Driver.
func (*busyDriver) Open(ctx context.Context, _ uint64) error {
	<-ctx.Done()
	return ctx.Err()
}

// Close implements Driver.
func (*busyDriver) Close() {}

var busy = Config{Connect: func(context.Context, *Pair) (Driver, error) { return &busyDriver{}, nil }}

func TestPairThatEndsHasNotFailed(t *testing.T) {
	scripted(t, busy, func(t *testing.T, s *script, p *player) {
		pair := p.room.Pair(scriptOther)
		s.send(`{SEQ,"type":"peer-left","room":"r","from":%q,"reason":"left"}`, scriptOther)
		<-pair.Done()
		synctest.Wait()
		if told := p.told(); told != "PeerJoined PeerLeft(left)" {
			t.Errorf("told %s", told)
		}
	})
}

func TestPeerThatFloodsAPairLosesIt(t *testing.T) {
	scripted(t, busy, func(t *testing.T, s *script, p *player) {
		pair := p.room.Pair(scriptOther)
		for range maxPairQueue/(60<<10) + 1 {
			s.send(`{SEQ,"type":"candidates","room":"r","from":%q,"pc":1,"ufrag":"u","data":["%s"]}`, scriptOther, strings.Repeat("x", 60<<10))
		}
		select {
		case <-pair.Done():
		case <-time.After(time.Second):
		}
		synctest.Wait()
		if err := context.Cause(pair.ctx); !errors.Is(err, errPairFlooded) || p.told() != "PeerJoined PairFailed" {
			t.Errorf("%v, told %s", err, p.told())
		}
	})
}

// While the first message is missing there is nothing to confirm, and a got
// that says nothing would be refused.
func TestNothingInOrderIsNotConfirmed(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		s.send(`{SEQ,"type":"message","room":"r","from":%q,"n":2,"data":2}`, scriptOther)
		s.settle() // with an ack alone
		after(2 * time.Second)
		if early := p.client.Stats().Early; early != 1 {
			t.Errorf("%d came early, want 1", early)
		}
		s.send(`{SEQ,"type":"message","room":"r","from":%q,"n":1,"data":1}`, scriptOther)
		if m := s.read(); m.Type != wire.TypeGot || m.Got != 2 {
			t.Errorf("%+v, want got 2", m)
		}
		if got := p.had(scriptOther); got != "1 2" {
			t.Errorf("had %s", got)
		}
	})
}
