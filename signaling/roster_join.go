package signaling

import (
	"cmp"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// An Entry is what somebody who joins has brought along, and what the server
// says about it.
type Entry struct {
	Passwords  []string  // hashes of the one given, under each key; nil: none was
	Link       *LinkPass // nil: none
	Duplicates Duplicates
	Knockers   int // that may wait
}

// A LinkPass is a link that this room's server has signed.
type LinkPass struct {
	ID    string
	Role  wire.Role // "": none
	Uses  int       // that it may have; 0: any number
	Until int64     // ms of the wall clock
}

// Duplicates say how many peers of one user may be in a room. The zero value
// allows any number.
type Duplicates struct {
	Max     int  // 0: any number
	Replace bool // one more takes the place of the oldest; else it is refused
}

// join puts a member at the end. An entry with its id gives way, and so does
// another of its user, if that is the rule: it takes over the role, and no other
// rule keeps it out.
func (r Roster) join(c *Change, i int, version uint64, now time.Time) (Roster, []Step, wire.Code) {
	m, entry := c.Member, c.Entry
	m.Since = version
	var seat *Member // that it takes
	if i >= 0 {
		if r.Members[i].Kind == m.Kind {
			seat = &r.Members[i]
		}
		r = r.without(i)
	}
	if entry == nil { // the server wants it
		switch {
		case r.Rules.banned(&m, now):
			return r, nil, wire.CodeBanned
		case seat == nil && r.full(c.Limit):
			return r, nil, wire.CodeRoomFull
		}
		if m.Role = cmp.Or(m.Granted, roleParticipant); seat != nil {
			m.Role = seat.regranted(m.Granted)
		}
		return r.add(m), []Step{{Kind: ChangeJoin, Member: m}}, ""
	}
	if r.Rules.banned(&m, now) {
		return r, nil, wire.CodeBanned
	}
	r, steps, code := r.replace(&m, entry.Duplicates)
	if code != "" {
		return r, nil, code
	}
	for k := range steps {
		if seat == nil && steps[k].Member.Kind == m.Kind {
			seat = &steps[k].Member
		}
	}
	if seat != nil {
		m.Role = seat.regranted(m.Granted)
	} else if r, code = r.enter(&m, c, now); code != "" {
		return r, nil, code
	}
	return r.add(m), append(steps, Step{Kind: ChangeJoin, Member: m}), ""
}

// regranted is the role of m when its token says granted: what another token has
// given ends with that, and what a host has given stays.
func (m *Member) regranted(granted MemberRole) MemberRole {
	switch {
	case granted == m.Granted:
		return m.Role
	case granted == roleNone && m.Role != m.Granted:
		return m.Role
	}
	return cmp.Or(granted, roleParticipant)
}

// replace judges that there are other peers of the user of m, or wait for the
// room, and takes the oldest out, if that is the rule.
func (r Roster) replace(m *Member, d Duplicates) (after Roster, steps []Step, code wire.Code) {
	if m.User == "" || d.Max <= 0 {
		return r, nil, ""
	}
	same := func(o *Member) bool { return o.User == m.User && (o.Kind == KindMember || o.Kind == KindKnocker) }
	more := 1 - d.Max
	for i := range r.Members {
		if same(&r.Members[i]) {
			more++
		}
	}
	switch {
	case more <= 0:
		return r, nil, ""
	case !d.Replace:
		return r, nil, wire.CodeDuplicateIdentity
	}
	after, steps = r.leaveAll(nil, wire.ReasonReplaced, func(o *Member) bool {
		if more == 0 || !same(o) {
			return false
		}
		more--
		return true
	})
	return after, steps, ""
}

// enter judges whether m, for whom no seat is kept, may come in, and gives it
// its role; or makes a knocker of it. A host is let in whatever the rules are, if
// there is room; a link does for the password and the lobby.
func (r Roster) enter(m *Member, c *Change, now time.Time) (after Roster, code wire.Code) {
	e, rules := c.Entry, r.Rules.or()
	m.Role = m.Granted
	if e.Link != nil {
		if r.Rules, code = r.Rules.use(e.Link, c.Source, now); code != "" {
			return r, code
		}
		m.Role = cmp.Or(m.Role, memberRole(e.Link.Role))
	}
	m.Role = cmp.Or(m.Role, roleParticipant)
	host := m.Role == roleHost
	if rules.Locked && !host {
		return r, wire.CodeRoomLocked
	}
	if !host && e.Link == nil {
		if code := rules.admits(e.Passwords); code != "" {
			return r, code
		}
	}
	if r.full(c.Limit) {
		return r, wire.CodeRoomFull
	}
	if rules.Lobby && !host && e.Link == nil {
		m.Kind = KindKnocker
		if r.count(KindKnocker) >= e.Knockers {
			return r, wire.CodeLobbyFull
		}
	}
	return r, ""
}

// full reports whether nobody more may be in the room. limit is the server's.
func (r Roster) full(limit int) bool {
	if most := r.Rules.or().Capacity; most > 0 {
		limit = min(limit, most)
	}
	return r.count(KindMember) >= limit
}
