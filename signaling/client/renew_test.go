package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// An office gives tokens and judges them: they hold for a minute, and say which
// rooms.
type office struct {
	mu    sync.Mutex // guards the following
	given []time.Time
	rooms string // "": all
	shut  error  // gives none
	bad   bool   // gives some that are no good
}

func (o *office) token(context.Context) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.given = append(o.given, time.Now())
	if o.bad {
		return "rubbish", nil
	}
	return fmt.Sprintf("%d|%s", time.Now().Unix()+60, o.rooms), o.shut
}

func (o *office) authenticate(_ context.Context, h signaling.Hello) (signaling.Identity, error) {
	end, rooms, _ := strings.Cut(h.Token, "|")
	unix, err := strconv.ParseInt(end, 10, 64)
	if err != nil {
		return signaling.Identity{}, wire.Refuse(wire.CodeUnauthenticated, "no token")
	}
	id := signaling.Identity{User: "ann", Expires: time.Unix(unix, 0)}
	if rooms != "" {
		id.Grants = &signaling.Grants{Rooms: []string{rooms}}
	}
	return id, nil
}

func (o *office) set(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
}

func (o *office) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.given)
}

func withOffice(t *testing.T, test func(t *testing.T, h *harness, o *office, a *player)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		h := newHarness(t, signaling.Config{Authenticate: o.authenticate})
		test(t, h, o, h.join(Config{Token: o.token}))
	})
}

func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	withOffice(t, func(t *testing.T, h *harness, o *office, a *player) {
		after(time.Hour)
		if s := a.client.Stats(); s.Links != 1 {
			t.Errorf("the link was lost: %+v", s)
		}
		if n := o.count(); n != 1+3600/45 {
			t.Errorf("asked for %d tokens in an hour", n)
		}
		a.close()
	})
}

func TestTokenThatCannotBeRenewedIsTriedAgain(t *testing.T) {
	withOffice(t, func(t *testing.T, h *harness, o *office, a *player) {
		o.set(func() { o.shut = errors.New("shut") })
		after(58 * time.Second)
		if n := o.count(); n < 3 || n > 6 {
			t.Errorf("asked %d times", n)
		}
		o.set(func() { o.shut = nil })
		after(5 * time.Minute)
		if s := a.client.Stats(); s.Links != 1 {
			t.Errorf("the link was lost: %+v", s)
		}
		a.close()
	})
}

// TestEndedTokenIsReplacedByAResume has no token in time, but one soon after.
func TestEndedTokenIsReplacedByAResume(t *testing.T) {
	withOffice(t, func(t *testing.T, h *harness, o *office, a *player) {
		o.set(func() { o.shut = errors.New("shut") })
		after(70 * time.Second)
		if s := a.client.Stats(); s.Linked {
			t.Errorf("the link has outlived its token: %+v", s)
		}
		o.set(func() { o.shut = nil })
		after(20 * time.Second)
		if s := a.client.Stats(); !s.Linked || s.Resumed != 1 {
			t.Errorf("%+v", s)
		}
		after(5 * time.Minute)
		if s := a.client.Stats(); s.Links != 2 {
			t.Errorf("the link was lost again: %+v", s)
		}
		a.close()
	})
}

func TestBadTokenEndsTheClient(t *testing.T) {
	withOffice(t, func(t *testing.T, h *harness, o *office, a *player) {
		o.set(func() { o.bad = true })
		after(2 * time.Minute)
		var e *wire.Error
		if err := a.client.Err(); !errors.As(err, &e) || e.Code != wire.CodeUnauthenticated {
			t.Errorf("it ended with %v", err)
		}
		a.done.Wait()
	})
}

func TestRenewWithFewerRoomsEndsThose(t *testing.T) {
	withOffice(t, func(t *testing.T, h *harness, o *office, a *player) {
		b := h.join(Config{Token: o.token})
		other, err := a.client.Join(t.Context(), "other", nil)
		if err != nil {
			t.Fatal(err)
		}
		o.set(func() { o.rooms = "other" })
		if err := a.client.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		removed := new(Removed)
		if err := a.room.Broadcast(t.Context(), []byte(`1`)); !errors.As(err, &removed) || removed.Reason != wire.ReasonForbidden {
			t.Errorf("the room that is not allowed: %v", err)
		}
		a.done.Wait() // its events have ended
		if err := other.Broadcast(t.Context(), []byte(`1`)); err != nil {
			t.Errorf("the other room: %v", err)
		}
		if told := b.told(); told != "PeerJoined PeerLeft(forbidden) RoleChanged(host)" {
			t.Errorf("b was told %s", told)
		}
		a.close()
		b.close()
	})
}

func TestRenewSaysWhyNot(t *testing.T) {
	withOffice(t, func(t *testing.T, h *harness, o *office, a *player) {
		o.set(func() { o.bad = true })
		var e *wire.Error
		if err := a.client.Renew(t.Context()); !errors.As(err, &e) || e.Code != wire.CodeUnauthenticated {
			t.Errorf("a bad token: %v", err)
		}
		shut := errors.New("shut")
		o.set(func() { o.bad, o.shut = false, shut })
		if err := a.client.Renew(t.Context()); !errors.Is(err, shut) {
			t.Errorf("no token: %v", err)
		}
		a.close()
		if err := a.client.Renew(t.Context()); err == nil {
			t.Error("a closed client renews")
		}
	})
}
