package signaling

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// lockedBuffer is written by many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// TestLogTellsTransitionsAndNoSecrets reads the log of a whole life.
func TestLogTellsTransitionsAndNoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		h := newHarness(t, 3, Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		alice, bob := h.pair(t)
		link, err := alice.srv.Admit(LinkInfo{Remote: netip.MustParseAddrPort("192.0.2.7:1234"), Token: "credential"})
		if err != nil {
			t.Fatal(err)
		}
		link.Detach(nil)
		tokens := []string{alice.token, bob.token, "credential", "192.0.2.7", "v=0"}
		alice.send(&wire.Message{Type: wire.TypeOffer, Room: "room", To: bob.peer, PC: 1, Gen: 1, Data: []byte(`{"sdp":"v=0"}`)})
		bob.cut()
		bob.elsewhere()
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		bob.token = tokens[1]
		bob.nonce = "another-nonce-of-mine"
		bob.resume(0)
		bob.wantError(wire.CodeSessionGone, 0)
		h.cluster.Kill(alice.srv.node.Name())
		time.Sleep(2 * time.Minute)
		h.close()
		synctest.Wait()
		text := log.b.String()
		for _, want := range []string{"session linked", "link lost", "session handed over", "old resume token", "session ended", "node down", "server stopped"} {
			if !strings.Contains(text, `"`+want+`"`) {
				t.Errorf("the log lacks %q:\n%s", want, text)
			}
		}
		for _, secret := range tokens {
			if strings.Contains(text, secret) {
				t.Errorf("the log has %q:\n%s", secret, text)
			}
		}
	})
}

// TestDebugLogsEachMessage reads what a developer sees of a call at level debug.
func TestDebugLogsEachMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		h := newHarness(t, 1, Config{MaxPeers: 2, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		defer h.close()
		alice, bob := h.pair(t)
		alice.send(&wire.Message{Type: wire.TypeOffer, Room: "room", To: bob.peer, PC: 1, Gen: 1, N: 3, Data: []byte(`{"sdp":"v=0"}`)})
		bob.send(&wire.Message{Type: wire.TypeOffer, Room: "room", To: alice.peer, PC: 1, Gen: 1, Data: []byte(`{}`)})
		bob.send(&wire.Message{Type: wire.TypeJoin, Room: "a secret in a wrong place"})
		bob.conn.link.Malformed(0, 7, wire.Refuse(wire.CodeBadMessage, "not JSON"))
		carol := h.hello(t)
		carol.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
		carol.wantError(wire.CodeRoomFull, 1)
		synctest.Wait()
		log.mu.Lock()
		defer log.mu.Unlock()
		text := log.b.String()
		for _, want := range []string{
			"level=DEBUG msg=message type=hello bytes=100\n",
			"level=DEBUG msg=message type=join room=room from=" + bob.peer + " id=1 bytes=100\n",
			"level=DEBUG msg=message type=offer room=room from=" + alice.peer + " to=" + bob.peer + " pc=1 gen=1 n=3 id=2 bytes=113\n",
			"level=DEBUG msg=refused code=not_your_turn from=" + bob.peer + " id=2\n",
			"level=DEBUG msg=message type=join from=" + bob.peer + " bad=bad_room id=3 bytes=100\n",
			"level=DEBUG msg=refused code=bad_room from=" + bob.peer + " id=3\n",
			"level=DEBUG msg=message from=" + bob.peer + " bad=bad_message bytes=7\n",
			"level=DEBUG msg=refused code=bad_message from=" + bob.peer + "\n",
			"level=DEBUG msg=refused code=room_full from=" + carol.peer + " id=1\n",
		} {
			if n := strings.Count(text, want); n == 0 {
				t.Errorf("the log lacks %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "secret") || strings.Contains(text, "v=0") {
			t.Errorf("the log has a secret:\n%s", text)
		}
		if n, received := strings.Count(text, "msg=message"), h.servers[0].Stats().Received; uint64(n) != received {
			t.Errorf("%d lines for %d messages", n, received)
		}
		if n, refused := strings.Count(text, "msg=refused"), h.servers[0].Stats().Refused; uint64(n) != refused {
			t.Errorf("%d lines for %d refusals", n, refused)
		}
	})
}

// TestLogIsFreeWhenOff counts what a message costs that nobody wants to read of.
func TestLogIsFreeWhenOff(t *testing.T) {
	for name, log := range map[string]*slog.Logger{"none": nil, "info": slog.New(slog.NewTextHandler(io.Discard, nil))} {
		l := &Link{srv: New(Config{Logger: log})}
		f := frame{m: &wire.Message{Type: wire.TypeOffer, Room: "room", PC: 1}, size: 100}
		if n := testing.AllocsPerRun(100, func() {
			var fx effects
			fx.message(l, &f)
			fx.refused(l.srv, "peer", wire.CodeNotInRoom, 1)
			fx.flush()
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestFlushOfDeadNodeIsNotWaitedFor lets a node die between a move and its
// flush: what waited for it comes all the same.
func TestFlushOfDeadNodeIsNotWaitedFor(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t) // on the first two servers
		bob.elsewhere()
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		r := bob.srv.App("default").room("room", false)
		r.mu.Lock()
		m := r.findLocked(bob.peer)
		m.sess.mu.Lock()
		m.sess.holding++
		m.sess.mu.Unlock()
		from := h.servers[1].node.Name()
		m.waits = &waiting{from: from, held: map[string][]*Body{alice.srv.node.Name(): nil}} // as if its flush were still to come
		r.mu.Unlock()
		alice.tell(bob, "room", `1`)
		bob.wantNothing()
		h.cluster.Kill(from)
		time.Sleep(memoryLease)
		bob.wantMessage(alice, `1`)
		bob.srv = alice.srv // and it can move again
		bob.resume(bob.conn.had)
		bob.welcomed(true)
	})
}
