package signaling

import (
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Change implements Node. One lock over all rosters and inboxes gives every
// node the same order.
func (n *memoryNode) Change(ch Change) {
	c := n.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.dead {
		return
	}
	if ch.Member.Node == "" {
		ch.Member.Node = n.name
	}
	key := roomKey{ch.App, ch.Room}
	before := c.rooms[key]
	c.version++
	after, m, code := applyChange(before, &ch, c.version)
	if code != "" {
		if ch.Req != 0 {
			n.pushLocked(&Event{Kind: EventRefused, Node: n.name, App: ch.App, Room: ch.Room, Change: ch, Code: code})
		}
		return
	}
	if c.rooms[key] = after; len(after) == 0 {
		delete(c.rooms, key)
	}
	e := Event{Kind: EventChange, Node: n.name, App: ch.App, Room: ch.Room, Version: c.version, Change: ch, Member: m}
	for _, to := range nodesOf(before, after) {
		mine := e
		if !slices.ContainsFunc(before, func(m Member) bool { return m.Node == to }) {
			mine.Roster = after
		}
		if node := c.nodes[to]; node != nil {
			node.pushLocked(&mine)
		}
	}
}

// applyChange returns the roster behind ch and the member that it changed, or
// why it has no effect. before is not written to: nodes may still read it.
func applyChange(before []Member, ch *Change, version uint64) (after []Member, m Member, code wire.Code) {
	if ch.Kind == ChangeTell {
		if len(before) == 0 {
			return nil, Member{}, wire.CodeNotInRoom
		}
		return before, Member{}, ""
	}
	i := slices.IndexFunc(before, func(m Member) bool { return m.ID == ch.Member.ID })
	if ch.Kind == ChangeJoin {
		others := len(before)
		if i >= 0 {
			others--
		}
		if others >= ch.Limit {
			return nil, Member{}, wire.CodeRoomFull
		}
		m = ch.Member
		m.Since = version
		after = slices.Clone(before)
		if i >= 0 {
			after = slices.Delete(after, i, i+1)
		}
		return append(after, m), m, ""
	}
	if i < 0 || before[i].Node != ch.Member.Node || ch.Member.Since != 0 && ch.Member.Since != before[i].Since {
		return nil, Member{}, wire.CodeNotInRoom
	}
	m = before[i]
	after = slices.Clone(before)
	switch ch.Kind {
	case ChangeLeave:
		return slices.Delete(after, i, i+1), m, ""
	case ChangeUpdate:
		m.Data = ch.Member.Data
	case ChangeAway, ChangeBack:
		away := ch.Kind == ChangeAway
		if m.Away == away {
			return nil, Member{}, wire.CodeNotInRoom
		}
		m.Away = away
	case ChangeMove:
		m.Node, m.Since = ch.To, version
	}
	after[i] = m
	return after, m, ""
}

// nodesOf returns the nodes that have members in either roster.
func nodesOf(before, after []Member) []string {
	var nodes []string
	for _, roster := range [][]Member{before, after} {
		for i := range roster {
			if !slices.Contains(nodes, roster[i].Node) {
				nodes = append(nodes, roster[i].Node)
			}
		}
	}
	return nodes
}
