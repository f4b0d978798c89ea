package signaling

import (
	"bytes"
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
		h := newHarness(t, 3, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
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
		m.waits = map[string][]*Body{alice.srv.node.Name(): nil} // as if its flush were still to come
		r.mu.Unlock()
		alice.tell(bob, "room", `1`)
		bob.wantNothing()
		h.cluster.Kill(m.movedFrom)
		time.Sleep(memoryLease)
		bob.wantMessage(alice, `1`)
		bob.srv = alice.srv // and it can move again
		bob.resume(bob.conn.had)
		bob.welcomed(true)
	})
}
