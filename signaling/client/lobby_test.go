package client

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// An entry is what came of a join.
type entry struct {
	room *Room
	err  error
}

// dialed is a client that is in no room.
func (h *harness) dialed(cfg Config) *Client {
	h.t.Helper()
	cfg.NetDial = h.dial
	c, err := Dial(h.t.Context(), "ws://server/ws", cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close(context.WithoutCancel(h.t.Context())) })
	return c
}

// knock joins "r", which has a lobby, and returns when the client waits there.
func knock(t *testing.T, ctx context.Context, c *Client) <-chan entry {
	t.Helper()
	done, waits := make(chan entry, 1), make(chan time.Duration, 1)
	go func() {
		r, err := c.JoinWith(ctx, "r", JoinOptions{
			Metadata: json.RawMessage(`{"name":"Gus"}`), Waiting: func(d time.Duration) { waits <- d },
		})
		done <- entry{r, err}
	}()
	select {
	case d := <-waits:
		if d != 5*time.Minute {
			t.Errorf("it waits for at most %v", d)
		}
	case e := <-done:
		t.Fatalf("it does not wait: %v", e.err)
	}
	synctest.Wait()
	return done
}

func (p *player) rules(u wire.RulesUpdate) {
	p.t.Helper()
	if err := p.room.SetRules(p.t.Context(), u); err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
}

// hosted is a room with a host, who has set its rules.
func hosted(t *testing.T, u wire.RulesUpdate, story func(*testing.T, *harness, *player)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		host := h.join(Config{})
		defer host.close()
		host.rules(u)
		story(t, h, host)
	})
}

func yes() *bool { return new(true) }

func TestJoinWaitsUntilAHostAdmits(t *testing.T) {
	hosted(t, wire.RulesUpdate{Lobby: yes()}, func(t *testing.T, h *harness, host *player) {
		guest := h.dialed(Config{})
		entered := knock(t, t.Context(), guest)
		if _, err := guest.Join(t.Context(), "r", nil); !errors.Is(err, ErrJoined) {
			t.Errorf("joined twice: %v", err)
		}
		if err := host.room.Admit(t.Context(), guest.ID()); err != nil {
			t.Fatal(err)
		}
		e := <-entered
		if e.err != nil {
			t.Fatal(e.err)
		}
		if peers := e.room.Peers(); len(peers) != 1 || peers[0].Role != wire.RoleHost || !e.room.Rules().Lobby || e.room.Role() != wire.RoleParticipant {
			t.Errorf("it sees %+v, %+v as %s", peers, e.room.Rules(), e.room.Role())
		}
		if err := e.room.Send(t.Context(), host.client.ID(), json.RawMessage(`"hi"`)); err != nil {
			t.Error(err)
		}
		after(time.Second)
		if got := host.had(guest.ID()); got != `"hi"` {
			t.Errorf("the host had %s", got)
		}
		if told := host.told(); !strings.HasSuffix(told, " Knock PeerJoined") {
			t.Errorf("the host was told %s", told)
		}
	})
}

func TestJoinEndsWhenItIsDenied(t *testing.T) {
	hosted(t, wire.RulesUpdate{Lobby: yes()}, func(t *testing.T, h *harness, host *player) {
		guest := h.dialed(Config{})
		for _, c := range []struct {
			reason wire.Reason
			text   string
			act    func() error
		}{
			{wire.ReasonDenied, "not today", func() error { return host.room.Deny(t.Context(), guest.ID(), "not today") }},
			{wire.ReasonTimeout, "", func() error { after(6 * time.Minute); return nil }},
			{wire.ReasonBanned, "", func() error { return host.room.Ban(t.Context(), guest.ID(), time.Minute, "") }},
		} {
			entered := knock(t, t.Context(), guest)
			if err := c.act(); err != nil {
				t.Fatal(err)
			}
			e := <-entered
			denied := new(Denied)
			if !errors.As(e.err, &denied) || denied.Reason != c.reason || denied.Text != c.text || denied.Room != "r" {
				t.Errorf("%v, want %s: %s", e.err, c.reason, c.text)
			}
			synctest.Wait()
			if told, want := host.told(), "Knock KnockEnded("+string(c.reason)+")"; !strings.HasSuffix(told, want) {
				t.Errorf("the host was told %s, want %s", told, want)
			}
		}
		if _, err := guest.Join(t.Context(), "r", nil); wireCode(err) != wire.CodeBanned {
			t.Errorf("joined with a ban: %v", err)
		}
	})
}

func TestWhoGivesUpWaitingHasLeft(t *testing.T) {
	hosted(t, wire.RulesUpdate{Lobby: yes()}, func(t *testing.T, h *harness, host *player) {
		guest := h.dialed(Config{Joined: func(*Room) { t.Error("it was made to join") }})
		ctx, cancel := context.WithCancel(t.Context())
		entered := knock(t, ctx, guest)
		cancel()
		if e := <-entered; !errors.Is(e.err, context.Canceled) {
			t.Errorf("%v", e.err)
		}
		synctest.Wait()
		if told := host.told(); !strings.HasSuffix(told, "KnockEnded(left)") {
			t.Errorf("the host was told %s", told)
		}
		// Both at once: the server lets it in before it hears that it has left.
		ctx, cancel = context.WithCancel(t.Context())
		entered = knock(t, ctx, guest)
		h.app().Members("r") // the server is there
		go cancel()
		if err := host.room.Admit(t.Context(), guest.ID()); err != nil && wireCode(err) != wire.CodeNoSuchPeer {
			t.Error(err)
		}
		e := <-entered
		after(time.Second)
		if members := h.app().Members("r"); e.err != nil && len(members) != 1 {
			t.Errorf("%v, and it is in the room: %v", e.err, members)
		}
	})
}

