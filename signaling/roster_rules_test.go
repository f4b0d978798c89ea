package signaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// enters is a join that meets the rules. Its user is its id.
func enters(id string, granted MemberRole) Change {
	c := join(id)
	c.Member.User, c.Member.Granted, c.Entry = id, granted, &Entry{Knockers: 2}
	return c
}

func (rt *rosterTest) member(id string) *Member {
	rt.t.Helper()
	i := rt.r.find(id)
	if i < 0 {
		rt.t.Fatalf("%s is not there", id)
	}
	return &rt.r.Members[i]
}

func (rt *rosterTest) wantRole(id string, kind MemberKind, role MemberRole) {
	rt.t.Helper()
	if m := rt.member(id); m.Kind != kind || m.Role != role {
		rt.t.Errorf("%s is %q %q, want %q %q", id, m.Kind, m.Role.wire(), kind, role.wire())
	}
}

func grants(id string, role MemberRole) Change {
	return Change{Kind: ChangeGrant, Member: Member{ID: id, Node: "n1", Granted: role}}
}

func sets(host string, u wire.RulesUpdate) Change {
	return Change{Kind: ChangeRules, Host: host, Update: &u, Limit: 3}
}

func about(kind ChangeKind, host, id string) Change {
	return Change{Kind: kind, Host: host, Limit: 3, Member: Member{ID: id, Node: "n1"}}
}

// TestHostByTokenIsNotShutOut has somebody who came first be host of a room until
// one comes whose token says so.
func TestHostByTokenIsNotShutOut(t *testing.T) {
	rt := newRosterTest(t)
	ban := Change{Kind: ChangeBan, Host: "squatter", Until: rt.now.Add(time.Hour).UnixMilli(), Member: Member{User: "boss"}}
	rt.want(enters("squatter", roleNone), "", ChangeJoin)
	rt.want(ban, "")
	rt.want(enters("boss", roleNone), wire.CodeBanned)
	rt.want(enters("boss", roleHost), "", ChangeJoin)
	rt.want(about(ChangeEnd, "squatter", ""), wire.CodeForbidden)
	rt.want(about(ChangeKick, "squatter", "boss"), wire.CodeForbidden)

	rt.want(enters("deputy", roleHost), "", ChangeJoin)
	ban.Host, ban.Member.User = "boss", "deputy" // they are of one rank
	rt.want(ban, "", ChangeLeave)
	rt.want(enters("deputy", roleHost), wire.CodeBanned)
	rt.want(about(ChangeKick, "boss", "squatter"), "", ChangeLeave)
	rt.want(about(ChangeEnd, "boss", ""), "", ChangeLeave)
}

// TestRoleGoesWithItsToken has tokens be replaced by others.
func TestRoleGoesWithItsToken(t *testing.T) {
	rt := newRosterTest(t)
	rt.want(enters("boss", roleHost), "", ChangeJoin)
	rt.want(enters("a", roleHost), "", ChangeJoin)
	rt.want(grants("a", roleNone), "", ChangeRole)
	rt.wantRole("a", KindMember, roleParticipant)
	rt.want(Change{Kind: ChangeRole, Host: "boss", Role: wire.RoleHost, Member: Member{ID: "a"}}, "", ChangeRole)
	rt.want(grants("a", roleNone), "")
	rt.wantRole("a", KindMember, roleHost) // which a host has given
	rt.want(grants("a", roleViewer), "", ChangeRole)
	rt.wantRole("a", KindMember, roleViewer)

	rt.want(enters("a", roleViewer), "", ChangeJoin) // as behind resumed: false
	rt.wantRole("a", KindMember, roleViewer)
	rt.want(enters("a", roleParticipant), "", ChangeJoin)
	rt.wantRole("a", KindMember, roleParticipant)
	rt.want(enters("boss", roleNone), "", ChangeJoin)
	rt.wantRole("boss", KindMember, roleHost) // there is no other
	rt.want(grants("a", roleHost), "", ChangeRole)
	rt.want(enters("a", roleNone), "", ChangeJoin)
	rt.wantRole("a", KindMember, roleParticipant)
}

// TestTokenThatComesInALobbyCounts has the token of one who waits be replaced.
func TestTokenThatComesInALobbyCounts(t *testing.T) {
	for _, role := range []MemberRole{roleViewer, roleHost} {
		rt := newRosterTest(t)
		rt.want(enters("host", roleNone), "", ChangeJoin)
		rt.want(sets("host", wire.RulesUpdate{Lobby: yes()}), "", ChangeRules)
		rt.want(enters("a", roleParticipant), "", ChangeJoin)
		rt.want(grants("a", role), "", ChangeRole)
		rt.wantRole("a", KindKnocker, role)
		rt.want(Change{Kind: ChangeRole, Host: "host", Role: wire.RoleViewer, Member: Member{ID: "host"}}, wire.CodeForbidden)
		rt.want(about(ChangeEnd, "a", ""), wire.CodeNotInRoom)
		rt.want(about(ChangeAdmit, "host", "a"), "", ChangeAdmit)
		rt.wantRole("a", KindMember, role)
	}
}

