package signaling

import (
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestCallerGone(t *testing.T) {
	eachTopology(t, withUsers(Config{RingTime: 2 * time.Minute}), func(t *testing.T, h *harness) {
		ana, laptop, phone, invite := h.rung(t)
		ana.send(&wire.Message{Type: wire.TypeBye})
		laptop.wantOver(wire.TypeCancelled, invite, wire.ReasonGone)
		phone.wantOver(wire.TypeCancelled, invite, wire.ReasonGone)

		ana = h.as(t, "ana>ben")
		invite = ana.ring("ben")
		phone.wantInvited(ana, invite)
		ana.cut()
		time.Sleep(time.Minute - 1)
		phone.frames()
		phone.wantNothing()
		time.Sleep(time.Nanosecond)
		phone.wantOver(wire.TypeCancelled, invite, wire.ReasonGone)
	})
}

// TestCallerMovesWhileItRings lets the caller come back on another server, once
// before the end of the ringing and once behind the answer.
func TestCallerMovesWhileItRings(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, laptop, phone, invite := h.rung(t)
		start := time.Now()
		move := func() {
			ana.cut()
			ana.elsewhere()
			ana.resume(ana.conn.had)
			ana.welcomed(true)
		}
		for range 4 {
			time.Sleep(5 * time.Second)
			move()
		}
		time.Sleep(45*time.Second - time.Since(start) - 2*time.Millisecond)
		ana.frames()
		laptop.frames()
		wantNothingMore(ana, laptop)
		time.Sleep(2 * time.Millisecond) // between servers the time is told in ms
		ana.wantOver(wire.TypeDeclined, invite, wire.ReasonTimeout)
		laptop.wantOver(wire.TypeCancelled, invite, wire.ReasonTimeout)

		invite = ana.ring("ben")
		ana.wantRinging(invite, wire.ViaDevice)
		ana.cut()
		time.Sleep(10 * time.Second)
		phone.answer(wire.TypeAccept, invite)
		ana.elsewhere()
		ana.resume(ana.conn.had)
		ana.welcomed(true)
		ana.wantAccepted(invite, phone)
		ana.wantNothing()
	})
}

func TestNodesDieWhileItRings(t *testing.T) {
	inBubble(t, 3, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, laptop, phone, invite := h.rung(t)
		h.cluster.Kill(laptop.srv.node.Name())
		time.Sleep(memoryLease)
		phone.answer(wire.TypeAccept, invite)
		phone.wantOK()
		ana.wantAccepted(invite, phone)

		invite = ana.ring("ben")
		phone.wantInvited(ana, invite)
		ana.wantRinging(invite, wire.ViaDevice)
		h.cluster.Kill(ana.srv.node.Name())
		time.Sleep(memoryLease - 1)
		phone.frames()
		phone.wantNothing()
		time.Sleep(time.Nanosecond)
		phone.wantOver(wire.TypeCancelled, invite, wire.ReasonGone)
		ana.srv = phone.srv
		ana.resume(ana.conn.had)
		ana.welcomed(false)
		ana.id = 0
		invite = ana.ring("ben")
		phone.wantInvited(ana, invite)
		phone.answer(wire.TypeAccept, invite)
		ana.wantRinging(invite, wire.ViaDevice)
		ana.wantAccepted(invite, phone)
	})
}

// TestAwayDeviceLearnsThatItIsOver has a device come back when another has accepted.
func TestAwayDeviceLearnsThatItIsOver(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, laptop, phone, invite := h.rung(t)
		phone.cut()
		time.Sleep(2 * time.Second)
		laptop.answer(wire.TypeAccept, invite)
		ana.wantAccepted(invite, laptop)
		phone.resume(phone.conn.had)
		phone.welcomed(true)
		phone.wantOver(wire.TypeCancelled, invite, wire.ReasonElsewhere)
	})
}

// TestAcceptLeavesOtherCallersRinging has two ring one user, who is accepted by
// one that the user has rung.
func TestAcceptLeavesOtherCallersRinging(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, ben, carl := h.as(t, "ana>ben"), h.as(t, "ben"), h.as(t, "carl>ana")
		carls := carl.ring("ana")
		carl.wantRinging(carls, wire.ViaDevice)
		ana.wantInvited(carl, carls)
		hers := ana.ring("ben")
		ana.wantRinging(hers, wire.ViaDevice)
		ben.wantInvited(ana, hers)
		ben.answer(wire.TypeAccept, hers)
		ben.wantOK()
		ana.wantAccepted(hers, ben)
		wantNothingMore(ana, ben, carl)
		ana.answer(wire.TypeAccept, carls)
		ana.wantOK()
		carl.wantAccepted(carls, ana)
	})
}

// TestLostHistoryEndsWhatItRings has a caller come back without its history.
func TestLostHistoryEndsWhatItRings(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		ana, _, phone, invite := h.rung(t)
		ana.ack()
		ana.resume(0)
		ana.welcomed(false)
		phone.wantOver(wire.TypeCancelled, invite, wire.ReasonGone)
	})
}

func TestOwnInvitationIsAnsweredByOtherDevices(t *testing.T) {
	eachTopology(t, withUsers(Config{}), func(t *testing.T, h *harness) {
		laptop, phone := h.as(t, "ben"), h.as(t, "ben")
		invite := laptop.ring("ben")
		laptop.wantRinging(invite, wire.ViaDevice)
		laptop.answer(wire.TypeAccept, invite)
		laptop.wantError(wire.CodeInviteOver, laptop.id)
		phone.wantInvited(laptop, invite)
		phone.wantNothing()
	})
}

// TestMissedIsOverAlsoBehindAMove cancels what was missed.
func TestMissedIsOverAlsoBehindAMove(t *testing.T) {
	eachPush(t, func(t *testing.T, h *harness, p *pushes) {
		ana := h.as(t, "ana>ben")
		invite := ana.ring("ben")
		p.want(t, PushRing, invite)
		p.answer <- false
		ana.wantOver(wire.TypeDeclined, invite, wire.ReasonOffline)
		for range 2 {
			ana.answer(wire.TypeCancel, invite)
			ana.wantError(wire.CodeInviteOver, ana.id)
			ana.elsewhere()
			ana.resume(ana.conn.had)
			ana.welcomed(true)
		}
		if n := ana.srv.session(ana.peer).openLocked(); n != 0 {
			t.Errorf("%d are open", n)
		}
		ben := h.as(t, "ben")
		if m := ben.want(wire.TypeMissed); m.Call.Invite != invite {
			t.Errorf("got %+v", m.Call)
		}
	})
}

// TestMissedCrossesNothing has the one who has missed a call, being away, ring back.
func TestMissedCrossesNothing(t *testing.T) {
	eachPush(t, func(t *testing.T, h *harness, p *pushes) {
		ana, ben := h.as(t, "ana>ben"), h.as(t, "ben>ana")
		ben.cut()
		time.Sleep(2 * time.Second)
		invite := ana.ring("ben")
		p.want(t, PushRing, invite)
		p.answer <- true
		ana.wantRinging(invite, wire.ViaPush)
		ana.answer(wire.TypeCancel, invite)
		ana.wantOK()
		p.want(t, PushCancelled, invite)
		ben.resume(ben.conn.had)
		ben.welcomed(true)
		ben.frames()
		his := ben.ring("ana")
		ben.wantRinging(his, wire.ViaDevice)
		ana.wantInvited(ben, his)
		wantNothingMore(ana, ben)
	})
}
