package signaling

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// TestResumeReplaysFromEveryCut cuts bob's link at every point of a stream, in
// the middle of what he has read, and lets him come back on the same server
// and on another.
func TestResumeReplaysFromEveryCut(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		for cut := range 8 {
			alice, bob := h.pair(t)
			for i := range 7 {
				if i == cut {
					synctest.Wait()
					bob.conn.setLazy(true)
				}
				alice.tell(bob, "room", fmt.Sprint(i))
			}
			synctest.Wait()
			bob.conn.read(2) // sent, but never arrives
			had := uint64(1 + cut)
			got := bob.frames()
			if cut%2 == 0 {
				bob.elsewhere()
			}
			if cut%3 == 0 {
				bob.cut() // else the old link is half-open
			}
			bob.resume(had)
			bob.welcomed(true)
			for i := cut; i < 7; i++ {
				bob.wantMessage(alice, fmt.Sprint(i))
			}
			bob.wantNothing()
			if len(got) < cut {
				t.Errorf("cut %d: only %d had been read", cut, len(got))
			}
			bob.tell(alice, "room", `"back"`)
			alice.wantMessage(bob, `"back"`)
			bob.send(&wire.Message{Type: wire.TypeBye})
			alice.send(&wire.Message{Type: wire.TypeBye})
			synctest.Wait()
		}
	})
}

func TestWelcomeSaysWhatTheServerHas(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		for i := range 5 {
			bob.tell(alice, "room", fmt.Sprint(i))
		}
		bob.elsewhere()
		bob.resume(bob.conn.had)
		o, _ := bob.conn.next()
		if m := o.Body.Message; m.Type != wire.TypeWelcome || !m.Welcome.Resumed || o.Ack != 6 || o.Seq != 0 {
			t.Errorf("got %+v with ack %d", m, o.Ack)
		}
		for i := range 6 { // from wherever it thinks
			bob.send(&wire.Message{Type: wire.TypeMessage, ID: uint64(2 + i), Room: "room", To: alice.peer, Data: []byte(fmt.Sprint(i))})
		}
		for i := range 6 {
			alice.wantMessage(bob, fmt.Sprint(i))
		}
		alice.wantNothing()
	})
}

func TestNewestLinkWins(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		old := bob.conn
		bob.elsewhere()
		bob.resume(old.had)
		bob.welcomed(true)
		if code := old.code(); code != wire.CodeReplaced {
			t.Errorf("the old link was closed with %q", code)
		}
		if _, err := bob.sendTo(old, &wire.Message{Type: wire.TypeMessage, ID: 2, Room: "room", To: alice.peer, Data: []byte(`"old"`)}); err == nil {
			t.Error("the old link is not over")
		}
		alice.tell(bob, "room", `1`)
		bob.wantMessage(alice, `1`)
		if batch, more := old.link.Take(nil, 10); len(batch) != 0 || more {
			t.Errorf("the old link still takes %+v", batch)
		}
		var fx effects // and what it has queued before does not count
		old.link.process(t.Context(), frame{m: &wire.Message{Type: wire.TypeMessage, ID: bob.id + 1, Room: "room", Data: []byte(`"old"`)}}, true, &fx)
		bob.tell(alice, "room", `"new"`)
		alice.wantMessage(bob, `"new"`)
		old.link.Detach(ErrLeft)
		alice.wantNothing()
	})
}

// TestOldLinkTakesNothingFromTheNewOne has an old link that was closed with
// frames left, which it may write for a second.
func TestOldLinkTakesNothingFromTheNewOne(t *testing.T) {
	inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		old := bob.conn
		old.setLazy(true)
		alice.tell(bob, "room", `1`)
		var fx effects
		old.link.end(wire.CodeSlowConsumer, &fx)
		fx.flush()
		bob.resume(old.had)
		bob.conn.setLazy(true)
		if batch, more := old.link.Take(nil, 10); len(batch) != 0 || more {
			t.Errorf("the old link takes %+v", batch)
		}
		bob.conn.setLazy(false)
		bob.conn.Wake()
		bob.welcomed(true)
		bob.wantMessage(alice, `1`)
	})
}

