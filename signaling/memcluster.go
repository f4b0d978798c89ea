package signaling

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// memoryLease is how long a MemoryCluster takes a node that was killed for
// alive: long enough to test what happens in between.
const memoryLease = 5 * time.Second

// A MemoryCluster is the Cluster of one process.
type MemoryCluster struct {
	start time.Time

	mu      sync.Mutex // guards the following; taken last of all
	window  time.Duration
	nodes   map[string]*memoryNode
	dir     map[string]memoryEntry // by peer
	rooms   map[roomKey]Roster
	kept    keptRooms
	version uint64 // of all rosters, so that none ever repeats
}

type roomKey struct{ app, room string }

type memoryEntry struct {
	node  string // "": the session has ended; kept for the first window, in which unknown sessions can be claimed
	epoch uint64
	began time.Duration // of the session's newest link, since the start
}

// NewMemoryCluster makes a Cluster for the Servers of one process.
func NewMemoryCluster() *MemoryCluster {
	return &MemoryCluster{
		start: time.Now(),
		nodes: make(map[string]*memoryNode),
		dir:   make(map[string]memoryEntry),
		rooms: make(map[roomKey]Roster),
		kept:  newKeptRooms(),
	}
}

type memoryNode struct {
	c       *MemoryCluster
	name    string
	deliver func(*Event)

	// guarded by c.mu
	inbox    []*Event
	draining bool
	dead     bool      // hears and says nothing any more
	down     time.Time // the end of the lease; zero: alive
}

// Attach implements Cluster.
func (c *MemoryCluster) Attach(window time.Duration, deliver func(*Event)) Node {
	n := &memoryNode{c: c, name: rand.Text(), deliver: deliver}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.window = max(c.window, window)
	c.nodes[n.name] = n
	return n
}

// Kill makes a node vanish without notice, as a crash does: nothing reaches it
// or comes from it any more, and the others learn of it 5 s later. It is for
// tests.
func (c *MemoryCluster) Kill(node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[node]; n != nil && !n.dead {
		n.dead, n.inbox = true, nil
		time.AfterFunc(memoryLease, n.endLease)
	}
}

// Name implements Node.
func (n *memoryNode) Name() string { return n.name }

// Close implements Node.
func (n *memoryNode) Close() {
	n.c.mu.Lock()
	dead := n.dead
	n.dead, n.inbox = true, nil
	n.c.mu.Unlock()
	if !dead {
		n.endLease()
	}
}

// endLease tells the others that n is down, and forgets its sessions when
// they can no longer be claimed.
func (n *memoryNode) endLease() {
	c := n.c
	c.mu.Lock()
	defer c.mu.Unlock()
	n.down = time.Now()
	for key, roster := range c.rooms {
		if len(roster.Members) > 0 && !slices.ContainsFunc(nodesOf(roster), c.aliveLocked) {
			c.keepLocked(key, Roster{Rules: roster.Rules.lasting(n.down)})
		}
	}
	for _, other := range c.nodes {
		other.pushLocked(&Event{Kind: EventDown, Node: n.name})
	}
	time.AfterFunc(c.window, n.forget)
}

func (n *memoryNode) forget() {
	c := n.c
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.nodes, n.name)
	for peer, e := range c.dir {
		if e.node == n.name {
			delete(c.dir, peer)
		}
	}
}

func (c *MemoryCluster) aliveLocked(node string) bool {
	n := c.nodes[node]
	return n != nil && n.down.IsZero()
}

// pushLocked puts e into the inbox. The goroutine that empties it lives until
// it is empty.
func (n *memoryNode) pushLocked(e *Event) {
	if n.dead {
		return
	}
	n.inbox = append(n.inbox, e)
	if !n.draining {
		n.draining = true
		go n.drain()
	}
}

func (n *memoryNode) drain() {
	for {
		n.c.mu.Lock()
		batch := n.inbox
		n.inbox = nil
		n.draining = len(batch) > 0
		n.c.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, e := range batch {
			n.deliver(e)
		}
	}
}

// Send implements Node.
func (n *memoryNode) Send(node string, e *Event) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	if to := n.c.nodes[node]; to != nil && !n.dead {
		to.pushLocked(e)
	}
}

// SendAll implements Node.
func (n *memoryNode) SendAll(nodes []string, e *Event) (sent int) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	if n.dead {
		return 0
	}
	for _, to := range n.c.nodes {
		if !to.dead && (nodes == nil || slices.Contains(nodes, to.name)) {
			to.pushLocked(e)
			sent++
		}
	}
	return sent
}

// Tell implements Node.
func (n *memoryNode) Tell(peer string, e *Event) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	to := n.c.nodes[n.c.dir[peer].node]
	if to == nil {
		to = n
	}
	if !n.dead {
		to.pushLocked(e)
	}
}

// Register implements Node.
func (n *memoryNode) Register(peer string, epoch uint64, age time.Duration) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	if !n.dead && n.c.dir[peer].epoch <= epoch {
		n.c.dir[peer] = memoryEntry{node: n.name, epoch: epoch, began: time.Since(n.c.start) - age}
	}
}

// Forget implements Node.
func (n *memoryNode) Forget(peer string) {
	c := n.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.dir[peer]; !n.dead && e.node == n.name {
		c.endLocked(peer)
	}
}

// endLocked ends a session for good.
func (c *MemoryCluster) endLocked(peer string) {
	if time.Since(c.start) <= c.window { // in which a session that is not known can be claimed
		c.dir[peer] = memoryEntry{}
		time.AfterFunc(c.window-time.Since(c.start)+1, func() { c.forgetEnded(peer) })
		return
	}
	delete(c.dir, peer)
}

func (c *MemoryCluster) forgetEnded(peer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, known := c.dir[peer]; known && e.node == "" {
		delete(c.dir, peer)
	}
}

// Claim implements Node. It never blocks.
func (n *memoryNode) Claim(_ context.Context, cl Claim) (string, error) {
	c := n.c
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := wire.Refuse(wire.CodeSessionGone, "the session has ended")
	e, known := c.dir[cl.Peer]
	began := time.Since(c.start) - cl.Age
	switch owner := c.nodes[e.node]; {
	case n.dead:
		return "", wire.Refuse(wire.CodeUnavailable, "this node has left its cluster")
	case known && e.node == "":
		return "", gone
	case began < e.began:
		return "", wire.Refuse(wire.CodeReplaced, "%s", whyNot[wire.CodeReplaced])
	case !known:
		if time.Since(c.start) > c.window {
			return "", gone
		}
	case owner != nil && owner.down.IsZero():
		if owner.name != cl.Force {
			return owner.name, nil
		}
	case owner == nil || time.Since(owner.down) > c.window:
		return "", gone
	}
	if cl.Look {
		return "", nil
	}
	if e.epoch > cl.Epoch+1 { // an old token: stolen, or of a client that went back in time
		c.endLocked(cl.Peer)
		return "", gone
	}
	c.dir[cl.Peer] = memoryEntry{node: n.name, epoch: cl.Epoch + 1, began: began}
	return "", nil
}
