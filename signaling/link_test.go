package signaling

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// received hands in a frame as a transport does.
func (c *client) received(frame []byte) {
	c.t.Helper()
	m, err := wire.Scan(frame)
	if err != nil {
		c.t.Fatal(err)
	}
	c.id = m.ID
	if _, err := c.conn.link.Receive(m, len(frame)); err != nil {
		c.t.Fatal(err)
	}
}

// TestOnlyDataIsKept pads frames with what is ignored: it must not stay in
// memory with the few bytes that are kept of the frame.
func TestOnlyDataIsKept(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		for typ, frame := range map[string]string{
			"message": `{"id":%d,"type":"message","room":"room","to":"` + bob.peer + `","data":"hi","x":"%s"}`,
			"update":  `{"id":%d,"type":"update","room":"room","data":"hi","x":"%s"}`,
			"join":    `{"id":%d,"type":"join","room":"room","data":"hi","x":"%s"}`,
		} {
			b := fmt.Appendf(nil, frame, alice.id+1, strings.Repeat("x", 60<<10))
			alice.received(b)
			synctest.Wait()
			clear(b) // if the data is still part of the frame, it is gone now
			o, _ := bob.conn.next()
			m := o.Body.Message
			if m.Peer != nil {
				m.Data = m.Peer.Data
			}
			if !bytes.Equal(m.Data, []byte(`"hi"`)) {
				t.Errorf("%s: %s has the data %q: the frame is kept for it", typ, m.Type, m.Data)
			}
		}
	})
}

// TestEndWhileHelloIsJudged lets a page be closed in the moment in which its
// link gets a session: nobody is left behind.
func TestEndWhileHelloIsJudged(t *testing.T) {
	srv := New(Config{})
	l, err := srv.Admit(LinkInfo{})
	if err != nil {
		t.Fatal(err)
	}
	l.Start(blackHole{})
	var both sync.WaitGroup
	l.mu.Lock() // hello comes first, and Detach looked before: a mutex that was waited for so long is first come, first served
	both.Go(func() {
		var fx effects
		if err := l.begin(t.Context(), &wire.Hello{}, &fx); err != nil {
			t.Error(err)
		}
		fx.flush()
	})
	time.Sleep(20 * time.Millisecond)
	both.Go(func() { l.Detach(ErrLeft) })
	time.Sleep(20 * time.Millisecond)
	l.mu.Unlock()
	both.Wait()
	if n := srv.Stats().Sessions; n != 0 {
		t.Errorf("%d sessions are left of a link that has ended", n)
	}
}

// TestHelloWaitsWithoutItsLinksLock looks at the order of locks: a hello that
// has to look at its session takes that lock before its own link's.
func TestHelloWaitsWithoutItsLinksLock(t *testing.T) {
	srv := New(Config{ResumeKeys: [][]byte{[]byte("the key of this test")}})
	s := &session{srv: srv, app: srv.App("default"), peer: newPeerID(), identity: &Identity{}, epoch: 1}
	srv.add(s, nil)
	tok := resumeToken{peer: s.peer, id: s.identity, app: "default", epoch: 1}
	l, err := srv.Admit(LinkInfo{})
	if err != nil {
		t.Fatal(err)
	}
	l.Start(blackHole{})
	s.mu.Lock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Receive(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{
			Resume: &wire.Resume{Token: tok.sign(srv.cfg.ResumeKeys[0]), Nonce: "nonce-number-000001"},
		}}, 100)
	}()
	time.Sleep(50 * time.Millisecond) // it waits for s.mu by now
	for tries := 0; !l.mu.TryLock(); tries++ {
		if tries == 100 {
			s.mu.Unlock()
			t.Fatal("Receive holds the link's lock while it waits for the session's")
		}
		time.Sleep(time.Millisecond)
	}
	l.mu.Unlock()
	s.mu.Unlock()
	<-done
	l.Detach(ErrLeft)
}

// TestSnapshotOfARoomThatIsGone asks for a snapshot when the session has just
// ended, as a join that waited in the queue may.
func TestSnapshotOfARoomThatIsGone(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.join("room")
		own := alice.srv.session(alice.peer).member("room")
		alice.conn.link.Detach(ErrLeft)
		synctest.Wait()
		own.room.mu.Lock()
		defer own.room.mu.Unlock()
		if b := own.room.snapshotLocked(own, 1, nil); len(b.Message.Peers) != 0 {
			t.Errorf("got %+v", b.Message)
		}
	})
}