// TestResumeBehindTheAcked resumes with less than was acknowledged: that is
// gone, by one frame as by many.
func TestResumeBehindTheAcked(t *testing.T) {
	for _, less := range []uint64{0, 1, 2} {
		inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
			alice, bob := h.pair(t)
			alice.tell(bob, "room", `1`)
			alice.tell(bob, "room", `2`)
			bob.frames()
			bob.ack()
			bob.cut()
			bob.resume(bob.conn.had - less)
			bob.welcomed(less == 0)
		})
	}
}

// TestClaimWithAnOldTokenEndsTheSession has a token that was used before its
// node died: two have it.
func TestClaimWithAnOldTokenEndsTheSession(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		old := bob.token
		for range 2 {
			bob.resume(bob.conn.had)
			bob.welcomed(true)
		}
		newest := bob.token
		h.cluster.Kill(bob.srv.node.Name())
		time.Sleep(memoryLease)
		synctest.Wait()
		bob.srv = alice.srv
		for _, token := range []string{old, newest} {
			bob.token = token
			bob.resume(0)
			bob.wantError(wire.CodeSessionGone, 0)
		}
	})
}

func TestLostWelcome(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		for range 4 { // the same token and nonce, again and again
			bob.elsewhere()
			bob.resume(bob.conn.had)
			bob.want(wire.TypeWelcome)
		}
		alice.tell(bob, "room", `1`)
		bob.wantMessage(alice, `1`)
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		alice.tell(bob, "room", `2`)
		bob.wantMessage(alice, `2`)
	})
}

func TestOldTokenEndsTheSession(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		stolen := bob.token
		bob.resume(bob.conn.had)
		bob.welcomed(true)
		good := bob.conn
		thief := h.client(t)
		thief.token = stolen
		thief.resume(0)
		thief.wantError(wire.CodeSessionGone, 0)
		thief.wantClosed(wire.CodeSessionGone)
		if good.code() != wire.CodeSessionGone {
			t.Error("the owner of a stolen token goes on")
		}
		alice.want(wire.TypePeerLeft)
		bob.resume(0)
		bob.wantError(wire.CodeSessionGone, 0)
	})
}

func TestResumeAheadOfTheServerIsRefused(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		_, bob := h.pair(t)
		bob.elsewhere()
		bob.resume(99)
		bob.wantError(wire.CodeBadMessage, 0)
		bob.wantClosed(wire.CodeBadMessage)
	})
}

func fullIdentity() *Identity {
	return &Identity{
		User: "ann", Name: "Ann", Expires: time.UnixMilli(1_800_000_000_000),
		Grants: &Grants{Rooms: []string{"team-*"}, Role: wire.RoleHost, Users: []string{"*"}, Candidates: wire.PolicyRelay},
	}
}

func FuzzParseToken(f *testing.F) {
	keys := [][]byte{[]byte("new"), []byte("old")}
	tok := resumeToken{peer: "0123456789abcdefABCD", id: fullIdentity(), app: "default", rank: 1, epoch: 2, start: 3}
	f.Add(tok.sign(keys[0]))
	f.Add(tok.sign(keys[1]))
	f.Add(tok.sign([]byte("other")))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseToken(s, keys)
		if err != nil {
			return
		}
		if got.sign(keys[0]) != s && got.sign(keys[1]) != s {
			t.Errorf("%q is another encoding of %+v", s, got)
		}
		// What is behind the signature must be safe all the same.
		parseToken((&resumeToken{peer: s, id: &Identity{User: s}}).sign(keys[0]), keys)
	})
}

