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
