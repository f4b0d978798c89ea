package signaling

import (
	"crypto/hmac"
	"encoding/json"
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// maxCallers bounds those that ring one user at the same time, and what the user
// has missed. To more of them the user is busy.
//
// maxOfCaller bounds those of them that are of one user, so that nobody alone makes
// others find the user busy.
const (
	maxCallers  = 64
	maxOfCaller = 16
)

// codeBusy refuses a caller, who is told of it by declined.
const codeBusy = wire.Code(wire.ReasonBusy)

// An Invitation is what a caller's entry in the roster of a user says. It rings
// as long as the entry is there, but for one that was missed.
type Invitation struct {
	ID      string
	Name    string // the caller's, for people
	Room    string
	Data    json.RawMessage
	Expires int64      // ms of the wall clock
	Anyway  bool       // rings a user that is busy, too
	Push    bool       // while no device is there, those who push are asked
	Woke    bool       // no device was there when it began
	Sent    bool       // somebody was told by push
	Missed  int64      // it ended then, unanswered, while no device was there; 0: it rings
	Used    *TicketUse // of the connect token that was pushed; nil: nobody has come by it
}

// A Ticket is a connect token that a device shows. It lets one client in. If the
// welcome is lost, the client says the same hello again: by the nonce it is known to be the
// same, and its new session takes the place of the one that it never heard of. A
// hello on an older link was held up on the way: its client has a newer one.
type Ticket struct {
	Caller string        // the entry whose token it is
	Nonce  string        // of the hello; "": it can't be said again
	Age    time.Duration // of the link that said hello
}

// A TicketUse is who came by a connect token.
type TicketUse struct {
	Peer, Nonce string
	Began       time.Time // the link, by the clock of the one who applies
}

// applyUser is Apply for the roster of a user.
func (r Roster) applyUser(c *Change, i int, version uint64, now time.Time) (Roster, []Step, wire.Code) {
	switch c.Kind {
	case ChangeTell:
		if !slices.ContainsFunc(r.Members, func(m Member) bool { return m.Kind == KindDevice && !slices.Contains(c.Except, m.ID) }) {
			return r, nil, wire.CodeOffline
		}
		return r, []Step{{Kind: ChangeTell}}, ""
	case ChangeJoin:
		return r.joinUser(c, i, version, now)
	case ChangeAnswer, ChangePushed:
		if i < 0 || r.Members[i].Call == nil || r.Members[i].Call.Missed != 0 {
			return r, nil, wire.CodeInviteOver
		}
		if c.Kind == ChangeAnswer {
			return r.answer(c, i, now)
		}
		m := r.Members[i].changed(func(in *Invitation) { in.Sent = true })
		return r.with(i, m), []Step{{Kind: ChangePushed, Member: m}}, ""
	}
	return r.changeOne(c, i, version)
}

// changed returns a copy of m whose invitation is changed.
func (m Member) changed(f func(*Invitation)) Member {
	in := *m.Call
	f(&in)
	m.Call = &in
	return m
}

// joinUser puts an entry at the end. A device that joins is told what was missed,
// which nobody is told again.
func (r Roster) joinUser(c *Change, i int, version uint64, now time.Time) (Roster, []Step, wire.Code) {
	before := r
	if i >= 0 {
		r = r.without(i)
	}
	m := c.Member
	m.Since = version
	if m.Kind == KindCaller {
		if code := r.judgeCaller(m); code != "" {
			return before, nil, code
		}
		woke := !r.rings(m.ID)
		m = m.changed(func(in *Invitation) { in.Woke = woke })
	}
	steps := []Step{{Kind: ChangeJoin, Member: m}}
	r.Members = append(slices.Clip(r.Members), m)
	if c.Ticket != nil {
		var code wire.Code
		if r, steps, code = r.useTicket(c.Ticket, m.ID, steps, now); code != "" {
			return before, nil, code
		}
	}
	if m.Kind == KindDevice {
		r.Members = slices.DeleteFunc(slices.Clone(r.Members), func(o Member) bool {
			missed := o.Call != nil && o.Call.Missed != 0
			if missed {
				steps = append(steps, Step{Kind: ChangeLeave, Member: o})
			}
			return missed
		})
	}
	return r, steps, ""
}

// useTicket notes that a peer has come by a connect token, and takes out whom the
// same client was before.
func (r Roster) useTicket(t *Ticket, peer string, steps []Step, now time.Time) (Roster, []Step, wire.Code) {
	i := r.find(t.Caller)
	if i < 0 || r.Members[i].Call == nil || !r.Members[i].Call.lets(t, now) {
		return r, nil, wire.CodeUnauthenticated
	}
	before := r.Members[i].Call.Used
	r = r.with(i, r.Members[i].changed(func(in *Invitation) {
		in.Used = &TicketUse{Peer: peer, Nonce: t.Nonce, Began: now.Add(-t.Age)}
	}))
	if before != nil {
		r, steps = r.leaveAll(steps, wire.ReasonReplaced, func(m *Member) bool { return m.ID == before.Peer })
	}
	return r, steps, ""
}

// lets reports whether the connect token of in lets in who shows t.
func (in *Invitation) lets(t *Ticket, now time.Time) bool {
	if in.Missed != 0 || now.UnixMilli() >= in.Expires {
		return false
	}
	u := in.Used
	return u == nil || t.Nonce != "" && hmac.Equal([]byte(t.Nonce), []byte(u.Nonce)) && !now.Add(-t.Age).Before(u.Began)
}

// judgeCaller refuses a caller whom nobody hears.
func (r Roster) judgeCaller(m Member) wire.Code {
	callers, same := 0, 0
	busy := false
	for _, o := range r.Members {
		busy = busy || o.Busy
		if o.Kind == KindCaller {
			callers++
			if m.User != "" && o.User == m.User {
				same++
			}
		}
	}
	switch {
	case callers >= maxCallers, same >= maxOfCaller, busy && !m.Call.Anyway:
		return codeBusy
	case !m.Call.Push && !r.rings(m.ID):
		return wire.CodeOffline
	}
	return ""
}

// rings reports whether a device hears that caller.
func (r Roster) rings(caller string) bool {
	return slices.ContainsFunc(r.Members, func(m Member) bool { return m.hears(caller) })
}

// hears reports whether m is a device that is connected, and another peer than
// the caller.
func (m Member) hears(caller string) bool {
	return m.Kind == KindDevice && !m.Away && m.ID != peerOf(caller)
}

// answer ends an invitation: the first wins. One that nobody could hear is kept as
// missed.
func (r Roster) answer(c *Change, i int, now time.Time) (Roster, []Step, wire.Code) {
	m := r.Members[i]
	heard := r.rings(m.ID)
	switch c.Reason {
	case wire.ReasonAccepted, wire.ReasonDeclined, wire.ReasonBusy:
		if by := r.find(c.By); by < 0 || r.Members[by].Kind != KindDevice {
			return r, nil, wire.CodeInviteOver
		}
	case wire.ReasonOffline:
		if heard { // since nobody could be told by push
			return r, nil, wire.CodeInviteOver
		}
		fallthrough
	case wire.ReasonCancelled, wire.ReasonTimeout:
		if !heard {
			m = m.changed(func(in *Invitation) { in.Missed = now.UnixMilli() })
			return r.with(i, m), []Step{{Kind: ChangeAnswer, Member: m, Reason: c.Reason}}, ""
		}
	}
	return r.without(i), []Step{{Kind: ChangeAnswer, Member: m, Reason: c.Reason}}, ""
}