func TestWaitingOutlivesTheConnectionAndTheServer(t *testing.T) {
	hosted(t, wire.RulesUpdate{Lobby: yes()}, func(t *testing.T, h *harness, host *player) {
		guest := h.dialed(Config{})
		entered := knock(t, t.Context(), guest)
		h.cutAll()
		after(10 * time.Second)
		select {
		case e := <-entered:
			t.Fatalf("a lost connection ends the wait: %v", e.err)
		default:
		}
		h.replace() // and nobody knows of a lobby any more
		if e := <-entered; e.err != nil {
			t.Errorf("a lost server ends the wait: %v", e.err)
		}
	})
}

func TestClosedClientWaitsNoMore(t *testing.T) {
	hosted(t, wire.RulesUpdate{Lobby: yes()}, func(t *testing.T, h *harness, host *player) {
		guest := h.dialed(Config{})
		entered := knock(t, t.Context(), guest)
		if err := guest.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if e := <-entered; !errors.Is(e.err, ErrClosed) {
			t.Errorf("%v", e.err)
		}
	})
}

// Admitted and gone at once, as no server of ours can be made to be on time.
func TestAdmissionBehindALeaveCountsForNothing(t *testing.T) {
	joined := func(*Room) { t.Error("it was made to join") }
	scripted(t, Config{Joined: joined}, func(t *testing.T, s *script, p *player) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { _, err := p.client.Join(ctx, "x", nil); done <- err }()
		join := s.read()
		s.send(`{SEQ,"ack":%d,"type":"waiting","re":%d,"room":"x","after":1000}`, join.ID, join.ID)
		s.settle()
		cancel()
		<-done
		leave := s.read()
		if leave.Type != wire.TypeLeave {
			t.Fatalf("%+v, want a leave", leave)
		}
		s.send(`{SEQ,"ack":%d,"type":"joined","room":"x","peers":[]}`, leave.ID)
		s.send(`{SEQ,"type":"ok","re":%d}`, leave.ID)
		synctest.Wait()
		if p.client.leavesLocked("x") || p.client.rooms["x"] != nil {
			t.Errorf("it is in the room, or leaves it still")
		}
	})
}

// Only where the room went on and this client's place has not.
func TestSecondTimeInTheLobbyIsToldAsEvents(t *testing.T) {
	for _, last := range []string{
		`{SEQ,"type":"joined","room":"r","role":"viewer","rules":{"lobby":true},"peers":[]}`,
		`{SEQ,"type":"denied","room":"r","reason":"denied","text":"no"}`,
	} {
		scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
			_ = s.ws.Close()
			s.hello()
			s.welcome(false, 0, "t2")
			m := s.read()
			s.send(`{SEQ,"ack":%d,"type":"waiting","re":%d,"room":"r","after":1000}`, m.ID, m.ID)
			s.settle()
			if err := p.room.Broadcast(t.Context(), json.RawMessage(`1`)); wireCode(err) != wire.CodeNotInRoom {
				t.Errorf("broadcast in the lobby: %v", err)
			}
			s.send("%s", last)
			synctest.Wait()
			want := "PeerJoined Waiting RoleChanged(viewer) RulesChanged({Locked:false Lobby:true Password:false Capacity:0 Candidates:}) PeerAway"
			if strings.Contains(last, "denied") {
				want = "PeerJoined Waiting Denied(denied, no)"
			}
			if told := p.told(); told != want {
				t.Errorf("told %s, want %s", told, want)
			}
		})
	}
}

// Who came by a link stays in the room over a lost server, though the link has
// ended meanwhile; one that never was good lets nobody in.
func TestALinkThatHasEndedEndsNoMembership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		host := h.join(Config{})
		defer host.close()
		link, err := host.room.MakeLink(t.Context(), LinkOptions{TTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		guest, late := h.dialed(Config{}), h.dialed(Config{})
		r, err := guest.JoinWith(t.Context(), "r", JoinOptions{Link: link.Text})
		if err != nil {
			t.Fatal(err)
		}
		after(2 * time.Hour)
		if _, err := late.JoinWith(t.Context(), "r", JoinOptions{Link: link.Text}); wireCode(err) != wire.CodeLinkExpired {
			t.Errorf("%v, want %s", err, wire.CodeLinkExpired)
		}
		h.replace()
		after(time.Minute)
		if err := r.Update(t.Context(), json.RawMessage(`1`)); err != nil {
			t.Error(err)
		}
		if peers := r.Peers(); len(peers) != 1 || peers[0].ID != host.client.ID() {
			t.Errorf("in the room with %+v", peers)
		}
	})
}
