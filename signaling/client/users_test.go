package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A person is a client of a user, and what it was told of users.
type person struct {
	*Client
	h   *harness
	log []string
	on  func(UserEvent)
}

func usersHarness(t *testing.T) *harness {
	return newHarness(t, signaling.Config{
		Authenticate: func(_ context.Context, h signaling.Hello) (signaling.Identity, error) {
			return signaling.Identity{User: h.Token, Name: strings.ToUpper(h.Token), Grants: &signaling.Grants{Users: []string{"*"}}}, nil
		},
	})
}

func (h *harness) person(user string) *person {
	h.t.Helper()
	c, err := Dial(h.t.Context(), "ws://server/ws", Config{
		NetDial: h.dial, Token: func(context.Context) (string, error) { return user, nil },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	p := &person{Client: c, h: h}
	go func() {
		for e := range c.UserEvents(context.Background()) { // until Close
			switch e := e.(type) {
			case Presence:
				p.log = append(p.log, fmt.Sprintf("%s %v %v", e.User, e.Peers, e.Busy))
			default:
				p.log = append(p.log, strings.TrimPrefix(fmt.Sprintf("%T", e), "client."))
			}
			if p.on != nil {
				p.on(e)
			}
		}
	}()
	return p
}

func (p *person) close() {
	p.h.t.Helper()
	if err := p.Close(p.h.t.Context()); err != nil {
		p.h.t.Error(err)
	}
}

// told returns what p was told since the last time.
func (p *person) told() string {
	time.Sleep(2 * time.Second)
	synctest.Wait()
	s := strings.Join(p.log, ", ")
	p.log = nil
	return s
}

func (p *person) want(told string) {
	p.h.t.Helper()
	if got := p.told(); got != told {
		p.h.t.Errorf("%s was told %q, want %q", p.User(), got, told)
	}
}

// noError is for what has to work.
func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestUsersAreWatchedAndWrittenTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := usersHarness(t), t.Context()
		ana, ben := h.person("ana"), h.person("ben")
		noError(t, ana.Watch(ctx, "ben", "carl"))
		noError(t, ben.SetBusy(ctx, true))
		noError(t, ben.SetBusy(ctx, false))
		noError(t, ana.SendUser(ctx, "ben", json.RawMessage(`"tea?"`)))
		ana.want("ben 1 false, carl 0 false, ben 1 true, ben 1 false")
		ben.want("UserMessage")
		noError(t, ana.Unwatch(ctx, "ben"))
		noError(t, ben.SetBusy(ctx, true))
		ana.want("")
		ana.close()
		ben.close()
	})
}

func TestUsersAreRung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := usersHarness(t), t.Context()
		ana, ben := h.person("ana"), h.person("ben")
		var room string
		ben.on = func(e UserEvent) {
			if e, ok := e.(Invited); ok {
				room = e.Room
				if e.Name != "ANA" || e.TTL != 45*time.Second || string(e.Data) != `1` {
					t.Errorf("got %+v", e)
				}
				noError(t, ben.Accept(ctx, e.Invite))
			}
		}
		call, err := ana.Invite(ctx, "ben", InviteOptions{Data: json.RawMessage(`1`)})
		noError(t, err)
		a, err := call.Wait(ctx)
		noError(t, err)
		if a.Room != room || a.User != "ben" || a.Peer != ben.ID() {
			t.Errorf("accepted: %+v, in room %q", a, room)
		}
		ana.want("Ringing")
		ben.want("Invited")
		if err := call.Cancel(ctx); !isCode(err, wire.CodeInviteOver) {
			t.Errorf("cancelled behind the answer: %v", err)
		}

		ben.on = func(e UserEvent) {
			if e, ok := e.(Invited); ok {
				noError(t, ben.Decline(ctx, e.Invite, wire.ReasonBusy))
			}
		}
		for user, want := range map[string]wire.Reason{"ben": wire.ReasonBusy, "dora": wire.ReasonOffline} {
			call, err = ana.Invite(ctx, user, InviteOptions{})
			noError(t, err)
			var d *Declined
			if _, err := call.Wait(ctx); !errors.As(err, &d) || d.Reason != want {
				t.Errorf("%s: %v, want %s", user, err, want)
			}
		}
		ben.on = nil
		call, err = ana.Invite(ctx, "ben", InviteOptions{})
		noError(t, err)
		noError(t, call.Cancel(ctx))
		var d *Declined
		if _, err := call.Wait(ctx); !errors.As(err, &d) || d.Reason != wire.ReasonCancelled {
			t.Errorf("cancelled: %v", err)
		}
		ben.want("Invited, Invited, Cancelled")
		ana.close()
		ben.close()
	})
}

func isCode(err error, code wire.Code) bool {
	var e *wire.Error
	return errors.As(err, &e) && e.Code == code
}

func TestTwoWhoRingEachOtherAreInOneRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := usersHarness(t), t.Context()
		ana, ben := h.person("ana"), h.person("ben")
		rooms := make(chan string, 2)
		for _, p := range []*person{ana, ben} {
			other := map[string]string{"ana": "ben", "ben": "ana"}[p.User()]
			go func() {
				call, err := p.Invite(ctx, other, InviteOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				a, err := call.Wait(ctx)
				if err != nil {
					t.Error(err)
				}
				rooms <- a.Room
			}()
		}
		if a, b := <-rooms, <-rooms; a != b || a == "" {
			t.Errorf("they are in rooms %q and %q", a, b)
		}
		ana.close()
		ben.close()
	})
}

func TestLostServerIsToldOfUsersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := usersHarness(t), t.Context()
		ana, ben := h.person("ana"), h.person("ben")
		if err := ana.Watch(ctx, "ben"); err != nil {
			t.Error(err)
		}
		ana.want("ben 1 false")
		call, err := ana.Invite(ctx, "ben", InviteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := ben.SetBusy(ctx, true); err != nil {
			t.Error(err)
		}
		h.replace()
		if _, err := call.Wait(ctx); !isCode(err, CodeOutcomeUnknown) {
			t.Errorf("the call ended with %v", err)
		}
		time.Sleep(10 * time.Second)
		if got := ana.told(); !strings.HasSuffix(got, "ben 1 true") {
			t.Errorf("ana was told %q", got)
		}
		ana.close()
		ben.close()
	})
}
