package signaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// ringer is the join of a caller, whose peer is the id up to a dash.
func ringer(rt *rosterTest, id, user string) Change {
	return Change{Kind: ChangeJoin, Room: "@ben", Member: Member{ID: id, Kind: KindCaller, User: user, Node: "n1", Call: &Invitation{
		ID: id, Push: true, Expires: rt.now.Add(45 * time.Second).UnixMilli(),
	}}}
}

// device is the join of a device, by a connect token if ticket names a caller's entry.
func device(id, ticket string) Change {
	var t *Ticket
	if ticket != "" {
		t = &Ticket{Caller: ticket}
	}
	return Change{Kind: ChangeJoin, Room: "@ben", Ticket: t, Member: Member{ID: id, Kind: KindDevice, User: "ben", Node: "n1"}}
}

func ends(id, by string, reason wire.Reason) Change {
	return Change{Kind: ChangeAnswer, Room: "@ben", Reason: reason, By: by, Member: Member{ID: id, Node: "n1"}}
}

func TestConnectTokenEndsWithTheRinging(t *testing.T) {
	rt := newRosterTest(t)
	rt.want(ringer(rt, "missed", "ana"), "", ChangeJoin)
	rt.want(ends("missed", "ana", wire.ReasonCancelled), "", ChangeAnswer)
	rt.want(device("b1", "missed"), wire.CodeUnauthenticated)
	rt.want(ringer(rt, "late", "ana"), "", ChangeJoin)
	rt.want(device("b1", "nothing"), wire.CodeUnauthenticated)
	rt.now = rt.now.Add(45*time.Second - 1)
	rt.want(device("b1", "late"), "", ChangeJoin, ChangeLeave) // and what was missed is told
	rt.want(ringer(rt, "later", "ana"), "", ChangeJoin)
	rt.now = rt.now.Add(45 * time.Second)
	rt.want(device("b2", "later"), wire.CodeUnauthenticated)
}

// TestConnectTokenMayBeShownAgain has the client show it again whose welcome was lost,
// and others try what it does.
func TestConnectTokenMayBeShownAgain(t *testing.T) {
	rt := newRosterTest(t)
	shows := func(id, nonce string, age time.Duration) Change {
		c := device(id, "call")
		c.Ticket.Nonce, c.Ticket.Age = nonce, age
		return c
	}
	rt.want(ringer(rt, "call", "ana"), "", ChangeJoin)
	rt.want(shows("b1", "mine", time.Second), "", ChangeJoin)
	rt.want(shows("x1", "another", 0), wire.CodeUnauthenticated)
	rt.want(shows("x2", "", 0), wire.CodeUnauthenticated)
	rt.want(shows("b0", "mine", time.Second+1), wire.CodeUnauthenticated) // held up on the way
	rt.want(shows("b2", "mine", 0), "", ChangeJoin, ChangeLeave)
	if devices := rt.r.count(KindDevice); devices != 1 || rt.r.find("b2") < 0 {
		t.Errorf("%d devices, want b2 alone", devices)
	}
	rt.want(shows("b1", "mine", time.Second), wire.CodeUnauthenticated)
	rt.want(shows("x3", "another", 0), wire.CodeUnauthenticated)

	rt.want(ringer(rt, "old", "ana"), "", ChangeJoin)
	rt.want(device("c1", "old"), "", ChangeJoin) // a client that sends no nonce
	rt.want(device("c2", "old"), wire.CodeUnauthenticated)
}

// TestOnlyADeviceOfTheUserAnswers has peers answer that are not, or not any more.
func TestOnlyADeviceOfTheUserAnswers(t *testing.T) {
	rt := newRosterTest(t)
	rt.want(device("b1", ""), "", ChangeJoin)
	rt.want(ringer(rt, "call", "ana"), "", ChangeJoin)
	rt.want(Change{Kind: ChangeJoin, Room: "@ben", Member: Member{ID: "watcher", Kind: KindWatcher, Node: "n1"}}, "", ChangeJoin)
	for _, reason := range []wire.Reason{wire.ReasonAccepted, wire.ReasonDeclined, wire.ReasonBusy} {
		for _, by := range []string{"gone", "watcher", "call"} {
			rt.want(ends("call", by, reason), wire.CodeInviteOver)
		}
	}
	rt.want(ends("call", "b1", wire.ReasonAccepted), "", ChangeAnswer)
}

// TestOneUserCannotMakeAnotherBusy has one user ring with many devices.
func TestOneUserCannotMakeAnotherBusy(t *testing.T) {
	rt := newRosterTest(t)
	for i := range maxOfCaller {
		rt.want(ringer(rt, fmt.Sprint("eve", i), "eve"), "", ChangeJoin)
	}
	rt.want(ringer(rt, "eve", "eve"), codeBusy)
	rt.want(ringer(rt, "ana", "ana"), "", ChangeJoin)
	for i := range maxCallers - maxOfCaller - 1 { // guests have no user
		rt.want(ringer(rt, fmt.Sprint("guest", i), ""), "", ChangeJoin)
	}
	rt.want(ringer(rt, "last", "dora"), codeBusy)
}
