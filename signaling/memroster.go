package signaling

import (
	"slices"
	"time"
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
	after, steps, code := before.Apply(&ch, c.version, time.Now())
	if code != "" {
		if ch.Req != 0 {
			n.pushLocked(&Event{Kind: EventRefused, Node: n.name, App: ch.App, Room: ch.Room, Change: ch, Code: code})
		}
		return
	}
	if c.rooms[key] = after; len(after.Members) == 0 {
		delete(c.rooms, key)
	}
	e := Event{Kind: EventChange, Node: n.name, App: ch.App, Room: ch.Room, Version: c.version, Change: ch, Steps: steps}
	known := nodesOf(before)
	for _, to := range nodesOf(before, after) {
		mine := e
		if !slices.Contains(known, to) {
			mine.Roster = &after
		}
		if node := c.nodes[to]; node != nil {
			node.pushLocked(&mine)
		}
	}
}