func TestTokenRoundTripAndKeyRing(t *testing.T) {
	tok := resumeToken{peer: "0123456789abcdefABCD", id: fullIdentity(), app: "default", rank: 1 << 60, epoch: 2, start: -3}
	s := tok.sign([]byte("old"))
	got, err := parseToken(s, [][]byte{[]byte("new"), []byte("old")})
	if err != nil || !reflect.DeepEqual(*got, tok) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parseToken(s, [][]byte{[]byte("new")}); err == nil {
		t.Error("a token of a key that was dropped is good")
	}
	for i := range len(s) {
		b := []byte(s)
		b[i] ^= 1
		if _, err := parseToken(string(b), [][]byte{[]byte("old")}); err == nil {
			t.Errorf("byte %d does not matter", i)
		}
	}
}

// TestHelloThatWasHeldUpChangesNothing has a client that gave up a link on
// which its hello stood still, and the hello arrives after those of newer ones.
func TestHelloThatWasHeldUpChangesNothing(t *testing.T) {
	for newer := 1; newer <= 3; newer++ { // the token is the one before, then an old one
		eachTopology(t, Config{}, func(t *testing.T, h *harness) {
			alice, bob := h.pair(t)
			first := bob.conn
			bob.connect()
			late, hello := bob.conn, &wire.Hello{Resume: &wire.Resume{Token: bob.token, Nonce: bob.nonce}}
			bob.conn = first
			for range newer {
				time.Sleep(time.Second)
				bob.elsewhere()
				bob.resume(bob.conn.had)
				bob.welcomed(true)
			}
			newest := bob.conn
			bob.sendTo(late, &wire.Message{Type: wire.TypeHello, Hello: hello})
			bob.conn = late
			bob.wantError(wire.CodeReplaced, 0)
			bob.wantClosed(wire.CodeReplaced)
			bob.conn = newest
			bob.wantClosed("")
			alice.tell(bob, "room", `1`)
			bob.wantMessage(alice, `1`)
			alice.wantNothing()
			bob.cut()
			bob.resume(bob.conn.had)
			bob.welcomed(true)
		})
	}
}

// TestHelloThatWasHeldUpWhileItsNodeDied has the late hello come to a node that
// has to ask the directory.
func TestHelloThatWasHeldUpWhileItsNodeDied(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.srv = alice.srv
		last := bob.conn
		bob.connect()
		late, hello := bob.conn, &wire.Hello{Resume: &wire.Resume{Token: bob.token, Nonce: bob.nonce}}
		bob.conn = last
		for range 2 {
			time.Sleep(time.Second)
			bob.srv = h.servers[2]
			bob.resume(bob.conn.had)
			bob.welcomed(true)
		}
		last = bob.conn
		h.cluster.Kill(bob.srv.node.Name())
		bob.sendTo(late, &wire.Message{Type: wire.TypeHello, Hello: hello})
		bob.conn = late
		bob.wantError(wire.CodeReplaced, 0)
		time.Sleep(time.Second)
		bob.srv, bob.conn = h.servers[1], last
		bob.resume(0)
		time.Sleep(handLimit)
		bob.welcomed(false)
		bob.id = 0
		if peers := bob.join("room"); len(peers) != 1 || peers[0].ID != alice.peer {
			t.Errorf("bob sees %+v, want alice", peers)
		}
	})
}

// TestLinkThatEndsWhileItsSessionMoves has a client give up a link while its
// session is on the way to that node.
func TestLinkThatEndsWhileItsSessionMoves(t *testing.T) {
	for next := range 3 { // the nodes where it may try again
		inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
			_, bob := h.pair(t)
			had, owner := bob.conn.had, bob.srv.session(bob.peer)
			owner.pending.Store(1) // a join: the move has to wait for it
			bob.srv = h.servers[2]
			bob.resume(had)
			bob.cut()
			owner.pending.Store(0)
			var fx effects
			owner.mu.Lock()
			owner.startMoveLocked(&fx)
			owner.mu.Unlock()
			fx.flush()
			synctest.Wait()
			bob.srv = h.servers[next]
			bob.resume(had)
			bob.welcomed(true)
		})
	}
}
