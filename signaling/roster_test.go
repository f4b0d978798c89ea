package signaling

import (
	"encoding/json"
	"math/rand/v2"
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

// TestRosterHolds makes random changes, and looks at what has to hold of every
// roster.
func TestRosterHolds(t *testing.T) {
	kinds := []ChangeKind{
		ChangeJoin, ChangeJoin, ChangeJoin, ChangeLeave, ChangeUpdate, ChangeAway, ChangeBack, ChangeMove, ChangeTell, ChangeGrant,
		ChangeKick, ChangeBan, ChangeRules, ChangeAdmit, ChangeAdmit, ChangeDeny, ChangeEnd, ChangeRole,
	}
	roles := []wire.Role{"", wire.RoleHost, wire.RoleParticipant, wire.RoleViewer}
	for seed := range uint64(300) {
		rt, rng := newRosterTest(t), rand.New(rand.NewPCG(seed, 4))
		flag := func() *bool { return new(rng.IntN(2) == 0) }
		for range 200 {
			rt.now = rt.now.Add(time.Duration(rng.IntN(20)) * time.Second)
			who := string(rune('a' + rng.IntN(8)))
			c := Change{
				Kind: kinds[rng.IntN(len(kinds))], Limit: 1 + rng.IntN(6), To: "n2",
				Member: Member{ID: who, User: string(rune('A' + rng.IntN(4))), Node: "n1"},
				Entry:  &Entry{Knockers: 2, Duplicates: Duplicates{Max: rng.IntN(3), Replace: rng.IntN(2) == 0}},
				Role:   roles[1+rng.IntN(3)], Until: rt.now.Add(time.Duration(rng.IntN(60)-10) * time.Second).UnixMilli(),
				Update: &wire.RulesUpdate{Locked: flag(), Lobby: flag(), Capacity: new(rng.IntN(5))},
			}
			if rng.IntN(4) == 0 {
				c.Member.Granted = MemberRole(rng.IntN(4))
			}
			if rng.IntN(4) > 0 {
				c.Host = string(rune('a' + rng.IntN(8)))
			}
			if i := rt.r.find(who); i >= 0 {
				c.Member.Node = rt.r.Members[i].Node
			}
			rt.hold(&c)
			if t.Failed() {
				t.Fatalf("seed %d: behind %+v: %+v", seed, c, rt.r)
			}
		}
	}
}

func (rt *rosterTest) hold(c *Change) {
	rt.t.Helper()
	byHost := c.Host == "" || rt.r.find(c.Host) >= 0 && rt.r.Members[rt.r.find(c.Host)].Role == roleHost
	before := rt.r
	steps, code := rt.apply(*c)
	switch c.Kind {
	case ChangeKick, ChangeBan, ChangeRules, ChangeAdmit, ChangeDeny, ChangeEnd, ChangeRole:
		if code == "" && !byHost {
			rt.t.Errorf("%s was done for one who is no host", c.Kind)
		}
	}
	hosts, heirs, inside := 0, 0, 0
	for i := range rt.r.Members {
		m := &rt.r.Members[i]
		if rt.r.find(m.ID) != i {
			rt.t.Errorf("%s is there twice", m.ID)
		}
		if m.Kind != KindMember {
			continue
		}
		inside++
		switch {
		case m.Role == roleHost:
			hosts++
		case m.Granted == roleNone && m.Role != roleViewer:
			heirs++
		}
		if rt.r.Rules.banned(m, rt.now) && before.find(m.ID) < 0 {
			rt.t.Errorf("%s came in and is banned", m.ID)
		}
	}
	if hosts == 0 && heirs > 0 {
		rt.t.Error("somebody could be the host, and is not")
	}
	if inside == 0 && (len(rt.r.Members) > 0 || rt.r.Rules.told() != nil) {
		rt.t.Error("nobody is inside, and there are rules, or somebody waits")
	}
	for _, st := range steps { // what nodes are told makes of the one roster the other
		before = before.replay(st)
	}
	if code == "" && !reflect.DeepEqual(before.sorted(), rt.r.sorted()) {
		rt.t.Errorf("the steps make %+v, and not\n%+v", before, rt.r)
	}
}

// replay does a step as a node does.
func (r Roster) replay(st Step) Roster {
	i := r.find(st.Member.ID)
	switch st.Kind {
	case ChangeJoin, ChangeAdmit:
		if i >= 0 {
			r = r.without(i)
		}
		return r.add(st.Member)
	case ChangeLeave:
		return r.without(i)
	case ChangeTell, ChangeRules:
		return r
	}
	return r.with(i, st.Member)
}

// sorted is what is compared: a role may have been granted without a step.
func (r Roster) sorted() (all []Member) {
	for _, m := range r.Members {
		m.Granted = roleNone
		all = append(all, m)
	}
	return all
}
