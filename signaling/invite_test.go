package signaling

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// ring asks for an invitation and returns its id.
func (c *client) ring(user string) string {
	c.t.Helper()
	c.send(&wire.Message{Type: wire.TypeInvite, User: user})
	m := c.want(wire.TypeOK)
	if m.Re != c.id || m.Call == nil || !wire.ValidPeer(m.Call.Invite) {
		c.t.Fatalf("got %+v, want ok with an invitation", m)
	}
	return m.Call.Invite
}

func (c *client) wantRinging(invite string, via wire.Via) {
	c.t.Helper()
	if m := c.want(wire.TypeRinging); m.Call.Invite != invite || m.Call.Via != via {
		c.t.Fatalf("%s got ringing{%s via %s}, want %s via %s", c.peer, m.Call.Invite, m.Call.Via, invite, via)
	}
}

func (c *client) wantInvited(from *client, invite string) *wire.Message {
	c.t.Helper()
	m := c.want(wire.TypeInvited)
	if m.From != from.peer || m.Call.Invite != invite {
		c.t.Fatalf("%s got invited{%s from %s}, want %s from %s", c.peer, m.Call.Invite, m.From, invite, from.peer)
	}
	return m
}

func (c *client) wantAccepted(invite string, by *client) (room string) {
	c.t.Helper()
	m := c.want(wire.TypeAccepted)
	if m.Call.Invite != invite || m.From != by.peer {
		c.t.Fatalf("%s got accepted{%s by %s}, want %s by %s", c.peer, m.Call.Invite, m.From, invite, by.peer)
	}
	return m.Room
}

// wantOver wants declined or cancelled.
func (c *client) wantOver(typ wire.Type, invite string, reason wire.Reason) {
	c.t.Helper()
	if m := c.want(typ); m.Call.Invite != invite || m.Reason != reason {
		c.t.Fatalf("%s got %s{%s, %s}, want %s, %s", c.peer, typ, m.Call.Invite, m.Reason, invite, reason)
	}
}

// answer sends accept, decline or cancel.
func (c *client) answer(typ wire.Type, invite string) {
	c.send(&wire.Message{Type: typ, Call: &wire.Call{Invite: invite}})
}

// rung is ana, who rings ben on a laptop and a phone.
func (h *harness) rung(t *testing.T) (ana, laptop, phone *client, invite string) {
	t.Helper()
	ana, laptop, phone = h.as(t, "ana>ben"), h.as(t, "ben"), h.as(t, "ben")
	invite = ana.ring("ben")
	ana.wantRinging(invite, wire.ViaDevice)
	laptop.wantInvited(ana, invite)
	phone.wantInvited(ana, invite)
	return ana, laptop, phone, invite
}

func wantNothingMore(clients ...*client) {
	for _, c := range clients {
		c.t.Helper()
		c.wantNothing()
	}
}

func TestInvitationSaysWhoAndWhere(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, ben := h.as(t, "ana>ben"), h.as(t, "ben")
		ana.send(&wire.Message{Type: wire.TypeInvite, User: "ben", Room: "kitchen", Data: []byte(`{"video":true}`)})
		invite := ana.want(wire.TypeOK).Call.Invite
		m := ben.wantInvited(ana, invite)
		if m.User != "ana" || m.Call.Name != "ANA" || m.Room != "kitchen" || string(m.Data) != `{"video":true}` || m.Call.TTL != 45_000 {
			t.Errorf("got %+v, %+v", m, m.Call)
		}
		ana.wantRinging(invite, wire.ViaDevice)
		ben.answer(wire.TypeAccept, invite)
		ben.wantOK()
		if room := ana.wantAccepted(invite, ben); room != "kitchen" {
			t.Errorf("accepted in room %q", room)
		}
		time.Sleep(2 * time.Minute)
		wantNothingMore(ana, ben)
	})
}

func TestFirstAcceptWins(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		for range 20 {
			ana, laptop, phone, invite := h.rung(t)
			for _, c := range []*client{laptop, phone} {
				go c.answer(wire.TypeAccept, invite)
			}
			synctest.Wait()
			first, second := laptop, phone
			if peer := ana.want(wire.TypeAccepted).From; peer == phone.peer {
				first, second = phone, laptop
			} else if peer != laptop.peer {
				t.Fatalf("accepted by %s", peer)
			}
			first.wantOK()
			second.wantOver(wire.TypeCancelled, invite, wire.ReasonElsewhere)
			second.wantError(wire.CodeInviteOver, second.id)
			ana.answer(wire.TypeCancel, invite)
			ana.wantError(wire.CodeInviteOver, ana.id)
			wantNothingMore(ana, first, second)
			for _, c := range []*client{ana, laptop, phone} {
				c.send(&wire.Message{Type: wire.TypeBye})
			}
		}
	})
}

