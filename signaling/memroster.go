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
	c.keepLocked(key, after)
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

// keepLocked keeps a roster, for as long as there is something in it.
func (c *MemoryCluster) keepLocked(key roomKey, r Roster) {
	c.kept.drop(key)
	if len(r.Members) == 0 && r.Rules == nil {
		delete(c.rooms, key)
		return
	}
	c.rooms[key] = r
	if len(r.Members) > 0 {
		return
	}
	over := time.AfterFunc(time.Until(time.UnixMilli(r.Rules.until())), func() { c.forgetRoom(key) })
	for _, other := range c.kept.add(key, r.Rules, over) {
		delete(c.rooms, other)
	}
}

// forgetRoom drops what was kept of a room in which nobody is, if it is over.
func (c *MemoryCluster) forgetRoom(key roomKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.rooms[key]; ok && len(r.Members) == 0 {
		c.keepLocked(key, Roster{Rules: r.Rules.lasting(time.Now())})
	}
}
