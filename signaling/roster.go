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
}

// A Member is an entry of a roster.
type Member struct {
	ID    string
	Kind  MemberKind
	User  string
	Rank  uint64
	Node  string
	Since uint64 // the version of the roster with which it came to Node
	Away  bool
	Busy  bool // devices: it says so
	Data  json.RawMessage
	Call  *Invitation // callers: never written to
}

// A MemberKind says what an entry of a roster is.
type MemberKind string

// KindMember is who is in the room: counted, and seen by the others. Entries of
// any other kind are neither, and see nobody.
const KindMember MemberKind = ""

// A Step is one thing that a Change has done to a roster. A Change may do
// several, which all nodes see at once.
type Step struct {
	Kind   ChangeKind
	Member Member // behind it; leave: before; tell: none
	Reason wire.Reason
}

// Apply returns the roster behind c, with that version, and what was done; or
// the code of why c has no effect. It depends on nothing but its arguments, so
// that every Cluster judges alike: now is the clock of the one that applies.
func (r Roster) Apply(c *Change, version uint64, now time.Time) (after Roster, steps []Step, code wire.Code) {
	i := r.find(c.Member.ID)
	switch {
	case isUser(c.Room):
		return r.applyUser(c, i, version, now)
	case c.Kind == ChangeTell:
		if len(r.Members) == 0 {
			return r, nil, wire.CodeNotInRoom
		}
		return r, []Step{{Kind: ChangeTell}}, ""
	case c.Kind == ChangeJoin:
		return r.join(c, i, version)
	}
	return r.changeOne(c, i, version)
}

// join puts a member at the end. An entry with its id gives way.
func (r Roster) join(c *Change, i int, version uint64) (Roster, []Step, wire.Code) {
	if i >= 0 {
		r = r.without(i)
	}
	if r.count() >= c.Limit {
		return r, nil, wire.CodeRoomFull
	}
	m := c.Member
	m.Since = version
	r.Members = append(slices.Clip(r.Members), m)
	return r, []Step{{Kind: ChangeJoin, Member: m}}, ""
}

// changeOne changes the entry at i, which the one asked that has it.
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
	}
	return r.with(i, m), []Step{{Kind: c.Kind, Member: m}}, ""
}

func (r Roster) find(id string) int {
	return slices.IndexFunc(r.Members, func(m Member) bool { return m.ID == id })
}

// count is the number of those who are in the room.
func (r Roster) count() (n int) {
	for i := range r.Members {
		if r.Members[i].Kind == KindMember {
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
