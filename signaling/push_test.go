package signaling

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// pushes is a hook that says what it was asked, and answers what it is told to.
type pushes struct {
	asked  chan Push
	answer chan bool // of ring
}

func newPushes(cfg Config) (*pushes, Config) {
	p := &pushes{asked: make(chan Push, 10), answer: make(chan bool, 10)}
	cfg.Push = func(ctx context.Context, push Push) bool {
		p.asked <- push
		if push.Kind != PushRing {
			return false
		}
		select {
		case sent := <-p.answer:
			return sent
		case <-ctx.Done():
			return false
		}
	}
	return p, withUsers(cfg)
}

// eachPush is eachTopology with a hook.
func eachPush(t *testing.T, f func(t *testing.T, h *harness, p *pushes)) {
	t.Helper()
	for _, n := range []int{1, 3} {
		t.Run([]string{"", "one server", "", "three servers"}[n], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, cfg := newPushes(Config{})
				h := newHarness(t, n, cfg)
				defer h.close()
				f(t, h, p)
				synctest.Wait()
				if len(p.asked) > 0 {
					t.Errorf("asked too often: %+v", <-p.asked)
				}
			})
		})
	}
}

func (p *pushes) want(t *testing.T, kind PushKind, invite string) Push {
	t.Helper()
	synctest.Wait()
	select {
	case push := <-p.asked:
		if push.Kind != kind || push.Invite != invite {
			t.Fatalf("asked for %s of %s, want %s of %s", push.Kind, push.Invite, kind, invite)
		}
		return push
	default:
		t.Fatalf("not asked, want %s", kind)
		panic("unreachable")
	}
}

func TestSleepingUserIsWoken(t *testing.T) {
	eachPush(t, func(t *testing.T, h *harness, p *pushes) {
		ana := h.as(t, "ana>ben")
		start := time.Now()
		invite := ana.ring("ben")
		ana.wantNothing() // whoever pushes has not said yet
		push := p.want(t, PushRing, invite)
		if push.User != "ben" || push.From != "ana" || push.Name != "ANA" || push.App != "default" || !push.Expires.Equal(start.Add(45*time.Second)) {
			t.Errorf("asked for %+v", push)
		}
		p.answer <- true
		ana.wantRinging(invite, wire.ViaPush)
		time.Sleep(30 * time.Second)
		ana.frames()
		ben := h.as(t, push.Token)
		room := ben.wantInvited(ana, invite).Room
		ana.wantRinging(invite, wire.ViaDevice)
		ben.answer(wire.TypeAccept, invite)
		ben.wantOK()
		if ana.wantAccepted(invite, ben) != room {
			t.Error("another room")
		}
		p.want(t, PushAnswered, invite)
		ben.join(room)
		ben.send(&wire.Message{Type: wire.TypeJoin, Room: "elsewhere"})
		ben.wantError(wire.CodeForbidden, ben.id) // the token is good for this call
	})
}

func TestNobodyToPush(t *testing.T) {
	eachPush(t, func(t *testing.T, h *harness, p *pushes) {
		ana := h.as(t, "ana>ben")
		invite := ana.ring("ben")
		p.want(t, PushRing, invite)
		time.Sleep(time.Second)
		p.answer <- false
		ana.wantOver(wire.TypeDeclined, invite, wire.ReasonOffline)
		ana.wantNothing()
		// Meanwhile a device may come: then nobody is offline.
		other := h.as(t, "carl>dora")
		invite = other.ring("dora")
		push := p.want(t, PushRing, invite)
		dora := h.as(t, "dora")
		p.answer <- false
		dora.wantInvited(other, invite)
		other.wantRinging(invite, wire.ViaDevice)
		wantNothingMore(other, dora)
		dora.answer(wire.TypeDecline, invite)
		other.wantOver(wire.TypeDeclined, invite, wire.ReasonDeclined)
		if push.User != "dora" {
			t.Errorf("pushed to %s", push.User)
		}
	})
}

func TestPushHearsOfTheEnd(t *testing.T) {
	eachPush(t, func(t *testing.T, h *harness, p *pushes) {
		ana := h.as(t, "ana>ben")
		for _, sent := range []bool{true, false} {
			invite := ana.ring("ben")
			p.want(t, PushRing, invite)
			if sent {
				p.answer <- true
				ana.wantRinging(invite, wire.ViaPush)
			} // else it has not answered yet, and nobody was told
			ana.answer(wire.TypeCancel, invite)
			ana.wantOK()
			if sent {
				p.want(t, PushCancelled, invite)
			}
		}
		invite := ana.ring("ben")
		p.want(t, PushRing, invite)
		p.answer <- true
		ana.wantRinging(invite, wire.ViaPush)
		time.Sleep(45*time.Second - 1)
		ana.frames()
		ana.wantNothing()
		time.Sleep(time.Nanosecond)
		ana.wantOver(wire.TypeDeclined, invite, wire.ReasonTimeout)
		p.want(t, PushMissed, invite)

		invite = ana.ring("ben")
		p.want(t, PushRing, invite)
		p.answer <- true
		ana.wantRinging(invite, wire.ViaPush)
		ana.cut()
		ana.elsewhere()
		ana.resume(ana.conn.had)
		ana.welcomed(true)
		ana.send(&wire.Message{Type: wire.TypeBye})
		p.want(t, PushCancelled, invite)
	})
}

