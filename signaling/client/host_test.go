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

func TestHostTakesOut(t *testing.T) {
	for _, c := range []struct {
		name string
		act  func(ctx context.Context, r *Room, peer string) error
		want string
		then wire.Code // of the next join
	}{
		{"kick", func(ctx context.Context, r *Room, peer string) error { return r.Kick(ctx, peer, "enough") }, "Removed(kicked, enough)", wire.CodeBanned},
		{"ban", func(ctx context.Context, r *Room, peer string) error { return r.Ban(ctx, peer, time.Minute, "") }, "Removed(banned, )", wire.CodeBanned},
		{"user", func(ctx context.Context, r *Room, _ string) error { return r.BanUser(ctx, "ben", 0, "bye") }, "Removed(banned, bye)", wire.CodeBanned},
		{"end", func(ctx context.Context, r *Room, _ string) error { return r.End(ctx, "over") }, "Removed(ended, over)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, byName())
				host, other := h.join(named("ana")), h.join(named("ben"))
				defer host.close()
				defer other.close()
				synctest.Wait()
				if err := c.act(t.Context(), other.room, host.client.ID()); wireCode(err) != wire.CodeForbidden && c.name != "user" {
					t.Errorf("one who is no host: %v", err)
				}
				if err := c.act(t.Context(), host.room, other.client.ID()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if told := other.told(); told != "PeerJoined "+c.want {
					t.Errorf("told %s, want %s", told, c.want)
				}
				_, err := other.room.Next(t.Context())
				removed := new(Removed)
				if !errors.As(err, &removed) || removed.Room != "r" {
					t.Errorf("the room ended with %v", err)
				}
				if err := other.room.Kick(t.Context(), host.client.ID(), ""); !errors.Is(err, removed) {
					t.Errorf("a request behind it: %v", err)
				}
				if _, err := other.client.Join(t.Context(), "r", nil); wireCode(err) != c.then {
					t.Errorf("joined again: %v, want %q", err, c.then)
				}
			})
		})
	}
}

// byName takes the token for the user.
func byName() signaling.Config {
	return signaling.Config{Authenticate: func(_ context.Context, h signaling.Hello) (signaling.Identity, error) {
		user, role, _ := strings.Cut(h.Token, "/")
		return signaling.Identity{User: user, Grants: &signaling.Grants{Role: wire.Role(role)}}, nil
	}}
}

func named(token string) Config {
	return Config{Token: func(context.Context) (string, error) { return token, nil }}
}

func TestBansAreLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, byName())
		host, other := h.join(named("ana")), h.join(named("ben"))
		defer host.close()
		defer other.close()
		if err := host.room.Ban(t.Context(), other.client.ID(), 0, ""); err != nil {
			t.Fatal(err)
		}
		if err := host.room.Unban(t.Context(), other.client.ID()); err != nil {
			t.Fatal(err)
		}
		if _, err := other.client.Join(t.Context(), "r", nil); wireCode(err) != wire.CodeBanned {
			t.Errorf("the user's ban is lifted: %v", err)
		}
		if err := host.room.UnbanUser(t.Context(), "ben"); err != nil {
			t.Fatal(err)
		}
		if _, err := other.client.Join(t.Context(), "r", nil); err != nil {
			t.Error(err)
		}
	})
}

func TestPasswordAndLinkOpenARoom(t *testing.T) {
	hosted(t, wire.RulesUpdate{Password: new("sesame"), Lobby: yes()}, func(t *testing.T, h *harness, host *player) {
		if told, want := host.told(), "RulesChanged({Locked:false Lobby:true Password:true Capacity:0 Candidates:})"; told != want {
			t.Errorf("the host was told %s, want %s", told, want)
		}
		link, err := host.room.MakeLink(t.Context(), LinkOptions{Role: wire.RoleViewer, Uses: 1, TTL: time.Hour})
		if err != nil || link.TTL != time.Hour || link.Text == "" {
			t.Fatalf("%+v, %v", link, err)
		}
		viewer, other := h.dialed(Config{}), h.dialed(Config{})
		r, err := viewer.JoinWith(t.Context(), "r", JoinOptions{Link: link.Text})
		if err != nil {
			t.Fatal(err)
		}
		if r.Role() != wire.RoleViewer {
			t.Errorf("it came as %s", r.Role())
		}
		if _, err := r.MakeLink(t.Context(), LinkOptions{}); wireCode(err) != wire.CodeForbidden {
			t.Errorf("a viewer makes links: %v", err)
		}
		for _, c := range []struct {
			o    JoinOptions
			want wire.Code
		}{
			{JoinOptions{Link: link.Text}, wire.CodeLinkUsed},
			{JoinOptions{Link: "x"}, wire.CodeBadLink},
			{JoinOptions{}, wire.CodePasswordRequired},
			{JoinOptions{Password: "open"}, wire.CodeWrongPassword},
		} {
			if _, err := other.JoinWith(t.Context(), "r", c.o); wireCode(err) != c.want {
				t.Errorf("%+v: %v, want %s", c.o, err, c.want)
			}
		}
		host.rules(wire.RulesUpdate{Lobby: new(false)})
		if _, err := other.JoinWith(t.Context(), "r", JoinOptions{Password: "sesame"}); err != nil {
			t.Error(err)
		}
	})
}

func TestMuteIsRequested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		host, other := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		if err := other.room.RequestMute(t.Context(), host.client.ID(), nil); wireCode(err) != wire.CodeForbidden {
			t.Errorf("one who is no host: %v", err)
		}
		if err := host.room.RequestMute(t.Context(), "nobody", nil); wireCode(err) != wire.CodeNoSuchPeer {
			t.Errorf("to nobody: %v", err)
		}
		host.send(other, 0, 1) // what has no n does not wait for what has
		if err := host.room.RequestMute(t.Context(), other.client.ID(), json.RawMessage(`{"microphone":true}`)); err != nil {
			t.Error(err)
		}
		host.send(other, 1, 1)
		after(time.Second)
		if told := other.told(); told != `PeerJoined MuteRequest({"microphone":true})` {
			t.Errorf("told %s", told)
		}
		if got := other.had(host.client.ID()); got != numbers(2) {
			t.Errorf("had %s", got)
		}
		host.close()
		other.close()
	})
}

// What a host asks for names a peer, but does not go there: a confirmation that
// is due must not ride on it.
func TestConfirmationDoesNotRideOnAKick(t *testing.T) {
	scripted(t, Config{}, func(t *testing.T, s *script, p *player) {
		s.send(`{SEQ,"type":"message","room":"r","from":%q,"n":1,"data":1}`, scriptOther)
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- p.room.SetRole(t.Context(), scriptOther, wire.RoleViewer) }()
		m := s.read()
		if m.Type != wire.TypeSetRole || m.Got != 0 || m.Role != wire.RoleViewer {
			t.Fatalf("%+v, want a set-role", m)
		}
		s.send(`{SEQ,"ack":%d,"type":"ok","re":%d}`, m.ID, m.ID)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if m := s.read(); m.Type != wire.TypeGot || m.Got != 1 {
			t.Errorf("%+v, want the confirmation", m)
		}
	})
}
