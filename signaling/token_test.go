package signaling

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// tickets judges tokens of the form user|seconds|rooms, such as "ann|60|team-*":
// seconds from now, 0 for ever, and rooms "" for all.
func tickets(_ context.Context, h Hello) (Identity, error) {
	part := strings.Split(h.Token, "|")
	if len(part) != 3 {
		return Identity{}, wire.Refuse(wire.CodeUnauthenticated, "no ticket")
	}
	id := Identity{User: part[0]}
	switch s, err := strconv.Atoi(part[1]); {
	case err != nil:
		return Identity{}, errors.New("the ticket office is closed")
	case s != 0:
		id.Expires = time.Now().Add(time.Duration(s) * time.Second)
	}
	if part[2] != "" {
		id.Grants = &Grants{Rooms: strings.Split(part[2], ",")}
	}
	return id, nil
}

// arrive makes a client that was welcomed with a token.
func (h *harness) arrive(t *testing.T, token string) (*client, *wire.Welcome) {
	t.Helper()
	c := h.client(t)
	c.connect()
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token}})
	return c, c.welcomed(false)
}

// seq is the highest that was read.
func (f *fakeConn) seq() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.had
}

// resumeWith resumes with a token of who it is.
func (c *client) resumeWith(token string) {
	c.t.Helper()
	had := c.conn.seq()
	c.connect()
	c.conn.had = had
	c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{
		Token: token, Resume: &wire.Resume{Token: c.token, Seq: had, Nonce: c.nonce},
	}})
}

// renew sends a token message, and returns its answer.
func (c *client) renew(token string) *wire.Message {
	c.t.Helper()
	c.send(&wire.Message{Type: wire.TypeToken, Token: token})
	return c.want(wire.TypeOK)
}

func eachWithTickets(t *testing.T, f func(t *testing.T, h *harness)) {
	eachTopology(t, Config{Authenticate: tickets}, f)
}

func TestTokenRenewsTheIdentity(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|60|")
		for range 5 {
			time.Sleep(45 * time.Second)
			if m := ann.renew("ann|60|"); m.Re != ann.id || m.Expires != 60_000 {
				t.Errorf("ok{re %d, expires %d}", m.Re, m.Expires)
			}
		}
		time.Sleep(61 * time.Second)
		ann.wantClosed(wire.CodeUnauthenticated)
		ann.resumeWith("ann|60|")
		ann.welcomed(true)
		if m := ann.renew("ann|0|"); m.Expires != 0 {
			t.Errorf("ok{expires %d} of what has no end", m.Expires)
		}
		time.Sleep(time.Hour)
		ann.wantClosed("")
	})
}

// TestRenewedIdentityTravels resumes on another node, by a resume token of
// before the renewal.
func TestRenewedIdentityTravels(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|60|a")
		ann.renew("ann|0|b")
		ann.elsewhere()
		ann.resume(ann.conn.had)
		if w := ann.welcomed(true); w.Expires != 0 {
			t.Errorf("welcome says %d ms", w.Expires)
		}
		ann.send(&wire.Message{Type: wire.TypeJoin, Room: "a"})
		ann.wantError(wire.CodeForbidden, ann.id)
		ann.join("b")
	})
}

func TestRefusedTokenChangesNothing(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|60|")
		ann.join("room")
		for token, code := range map[string]wire.Code{
			"rubbish": wire.CodeUnauthenticated, "ann|-1|": wire.CodeUnauthenticated, "bob|600|": wire.CodeForbidden,
			"ann|x|": wire.CodeInternal, "": wire.CodeBadMessage, strings.Repeat("x", 4097): wire.CodeBadMessage,
		} {
			ann.send(&wire.Message{Type: wire.TypeToken, Token: token})
			ann.wantError(code, ann.id)
		}
		ann.wantNothing()
		ann.wantClosed("")
		time.Sleep(time.Minute)
		ann.wantClosed(wire.CodeUnauthenticated)
	})
}