func TestDeclineAndCancelTellEverybody(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, laptop, phone, invite := h.rung(t)
		laptop.answer(wire.TypeDecline, invite)
		laptop.wantOK()
		ana.wantOver(wire.TypeDeclined, invite, wire.ReasonDeclined)
		phone.wantOver(wire.TypeCancelled, invite, wire.ReasonDeclined)

		invite = ana.ring("ben")
		phone.wantInvited(ana, invite)
		phone.send(&wire.Message{Type: wire.TypeDecline, Reason: wire.ReasonBusy, Call: &wire.Call{Invite: invite}})
		phone.wantOK()
		ana.wantRinging(invite, wire.ViaDevice)
		ana.wantOver(wire.TypeDeclined, invite, wire.ReasonBusy)
		laptop.wantInvited(ana, invite)
		laptop.wantOver(wire.TypeCancelled, invite, wire.ReasonDeclined)

		invite = ana.ring("ben")
		ana.wantRinging(invite, wire.ViaDevice)
		ana.answer(wire.TypeCancel, invite)
		ana.wantOK()
		for _, c := range []*client{laptop, phone} {
			c.wantInvited(ana, invite)
			c.wantOver(wire.TypeCancelled, invite, wire.ReasonCancelled)
			c.answer(wire.TypeAccept, invite)
			c.wantError(wire.CodeInviteOver, c.id)
		}
		wantNothingMore(ana, laptop, phone)
	})
}

func TestNoAnswerInTime(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, laptop, phone, invite := h.rung(t)
		start := time.Now()
		time.Sleep(20 * time.Second)
		phone.send(&wire.Message{Type: wire.TypeBye})
		tablet := h.as(t, "ben")
		if m := tablet.wantInvited(ana, invite); m.Call.TTL != 25_000-2 { // making a client takes 2 ms
			t.Errorf("ttl %d", m.Call.TTL)
		}
		time.Sleep(45*time.Second - time.Since(start) - 1)
		ana.frames()
		wantNothingMore(ana, tablet)
		time.Sleep(time.Nanosecond)
		ana.wantOver(wire.TypeDeclined, invite, wire.ReasonTimeout)
		tablet.wantOver(wire.TypeCancelled, invite, wire.ReasonTimeout)
		laptop.wantOver(wire.TypeCancelled, invite, wire.ReasonTimeout)
		h.as(t, "ben").wantNothing() // somebody could hear it: it is not missed
	})
}

func TestBusyIsNotRung(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, ben, phone := h.as(t, "ana>ben"), h.as(t, "ben"), h.as(t, "ben")
		phone.status(true)
		ana.wantOver(wire.TypeDeclined, ana.ring("ben"), wire.ReasonBusy)
		wantNothingMore(ben, phone)
		ana.send(&wire.Message{Type: wire.TypeInvite, User: "ben", Call: &wire.Call{Anyway: true}})
		invite := ana.want(wire.TypeOK).Call.Invite
		ana.wantRinging(invite, wire.ViaDevice)
		ben.wantInvited(ana, invite)
		phone.wantInvited(ana, invite)
		ben.send(&wire.Message{Type: wire.TypeBye})
		phone.cut()
		time.Sleep(time.Second)
		ana.wantOver(wire.TypeDeclined, ana.ring("ben"), wire.ReasonBusy) // its call may go on
	})
}

func TestOfflineLooksLikeRefused(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ben, gone := h.as(t, "ben"), h.as(t, "carl")
		gone.cut()
		time.Sleep(time.Second)
		eve := h.as(t, "eve>carl dora")
		for _, user := range []string{"ben", "carl", "dora"} {
			eve.wantOver(wire.TypeDeclined, eve.ring(user), wire.ReasonOffline)
		}
		ben.wantNothing()
	})
}

func TestNothingFlowsBeforeAccept(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, ben := h.as(t, "ana>ben"), h.as(t, "ben")
		invite := ana.ring("ben")
		ana.wantRinging(invite, wire.ViaDevice)
		room := ben.wantInvited(ana, invite).Room
		for _, m := range []*wire.Message{
			{Type: wire.TypeOffer, PC: 1, Gen: 1, Data: []byte(`{}`)},
			{Type: wire.TypeAnswer, PC: 1, Gen: 1, Data: []byte(`{}`)},
			{Type: wire.TypeCandidates, PC: 1, Ufrag: "u", Data: []byte(`[]`)},
			{Type: wire.TypeMessage, Data: []byte(`1`)},
		} {
			m.Room, m.To = room, ben.peer
			ana.send(m)
			ana.wantError(wire.CodeNotInRoom, ana.id)
		}
		ben.wantNothing()
	})
}