func TestPushIsNotAskedForWhoIsThereOrMayNotBeRung(t *testing.T) {
	eachPush(t, func(t *testing.T, h *harness, p *pushes) {
		ana, ben := h.as(t, "ana>ben"), h.as(t, "ben")
		invite := ana.ring("ben")
		ana.wantRinging(invite, wire.ViaDevice)
		ben.wantInvited(ana, invite)
		ana.wantOver(wire.TypeDeclined, ana.ring("dora"), wire.ReasonOffline) // no grant
	})
}

func TestPanicOfPushMeansNobody(t *testing.T) {
	cfg := withUsers(Config{})
	cfg.Push = func(context.Context, Push) bool { panic("no battery") }
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		ana := h.as(t, "ana>ben")
		ana.wantOver(wire.TypeDeclined, ana.ring("ben"), wire.ReasonOffline)
	})
}

func TestConnectTokenIsGoodForOneHello(t *testing.T) {
	eachPush(t, func(t *testing.T, h *harness, p *pushes) {
		ana := h.as(t, "ana>ben")
		invite := ana.ring("ben")
		token := p.want(t, PushRing, invite).Token
		p.answer <- true
		refused := func(token string) {
			t.Helper()
			c := h.client(t)
			c.connect()
			c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token}})
			time.Sleep(30 * time.Second) // who tries often waits
			c.wantError(wire.CodeUnauthenticated, 0)
			c.wantClosed(wire.CodeUnauthenticated)
		}
		refused(connectPrefix + "AAAA")
		ben := h.as(t, token)
		ben.wantInvited(ana, invite)
		if s := ben.srv.session(ben.peer); s.user != "ben" {
			t.Errorf("the user is %q", s.user)
		}
		refused(token)
		ben.frames()
		for _, c := range []*client{ana, ben} {
			c.send(&wire.Message{Type: wire.TypeBye})
		}
		p.want(t, PushMissed, invite) // 60 s have passed

		ana = h.as(t, "ana>ben")
		invite = ana.ring("ben")
		token = p.want(t, PushRing, invite).Token
		p.answer <- true
		time.Sleep(45 * time.Second)
		refused(token)
		p.want(t, PushMissed, invite)
	})
}

// TestConnectTokenOutlivesALostWelcome has the client come again whose welcome was
// lost, on a connection that it knows to be lost and on one that looks alive; and nobody else.
func TestConnectTokenOutlivesALostWelcome(t *testing.T) {
	for _, cut := range []bool{true, false} {
		eachPush(t, func(t *testing.T, h *harness, p *pushes) {
			ana := h.as(t, "ana>ben")
			invite := ana.ring("ben")
			token := p.want(t, PushRing, invite).Token
			p.answer <- true
			ana.wantRinging(invite, wire.ViaPush)
			ben := h.client(t)
			shows := func(c *client, nonce string) {
				c.connect()
				c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token, Nonce: nonce}})
				synctest.Wait()
			}
			ben.connect()
			ben.conn.setLazy(true) // the welcome is lost
			ben.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: token, Nonce: "the-nonce-of-ben"}})
			ana.wantRinging(invite, wire.ViaDevice)
			first := ben.conn
			if cut {
				ben.cut()
			}
			time.Sleep(100 * time.Millisecond)
			ben.elsewhere()
			shows(ben, "the-nonce-of-ben")
			ben.welcomed(false)
			ben.wantInvited(ana, invite)
			if code := first.code(); !cut && code != wire.CodeReplaced {
				t.Errorf("the first connection was closed with %q", code)
			}
			sessions := 0
			for _, s := range h.servers {
				sessions += s.Stats().Sessions
			}
			if sessions != 2 {
				t.Errorf("%d sessions, want those of ana and ben", sessions)
			}
			for _, nonce := range []string{"", "another-nonce-00"} {
				thief := h.client(t)
				shows(thief, nonce)
				thief.wantError(wire.CodeUnauthenticated, 0)
			}
			ben.answer(wire.TypeAccept, invite)
			ben.wantOK()
			ana.wantAccepted(invite, ben)
			p.want(t, PushAnswered, invite)
			late := h.client(t)
			shows(late, "the-nonce-of-ben") // the call has begun
			late.wantError(wire.CodeUnauthenticated, 0)
			ben.wantNothing()
		})
	}
}