// TestFramesWaitForTheToken has what follows a token judged by it.
func TestFramesWaitForTheToken(t *testing.T) {
	cfg := Config{Authenticate: func(ctx context.Context, h Hello) (Identity, error) {
		time.Sleep(300 * time.Millisecond)
		return tickets(ctx, h)
	}}
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		ann := h.client(t)
		ann.connect()
		ann.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: "ann|60|a"}})
		time.Sleep(301 * time.Millisecond)
		ann.welcomed(false)
		begin := time.Now()
		ann.send(&wire.Message{Type: wire.TypeToken, Token: "ann|60|b"})
		ann.send(&wire.Message{Type: wire.TypeJoin, Room: "a"})
		ann.send(&wire.Message{Type: wire.TypeJoin, Room: "b"})
		if d := time.Since(begin); d != 0 {
			t.Errorf("Receive took %v", d)
		}
		ann.wantNothing()
		time.Sleep(301 * time.Millisecond)
		ann.want(wire.TypeOK)
		ann.wantError(wire.CodeForbidden, 2)
		if m := ann.want(wire.TypeJoined); m.Room != "b" {
			t.Errorf("joined %q", m.Room)
		}
	})
}

func TestShrunkGrantsLeaveRooms(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|600|")
		bob, _ := h.arrive(t, "bob|0|")
		in := func() {
			t.Helper()
			for _, room := range []string{"a", "b"} {
				ann.join(room)
				bob.want(wire.TypePeerJoined)
			}
		}
		out := func() {
			t.Helper()
			for _, c := range []*client{ann, bob} {
				if m := c.want(wire.TypePeerLeft); m.Room != "a" || m.From != ann.peer || m.Reason != wire.ReasonForbidden {
					t.Errorf("%s: %s left %q for %q", c.peer, m.From, m.Room, m.Reason)
				}
			}
			ann.tell(bob, "a", `1`)
			ann.wantError(wire.CodeNotInRoom, ann.id)
			ann.tell(bob, "b", `2`)
			bob.wantMessage(ann, `2`)
		}
		bob.join("a")
		bob.join("b")
		in()
		ann.renew("ann|600|b")
		out()
		ann.renew("ann|600|a,b")
		ann.join("a")
		bob.want(wire.TypePeerJoined)
		ann.elsewhere()
		ann.resumeWith("ann|600|b") // by a hello
		ann.welcomed(true)
		out()
	})
}

// TestJoinMeetsShrunkGrants has a join on its way when it is allowed no more.
func TestJoinMeetsShrunkGrants(t *testing.T) {
	inBubble(t, 1, Config{Authenticate: tickets}, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|600|")
		app := ann.srv.App("default")
		app.mu.Lock() // holds up the inbox
		ann.send(&wire.Message{Type: wire.TypeJoin, Room: "a"})
		s := ann.srv.session(ann.peer)
		var fx effects
		s.mu.Lock()
		s.adoptLocked(&Identity{User: "ann", Grants: &Grants{Rooms: []string{"b"}}}, &fx)
		s.mu.Unlock()
		app.mu.Unlock()
		ann.want(wire.TypeJoined)
		if m := ann.want(wire.TypePeerLeft); m.From != ann.peer || m.Reason != wire.ReasonForbidden {
			t.Errorf("%+v", m)
		}
		ann.join("b")
	})
}

// TestGoodSessionNeedsNoToken resumes with one that was used up: whoever has
// the resume token could leave it out. But what is forbidden stays so.
func TestGoodSessionNeedsNoToken(t *testing.T) {
	banned := false
	cfg := Config{Authenticate: func(ctx context.Context, h Hello) (Identity, error) {
		if banned {
			return Identity{}, wire.Refuse(wire.CodeForbidden, "banned")
		}
		return tickets(ctx, h)
	}}
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		banned = false
		ann, _ := h.arrive(t, "ann|600|")
		for _, token := range []string{"", "used up", "ann|x|", "ann|-1|"} {
			ann.elsewhere()
			ann.resumeWith(token)
			ann.welcomed(true)
		}
		banned = true
		ann.resumeWith("ann|600|")
		ann.wantError(wire.CodeForbidden, 0)
		banned = false
		ann.resumeWith("ann|600|")
		ann.welcomed(true)
	})
}

