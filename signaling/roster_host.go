package signaling

import (
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// keepOut is how long a peer that was kicked can't come back as the same peer:
// else what its SDK does by itself would undo the kick.
const keepOut = time.Minute

// moderate does what a host asks for, or, where Host is "", the server. i is the
// entry that is meant, if one is.
func (r Roster) moderate(c *Change, i int, now time.Time) (Roster, []Step, wire.Code) {
	var by *Member
	if c.Host != "" {
		k := r.find(c.Host)
		if k < 0 || r.Members[k].Kind != KindMember {
			return r, nil, wire.CodeNotInRoom
		}
		if by = &r.Members[k]; by.Role != roleHost {
			return r, nil, wire.CodeForbidden
		}
	}
	switch c.Kind {
	case ChangeRules:
		return r.changeRules(c)
	case ChangeEnd:
		if slices.ContainsFunc(r.Members, func(m Member) bool { return m.above(by) }) {
			return r, nil, wire.CodeForbidden
		}
		r, steps := r.leaveAll(nil, wire.ReasonEnded, func(m *Member) bool { return m.Kind == KindMember || m.Kind == KindKnocker })
		return r, steps, ""
	case ChangeBan:
		return r.ban(c, i, by, now)
	}
	if i < 0 || c.Member.Since != 0 && c.Member.Since != r.Members[i].Since {
		return r, nil, wire.CodeNoSuchPeer
	}
	waits := r.Members[i].Kind == KindKnocker
	switch {
	case (c.Kind == ChangeAdmit || c.Kind == ChangeDeny) != waits:
		return r, nil, wire.CodeNoSuchPeer
	case c.Kind == ChangeAdmit:
		if r.full(c.Limit) {
			return r, nil, wire.CodeRoomFull
		}
		r, step := r.admit(i)
		return r, []Step{step}, ""
	case c.Kind == ChangeDeny:
		return r.without(i), []Step{{Kind: ChangeLeave, Member: r.Members[i], Reason: c.Reason}}, ""
	case c.Kind == ChangeKick:
		return r.kick(c, i, by, now)
	case c.Kind == ChangeRole:
		return r.setRole(c, i, by)
	}
	return r, nil, wire.CodeUnknownType
}

// above reports whether a host may take m out or down: one whose role the token
// says is out of reach for those who only got theirs here.
func (m *Member) above(by *Member) bool {
	return by != nil && m.Granted == roleHost && by.Granted != roleHost
}

func (r Roster) kick(c *Change, i int, by *Member, now time.Time) (Roster, []Step, wire.Code) {
	m := r.Members[i]
	switch {
	case m.ID == c.Host:
		return r, nil, wire.CodeNoSuchPeer
	case m.above(by):
		return r, nil, wire.CodeForbidden
	}
	after := r.without(i)
	after.Rules = r.Rules.ban(Ban{Peer: m.ID, Until: now.Add(keepOut).UnixMilli(), Firm: true}, c.Source, now)
	return after, []Step{{Kind: ChangeLeave, Member: m, Reason: wire.ReasonKicked}}, ""
}

// ban keeps a peer out, and its user, or a user; and takes out those that are
// here. A ban without an end lifts the one there was.
func (r Roster) ban(c *Change, i int, by *Member, now time.Time) (Roster, []Step, wire.Code) {
	peer, user := c.Member.ID, c.Member.User
	if i >= 0 {
		user = r.Members[i].User
	}
	meant := func(m *Member) bool {
		return (m.Kind == KindMember || m.Kind == KindKnocker) && (m.ID == peer || user != "" && m.User == user)
	}
	until := c.Until
	if until > now.UnixMilli() {
		for k := range r.Members {
			if m := &r.Members[k]; meant(m) && (m.ID == c.Host || m.above(by)) {
				return r, nil, wire.CodeForbidden
			}
		}
	}
	rules, firm := r.Rules, by == nil || by.Granted == roleHost
	if peer != "" {
		rules = rules.ban(Ban{Peer: peer, Until: until, Firm: firm}, c.Source, now)
	}
	if user != "" {
		rules = rules.ban(Ban{User: user, Until: until, Firm: firm}, c.Source, now)
	}
	var steps []Step
	if until > now.UnixMilli() {
		r, steps = r.leaveAll(nil, wire.ReasonBanned, meant)
	}
	r.Rules = rules
	return r, steps, ""
}

func (r Roster) setRole(c *Change, i int, by *Member) (Roster, []Step, wire.Code) {
	m := r.Members[i]
	role := memberRole(c.Role)
	if m.Role == role {
		return r, nil, ""
	}
	hosts := 0
	for k := range r.Members {
		if r.Members[k].Role == roleHost && r.Members[k].Kind == KindMember {
			hosts++
		}
	}
	if m.above(by) || m.Role == roleHost && hosts == 1 { // one has to be there
		return r, nil, wire.CodeForbidden
	}
	m.Role = role
	return r.with(i, m), []Step{{Kind: ChangeRole, Member: m}}, ""
}

// changeRules changes the rules. Without a lobby nobody has to wait any more.
func (r Roster) changeRules(c *Change) (Roster, []Step, wire.Code) {
	r.Rules = r.Rules.update(c.Update)
	steps := []Step{{Kind: ChangeRules, Rules: r.Rules}}
	for i := 0; i < len(r.Members) && !r.Rules.Lobby && !r.Rules.Locked && !r.full(c.Limit); {
		if r.Members[i].Kind != KindKnocker {
			i++
			continue
		}
		var step Step
		r, step = r.admit(i) // which puts it to the end
		steps = append(steps, step)
	}
	return r, steps, ""
}

// admit makes a member of the knocker at i.
func (r Roster) admit(i int) (Roster, Step) {
	m := r.Members[i]
	m.Kind = KindMember
	return r.without(i).add(m), Step{Kind: ChangeAdmit, Member: m}
}
