package signaling

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// rosterTest applies changes to one roster after the other, and sees that none
// is written to.
type rosterTest struct {
	t       *testing.T
	r       Roster
	version uint64
	now     time.Time
}

func newRosterTest(t *testing.T) *rosterTest {
	return &rosterTest{t: t, now: time.UnixMilli(1_000_000)}
}

func (rt *rosterTest) apply(c Change) ([]Step, wire.Code) {
	rt.t.Helper()
	before, _ := json.Marshal(rt.r)
	was := rt.r
	rt.version++
	after, steps, code := rt.r.Apply(&c, rt.version, rt.now)
	if again, _ := json.Marshal(was); string(again) != string(before) {
		rt.t.Errorf("%s wrote to the roster:\n%s\n%s", c.Kind, before, again)
	}
	if code != "" && !reflect.DeepEqual(after, was) {
		rt.t.Errorf("%s was refused with %s, and the roster is another", c.Kind, code)
	}
	rt.r = after
	return steps, code
}

// want applies c, which must be refused with code, or do what kinds say.
func (rt *rosterTest) want(c Change, code wire.Code, kinds ...ChangeKind) []Step {
	rt.t.Helper()
	steps, got := rt.apply(c)
	var did []ChangeKind
	for _, st := range steps {
		did = append(did, st.Kind)
	}
	if got != code || !reflect.DeepEqual(did, kinds) {
		rt.t.Errorf("%s of %s: %v %q, want %v %q", c.Kind, c.Member.ID, did, got, kinds, code)
	}
	return steps
}

func join(id string) Change {
	return Change{Kind: ChangeJoin, Limit: 3, Member: Member{ID: id, Node: "n1"}}
}

func TestRosterJudgesWhoIsMeant(t *testing.T) {
	rt := newRosterTest(t)
	rt.want(Change{Kind: ChangeTell}, wire.CodeNotInRoom)
	rt.want(join("a"), "", ChangeJoin)
	rt.want(join("b"), "", ChangeJoin)
	rt.want(Change{Kind: ChangeAway, Member: Member{ID: "a", Node: "n2"}}, wire.CodeNotInRoom)
	rt.want(Change{Kind: ChangeAway, Member: Member{ID: "a", Node: "n1", Since: 9}}, wire.CodeNotInRoom)
	rt.want(Change{Kind: ChangeBack, Member: Member{ID: "a", Node: "n1"}}, wire.CodeNotInRoom)
	rt.want(Change{Kind: ChangeAway, Member: Member{ID: "a", Node: "n1", Since: rt.r.Members[0].Since}}, "", ChangeAway)
	rt.want(Change{Kind: ChangeMove, To: "n2", Member: Member{ID: "a", Node: "n1"}}, "", ChangeMove)
	if a := rt.r.Members[0]; a.ID != "a" || a.Node != "n2" || !a.Away || a.Since != rt.version {
		t.Errorf("a is %+v", a)
	}
	rt.want(Change{Kind: ChangeLeave, Member: Member{ID: "a", Node: "n1"}}, wire.CodeNotInRoom)
	rt.want(join("c"), "", ChangeJoin)
	rt.want(join("d"), wire.CodeRoomFull)
	rt.want(join("a"), "", ChangeJoin) // its old entry gives way
	if m := rt.r.Members; len(m) != 3 || m[0].ID != "b" || m[2].ID != "a" || m[2].Node != "n1" {
		t.Errorf("the members are %+v", m)
	}
	rt.r.Members[0].Kind = "other"
	rt.want(join("d"), "", ChangeJoin) // b is not counted any more
	rt.want(Change{Kind: ChangeTell}, "", ChangeTell)
}