// TestWokenUserHasItsOwnLimits has a connect token give no more than the user's
// own token would, and not for ever.
func TestWokenUserHasItsOwnLimits(t *testing.T) {
	said := Identity{User: "eva", Name: "Ben", Grants: &Grants{Rooms: []string{"*"}, Role: wire.RoleViewer, Candidates: wire.PolicyRelay}}
	for _, woken := range []func(context.Context, string, string) (Identity, error){
		nil,
		func(_ context.Context, app, user string) (Identity, error) {
			if app != "default" || user != "ben" {
				t.Errorf("asked for %q in %q", user, app)
			}
			return said, nil
		},
	} {
		srv := New(Config{Woken: woken, Authenticate: func(context.Context, Hello) (Identity, error) { panic("not asked") }})
		token := connectToken{expires: 1 << 60, caller: strings.Repeat("c", 40), app: "default", room: "call", user: "ben"}
		l := &Link{srv: srv, app: "default"}
		id, _, err := l.identify(t.Context(), token.sign(srv.cfg.ResumeKeys[0]))
		if err != nil || id.User != "ben" || !slices.Equal(id.Grants.Rooms, []string{"call"}) {
			t.Errorf("got %+v, %v", id, err)
		}
		if d := time.Until(id.Expires); d > connectFor || d < connectFor-time.Minute {
			t.Errorf("it ends in %v", d)
		}
		if woken != nil && (id.Name != "Ben" || id.Grants.Role != wire.RoleViewer || id.Grants.Candidates != wire.PolicyRelay) {
			t.Errorf("got %+v", id.Grants)
		}
	}
	if said.Grants.Rooms[0] != "*" {
		t.Error("the application's grants were written to")
	}
}

func TestConnectTokenRoundTrip(t *testing.T) {
	keys := [][]byte{[]byte("new"), []byte("old")}
	want := connectToken{expires: 1, caller: strings.Repeat("c", 40), app: "default", room: "room", user: "ça \x00va"}
	for _, key := range keys {
		got, err := parseConnect(want.sign(key), keys)
		if err != nil || *got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if _, err := parseConnect(want.sign([]byte("another")), keys); err == nil {
		t.Error("a key that is not ours is good")
	}
	resume := resumeToken{peer: strings.Repeat("p", 20), id: &Identity{User: "ben"}, app: "default"}
	if _, err := parseConnect(connectPrefix+resume.sign(keys[0]), keys); err == nil {
		t.Error("a resume token is good to connect")
	}
	if _, err := parseToken(strings.TrimPrefix(want.sign(keys[0]), connectPrefix), keys); err == nil {
		t.Error("a connect token is good to resume")
	}
}

func FuzzConnectToken(f *testing.F) {
	key := []byte("key")
	good := connectToken{expires: 1 << 40, caller: strings.Repeat("c", 40), app: "default", room: "room", user: "ben"}
	f.Add(good.sign(key), false)
	f.Add(connectPrefix, false)
	f.Add(strings.Repeat("\x02", 60), true)
	f.Fuzz(func(t *testing.T, s string, sign bool) {
		if sign { // what else one of our keys may have signed
			b := []byte(s)
			s = connectPrefix + seal(key, slices.Clip(b))
		}
		tok, err := parseConnect(s, [][]byte{key})
		if err == nil && tok.sign(key) != s {
			t.Errorf("%q is read as %+v", s, tok)
		}
	})
}

func TestMissedIsToldOnce(t *testing.T) {
	eachPush(t, func(t *testing.T, h *harness, p *pushes) {
		ana := h.as(t, "ana>ben")
		var missed []string
		for range 2 {
			invite := ana.ring("ben")
			p.want(t, PushRing, invite)
			p.answer <- true
			ana.wantRinging(invite, wire.ViaPush)
			ana.answer(wire.TypeCancel, invite)
			ana.wantOK()
			p.want(t, PushCancelled, invite)
			missed = append(missed, invite)
		}
		time.Sleep(time.Hour)
		ben := h.as(t, "ben")
		for _, invite := range missed {
			m := ben.want(wire.TypeMissed)
			if m.Call.Invite != invite || m.User != "ana" || m.Call.Name != "ANA" || m.Call.TTL != 3_600_000+2 {
				t.Errorf("got %+v %+v", m, m.Call)
			}
		}
		h.as(t, "ben").wantNothing()
		ben.wantNothing()
		ana.frames()
		invite := ana.ring("ben")
		ana.wantRinging(invite, wire.ViaDevice)
		ben.wantInvited(ana, invite)
	})
}

// TestMissedIsBounded rings somebody who is never there, again and again.
func TestMissedIsBounded(t *testing.T) {
	eachPush(t, func(t *testing.T, h *harness, p *pushes) {
		ana := h.as(t, "ana>ben")
		for range 30 {
			invite := ana.ring("ben")
			p.want(t, PushRing, invite)
			p.answer <- false
			ana.wantOver(wire.TypeDeclined, invite, wire.ReasonOffline)
			time.Sleep(time.Second)
			ana.frames()
		}
		if n := len(ana.srv.session(ana.peer).rooms); n > 10 { // a device, and 8 or 9 that were missed
			t.Errorf("%d entries are kept", n)
		}
	})
}