// TestAuthenticateSeesTheRequest has what the transport knows judged, at first
// and when the session comes back.
func TestAuthenticateSeesTheRequest(t *testing.T) {
	var asked []any
	cfg := Config{Authenticate: func(_ context.Context, h Hello) (Identity, error) {
		asked = append(asked, h.Context)
		return Identity{User: h.Context.(string)}, nil
	}}
	inBubble(t, 1, cfg, func(t *testing.T, h *harness) {
		c := h.client(t)
		link, err := c.srv.Admit(LinkInfo{Context: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		c.conn = &fakeConn{c: c, link: link}
		link.Start(c.conn)
		c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{}})
		if w := c.welcomed(false); w.User != "ann" || len(asked) != 1 {
			t.Errorf("user %q, asked %v", w.User, asked)
		}
		link, err = c.srv.Admit(LinkInfo{Context: "ben"})
		if err != nil {
			t.Fatal(err)
		}
		c.conn = &fakeConn{c: c, link: link}
		link.Start(c.conn)
		c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Resume: &wire.Resume{Token: c.token, Nonce: c.nonce}}})
		c.wantError(wire.CodeForbidden, 0) // somebody else's browser
	})
}

// TestShrunkGrantsTakeWatchesBack has a user that may not be watched any more
// look as if gone, and the rest stay as it is: the own devices too.
func TestShrunkGrantsTakeWatchesBack(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ben, carl, dora := h.as(t, "ben>"), h.as(t, "carl>"), h.as(t, "dora>ann")
		ann := h.as(t, "ann>*")
		ann.watch("ann", "ben", "carl")
		for _, user := range []string{"ann", "ben", "carl"} {
			ann.wantPresence(user, one)
		}
		ann.wantOK()
		dora.watch("ann")
		dora.wantPresence("ann", one)
		dora.wantOK()
		ann.renew("ann>ben")
		ann.wantPresence("carl", away)
		ben.status(true)
		carl.status(true)
		ann.wantPresence("ben", wire.Presence{Online: true, Busy: true, Peers: 1})
		ann.status(true)
		ann.wantPresence("ann", wire.Presence{Online: true, Busy: true, Peers: 1})
		ann.wantNothing()
		dora.wantPresence("ann", wire.Presence{Online: true, Busy: true, Peers: 1})
		ann.renew("ann>*")
		ann.watch("carl")
		ann.wantPresence("carl", wire.Presence{Online: true, Busy: true, Peers: 1})
	})
}

// TestShrunkRoomsLeaveTheDevice has presence go on when rooms are taken back.
func TestShrunkRoomsLeaveTheDevice(t *testing.T) {
	eachWithTickets(t, func(t *testing.T, h *harness) {
		ann, _ := h.arrive(t, "ann|600|")
		other, _ := h.arrive(t, "ann|600|")
		other.watch("ann")
		other.wantPresence("ann", wire.Presence{Online: true, Peers: 2})
		other.wantOK()
		ann.renew("ann|600|b")
		other.wantNothing()
		ann.elsewhere()
		ann.resumeWith("ann|600|c")
		ann.welcomed(true)
		other.wantNothing()
	})
}

// TestWrongTokensInASessionSlowDown has guessing cost the same wherever it is
// done.
func TestWrongTokensInASessionSlowDown(t *testing.T) {
	inBubble(t, 1, Config{Authenticate: tickets}, func(t *testing.T, h *harness) {
		ann := h.client(t)
		ann.info = from("192.0.2.1")
		ann.connect()
		ann.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: "ann|0|"}})
		ann.welcomed(false)
		for i := range 5 {
			ann.send(&wire.Message{Type: wire.TypeToken, Token: "rubbish"})
			time.Sleep(100*time.Millisecond<<i - time.Millisecond)
			for o, ok := ann.conn.next(); ok; o, ok = ann.conn.next() {
				if o.Body.Message.Type != wire.TypeAck {
					t.Fatalf("wrong token %d was answered too soon", i)
				}
			}
			time.Sleep(2 * time.Millisecond)
			ann.wantError(wire.CodeUnauthenticated, ann.id)
		}
	})
}
