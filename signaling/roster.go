package signaling

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A Roster is what a Cluster keeps of one room. It is a value that is never
// written to: Apply makes the next one, and nodes may still read the last. The
// zero Roster is a room in which nobody is.
type Roster struct {
	Members []Member // of all kinds, longest here first
	Rules   *Rules   // nil: those of a new room
}

// A Member is an entry of a roster.
type Member struct {
	ID      string
	Kind    MemberKind
	User    string
	Rank    uint64
	Node    string
	Since   uint64     // the version of the roster with which it came to Node
	Role    MemberRole // of a KindMember, and what a KindKnocker will have
	Granted MemberRole // by its token
	Away    bool
	Busy    bool // devices: it says so
	Data    json.RawMessage
	Call    *Invitation // callers: never written to
}

// A MemberKind says what an entry of a roster is.
type MemberKind string

// KindMember is who is in the room: counted, and seen by the others. Entries of
// any other kind are neither, and see nobody.
const (
	KindMember  MemberKind = ""
	KindKnocker MemberKind = "knocker" // waits in the lobby: hosts see it
)

// A MemberRole is a wire.Role in one byte, as there are many.
type MemberRole uint8

const (
	roleNone MemberRole = iota
	roleViewer
	roleParticipant
	roleHost
)

var wireRoles = [...]wire.Role{"", wire.RoleViewer, wire.RoleParticipant, wire.RoleHost}

func memberRole(r wire.Role) MemberRole { return MemberRole(max(0, slices.Index(wireRoles[:], r))) }

func (r MemberRole) wire() wire.Role { return wireRoles[r] }

// A Step is one thing that a Change has done to a roster. A Change may do
// several, which all nodes see at once.
type Step struct {
	Kind   ChangeKind
	Member Member // behind it; leave: before; tell and rules: none
	Reason wire.Reason
	Rules  *Rules // rules: behind it
}

// Apply returns the roster behind c, with that version, and what was done; or
// the code of why c has no effect. It depends on nothing but its arguments, so
// that every Cluster judges alike: now is the clock of the one that applies.
func (r Roster) Apply(c *Change, version uint64, now time.Time) (after Roster, steps []Step, code wire.Code) {
	i := r.find(c.Member.ID)
	if isUser(c.Room) {
		return r.applyUser(c, i, version, now)
	}
	switch c.Kind {
	case ChangeTell:
		if len(r.Members) == 0 {
			return r, nil, wire.CodeNotInRoom
		}
		return r, []Step{{Kind: ChangeTell}}, ""
	case ChangeJoin:
		after, steps, code = r.join(c, i, version, now)
	case ChangeKick, ChangeBan, ChangeRules, ChangeAdmit, ChangeDeny, ChangeEnd, ChangeRole:
		after, steps, code = r.moderate(c, i, now)
	default:
		after, steps, code = r.changeOne(c, i, version)
	}
	if code != "" {
		return r, nil, code
	}
	after, steps = after.settle(steps, now)
	return after, steps, ""
}

// changeOne changes the entry at i, as the node asked that has it.
func (r Roster) changeOne(c *Change, i int, version uint64) (Roster, []Step, wire.Code) {
	if i < 0 || r.Members[i].Node != c.Member.Node || c.Member.Since != 0 && c.Member.Since != r.Members[i].Since {
		return r, nil, wire.CodeNotInRoom
	}
	m := r.Members[i]
	switch c.Kind {
	case ChangeLeave:
		return r.without(i), []Step{{Kind: ChangeLeave, Member: m, Reason: c.Reason}}, ""
	case ChangeUpdate:
		m.Data, m.Busy = c.Member.Data, c.Member.Busy
	case ChangeAway, ChangeBack:
		away := c.Kind == ChangeAway
		if m.Away == away {
			return r, nil, wire.CodeNotInRoom
		}
		m.Away = away
	case ChangeMove:
		m.Node, m.Since = c.To, version
	case ChangeGrant:
		was := m.Role
		m.Role, m.Granted = m.regranted(c.Member.Granted), c.Member.Granted
		if m.Role == was {
			return r.with(i, m), nil, ""
		}
		return r.with(i, m), []Step{{Kind: ChangeRole, Member: m}}, ""
	default: // of a newer version, on another node
		return r, nil, wire.CodeUnknownType
	}
	return r.with(i, m), []Step{{Kind: c.Kind, Member: m}}, ""
}

// settle brings about what holds of every roster: nobody waits for a room in
// which nobody is, which has no rules but what lasts; and there is a host, if
// somebody can be it.
func (r Roster) settle(steps []Step, now time.Time) (Roster, []Step) {
	if r.count(KindMember) > 0 {
		return r.inherit(steps)
	}
	if r.count(KindKnocker) > 0 {
		r, steps = r.leaveAll(steps, wire.ReasonEnded, func(m *Member) bool { return m.Kind == KindKnocker })
	}
	r.Rules = r.Rules.lasting(now)
	return r, steps
}

// inherit makes a host where there is none: the one who is longest here, whose
// role no token says, and who is no viewer. Who is away is the second choice.
func (r Roster) inherit(steps []Step) (Roster, []Step) {
	heir := -1
	for i := range r.Members {
		switch m := &r.Members[i]; {
		case m.Kind != KindMember || m.Role == roleNone: // no room that has rules
		case m.Role == roleHost:
			return r, steps
		case m.Granted != roleNone || m.Role == roleViewer:
		case heir < 0 || r.Members[heir].Away && !m.Away:
			heir = i
		}
	}
	if heir < 0 {
		return r, steps
	}
	m := r.Members[heir]
	m.Role = roleHost
	for i := range steps {
		if steps[i].Kind == ChangeJoin && steps[i].Member.ID == m.ID {
			steps[i].Member = m
			return r.with(heir, m), steps
		}
	}
	return r.with(heir, m), append(steps, Step{Kind: ChangeRole, Member: m})
}

// leaveAll takes all entries out that are meant.
func (r Roster) leaveAll(steps []Step, reason wire.Reason, meant func(*Member) bool) (Roster, []Step) {
	var left []Member
	for i := range r.Members {
		if m := &r.Members[i]; meant(m) {
			steps = append(steps, Step{Kind: ChangeLeave, Member: *m, Reason: reason})
		} else {
			left = append(left, *m)
		}
	}
	r.Members = left
	return r, steps
}

func (r Roster) find(id string) int {
	return slices.IndexFunc(r.Members, func(m Member) bool { return m.ID == id })
}

// count is the number of entries of a kind.
func (r Roster) count(kind MemberKind) (n int) {
	for i := range r.Members {
		if r.Members[i].Kind == kind {
			n++
		}
	}
	return n
}

func (r Roster) with(i int, m Member) Roster {
	r.Members = slices.Clone(r.Members)
	r.Members[i] = m
	return r
}

func (r Roster) without(i int) Roster {
	r.Members = slices.Delete(slices.Clone(r.Members), i, i+1)
	return r
}

// add puts m at the end.
func (r Roster) add(m Member) Roster {
	r.Members = append(slices.Clip(r.Members), m)
	return r
}

// nodesOf returns the nodes that have members in one of the rosters.
func nodesOf(rosters ...Roster) []string {
	var nodes []string
	for _, r := range rosters {
		for i := range r.Members {
			if !slices.Contains(nodes, r.Members[i].Node) {
				nodes = append(nodes, r.Members[i].Node)
			}
		}
	}
	return nodes
}