// TestDuplicatesAreCountedInTheLobby lets as many peers of a user wait as may come
// in.
func TestDuplicatesAreCountedInTheLobby(t *testing.T) {
	rt := newRosterTest(t)
	device := func(id string, replace bool) Change {
		c := enters(id, roleNone)
		c.Member.User, c.Entry.Duplicates = "ana", Duplicates{Max: 1, Replace: replace}
		return c
	}
	rt.want(enters("host", roleNone), "", ChangeJoin)
	rt.want(sets("host", wire.RulesUpdate{Lobby: yes()}), "", ChangeRules)
	rt.want(device("a1", false), "", ChangeJoin)
	rt.want(device("a2", false), wire.CodeDuplicateIdentity)
	rt.want(device("a2", true), "", ChangeLeave, ChangeJoin)
	rt.wantRole("a2", KindKnocker, roleParticipant) // who waited had no seat to give
	rt.want(about(ChangeAdmit, "host", "a2"), "", ChangeAdmit)
	rt.want(device("a3", true), "", ChangeLeave, ChangeJoin)
	rt.wantRole("a3", KindMember, roleParticipant)

	rt = newRosterTest(t)
	for _, id := range []string{"a1", "a2", "a3"} { // of more than there may be, the oldest go
		rt.want(device(id, true), "", []ChangeKind{ChangeLeave, ChangeJoin}[min(1, 1-len(rt.r.Members)):]...)
	}
	two := device("a4", true)
	two.Entry.Duplicates.Max = 2
	rt.want(two, "", ChangeJoin)
	two.Member.ID = "a5"
	rt.want(two, "", ChangeLeave, ChangeJoin)
	rt.member("a4")
	rt.member("a5")
}

func TestRulesHoldForHostsAndLinksToo(t *testing.T) {
	rt := newRosterTest(t)
	by := func(id string, granted MemberRole, role wire.Role) Change {
		c := enters(id, granted)
		c.Entry.Link = &LinkPass{ID: "l", Role: role, Until: rt.now.UnixMilli() + 1}
		return c
	}
	rt.want(enters("host", roleNone), "", ChangeJoin)
	rt.want(by("a", roleViewer, wire.RoleHost), "", ChangeJoin)
	rt.wantRole("a", KindMember, roleViewer) // the token goes before the link
	rt.want(sets("host", wire.RulesUpdate{Capacity: new(2)}), "", ChangeRules)
	rt.want(by("b", roleNone, wire.RoleHost), wire.CodeRoomFull)
	rt.want(sets("host", wire.RulesUpdate{Capacity: new(0), Lobby: yes()}), "", ChangeRules)
	rt.want(enters("b", roleNone), "", ChangeJoin)
	rt.want(enters("c", roleNone), "", ChangeJoin)
	late := about(ChangeDeny, "", "b") // of an entry that there was before
	late.Member.Since = 1
	rt.want(late, wire.CodeNoSuchPeer)
	rt.want(sets("host", wire.RulesUpdate{Locked: yes(), Lobby: no()}), "", ChangeRules)
	rt.wantRole("b", KindKnocker, roleParticipant)
	rt.want(sets("host", wire.RulesUpdate{Locked: no()}), "", ChangeRules, ChangeAdmit) // there is one place
	rt.wantRole("c", KindKnocker, roleParticipant)
	rt.want(about(ChangeAdmit, "host", "c"), wire.CodeRoomFull)
	rt.want(Change{Kind: ChangeLeave, Member: Member{ID: "b", Node: "n1"}}, "", ChangeLeave)
	rt.want(Change{Kind: ChangeLeave, Member: Member{ID: "host", Node: "n1"}}, "", ChangeLeave)
	rt.wantRole("a", KindMember, roleViewer) // is not made host

	rt = newRosterTest(t)
	viewer := enters("v", roleNone)
	viewer.Entry.Link = &LinkPass{ID: "l", Role: wire.RoleViewer, Until: rt.now.UnixMilli() + 1}
	rt.want(viewer, "", ChangeJoin)
	rt.wantRole("v", KindMember, roleViewer) // nor is one without a token
}

// TestWhatARoomKeepsIsBounded bans, and counts links, beyond what is kept.
func TestWhatARoomKeepsIsBounded(t *testing.T) {
	rt := newRosterTest(t)
	rt.want(enters("host", roleNone), "", ChangeJoin)
	for i := range maxBans + 1 {
		until := rt.now.Add(time.Hour + time.Duration((i+7)%maxBans)*time.Second).UnixMilli()
		rt.want(Change{Kind: ChangeBan, Host: "host", Until: until, Member: Member{User: fmt.Sprint("u", i)}}, "")
	}
	first := fmt.Sprint("u", maxBans-7) // ends first
	if bans := rt.r.Rules.Bans; len(bans) != maxBans || rt.r.Rules.banned(&Member{User: first}, rt.now) {
		t.Errorf("%d bans, %s is banned: %v", len(bans), first, rt.r.Rules.banned(&Member{User: first}, rt.now))
	}
	for i := range maxLinkUses + 1 {
		c := enters("guest", roleNone)
		c.Entry.Link = &LinkPass{ID: fmt.Sprint(i), Uses: 1, Until: rt.now.UnixMilli() + 1}
		if i == maxLinkUses {
			rt.want(c, wire.CodeLinkUsed)
			break
		}
		rt.want(c, "", ChangeJoin)
		rt.want(Change{Kind: ChangeLeave, Member: Member{ID: "guest", Node: "n1"}}, "", ChangeLeave)
	}
}