// TestCallRoomIsOpenToWhoKnowsIt accepts for users whose tokens allow no room but
// others, and shows that they cannot make up the name of such a room.
func TestCallRoomIsOpenToWhoKnowsIt(t *testing.T) {
	cfg := withUsers(Config{})
	auth := cfg.Authenticate
	cfg.Authenticate = func(ctx context.Context, hello Hello) (Identity, error) {
		id, err := auth(ctx, hello)
		id.Grants.Rooms = []string{"lobby"}
		return id, err
	}
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		ana, ben := h.as(t, "ana>ben"), h.as(t, "ben")
		invite := ana.ring("ben")
		ana.wantRinging(invite, wire.ViaDevice)
		room := ben.wantInvited(ana, invite).Room
		ben.answer(wire.TypeAccept, invite)
		ben.wantOK()
		if ana.wantAccepted(invite, ben) != room || !wire.ValidRoom(room) {
			t.Errorf("room %q", room)
		}
		ben.join(room)
		if p := ana.join(room); len(p) != 1 || p[0].ID != ben.peer {
			t.Errorf("ana sees %+v", p)
		}
		other := "A"
		if strings.HasSuffix(room, other) {
			other = "B"
		}
		for _, name := range []string{room[:len(room)-1] + other, room[:len(room)-4], callRoomPrefix + strings.Repeat("A", 32), "call-"} {
			ben.send(&wire.Message{Type: wire.TypeJoin, Room: name})
			for m := range slices.Values(ben.frames()) {
				if m.Type == wire.TypeJoined {
					t.Errorf("joined %q", name)
				}
			}
		}
		ana.send(&wire.Message{Type: wire.TypeInvite, User: "ben", Room: "kitchen"})
		ana.frames()
		ana.send(&wire.Message{Type: wire.TypeInvite, User: "ben", Room: "vault"})
		ana.wantError(wire.CodeForbidden, ana.id)
	})
}

func TestInvitesAreBounded(t *testing.T) {
	eachTopology(t, withUsers(Config{MaxInvites: 2}), func(t *testing.T, h *harness) {
		ana, ben := h.as(t, "ana>*"), h.as(t, "ben")
		for range 2 {
			ana.wantRinging(ana.ring("ben"), wire.ViaDevice)
		}
		ana.send(&wire.Message{Type: wire.TypeInvite, User: "ben"})
		ana.wantError(wire.CodeTooManyInvites, ana.id)
		ana.send(&wire.Message{Type: wire.TypeInvite, User: "ben", Data: long(5000)})
		ana.wantError(wire.CodeTooBig, ana.id)
		ben.answer(wire.TypeDecline, ben.want(wire.TypeInvited).Call.Invite)
		ana.want(wire.TypeDeclined)
		ana.wantRinging(ana.ring("ben"), wire.ViaDevice)
	})
}

func TestTooManyCallersFindTheUserBusy(t *testing.T) {
	inBubble(t, 1, withUsers(Config{}), func(t *testing.T, h *harness) {
		h.as(t, "ben")
		for i := range maxCallers {
			c := h.as(t, fmt.Sprintf("user%d>ben", i))
			c.wantRinging(c.ring("ben"), wire.ViaDevice)
		}
		last := h.as(t, "last>ben")
		last.wantOver(wire.TypeDeclined, last.ring("ben"), wire.ReasonBusy)
	})
}

// TestOnlyDevicesAnswer lets others who learned the id of an invitation try.
func TestOnlyDevicesAnswer(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, laptop, phone, invite := h.rung(t)
		eve := h.as(t, "eve>*")
		for _, c := range []*client{eve, ana} {
			for _, typ := range []wire.Type{wire.TypeAccept, wire.TypeDecline} {
				c.answer(typ, invite)
				c.wantError(wire.CodeInviteOver, c.id)
			}
		}
		for _, c := range []*client{eve, laptop} {
			c.answer(wire.TypeCancel, invite)
			c.wantError(wire.CodeInviteOver, c.id)
		}
		wantNothingMore(ana, laptop, phone)
	})
}

// TestRingingOneselfLeavesThisDeviceOut rings the user's other devices.
func TestRingingOneselfLeavesThisDeviceOut(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		laptop := h.as(t, "ben")
		laptop.wantOver(wire.TypeDeclined, laptop.ring("ben"), wire.ReasonOffline)
		phone := h.as(t, "ben")
		invite := laptop.ring("ben")
		laptop.wantRinging(invite, wire.ViaDevice)
		phone.wantInvited(laptop, invite)
		phone.answer(wire.TypeAccept, invite)
		phone.wantOK()
		laptop.wantAccepted(invite, phone)
		wantNothingMore(laptop, phone)
	})
}
