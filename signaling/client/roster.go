package client

import (
	"bytes"
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// handleJoinedLocked takes a snapshot in.
func (c *Client) handleJoinedLocked(m *wire.Message) {
	if m.ICE != nil {
		c.ice = *m.ICE
	}
	if m.Re == 0 {
		if r := c.rooms[m.Room]; r != nil && r.state == roomWaiting {
			r.enteredLocked(m)
			r.join.give(answer{m: m})
			return
		}
		c.madeToJoinLocked(m)
		return
	}
	request := c.requests[m.Re]
	if request == nil || request.room == nil {
		return
	}
	if r := request.room; c.rooms[r.name] == r {
		r.enteredLocked(m)
	}
	c.answerLocked(m, nil)
}

// madeToJoinLocked takes in a room that the server has made the client join.
func (c *Client) madeToJoinLocked(m *wire.Message) {
	if c.leavesLocked(m.Room) {
		return // it was let in while it went away
	}
	if c.config.Joined == nil {
		c.enqueueLocked(&wire.Message{Type: wire.TypeLeave, Room: m.Room})
		return
	}
	r := c.rooms[m.Room]
	known := r != nil
	if !known {
		r = newRoom(c, m.Room, JoinOptions{})
		c.rooms[m.Room] = r
	}
	if r.enteredLocked(m); !known {
		c.handleEventLocked(m)
	}
}

// enteredLocked brings the room to a snapshot.
func (r *Room) enteredLocked(m *wire.Message) {
	var rules wire.Rules
	if m.Rules != nil {
		rules = *m.Rules
	}
	if r.been {
		r.roleLocked(m.Role, "")
		r.rulesLocked(rules, "")
	} else {
		r.been, r.role, r.rules = true, roleOf(m.Role), rules
	}
	r.compareLocked(m.Peers)
}

// compareLocked brings the roster to a snapshot. The first one has only new
// peers; for those after it PROTOCOL.md section 5 says what a difference means.
func (r *Room) compareLocked(peers []wire.Peer) {
	r.state = roomJoined
	here := make(map[string]bool, len(peers))
	for _, p := range peers {
		here[p.ID] = true
		r.enterLocked(p)
	}
	for _, id := range r.order {
		if m := r.members[id]; !here[id] && m.missing == nil {
			r.missLocked(m)
		}
	}
}

// enterLocked takes in a peer of a snapshot or of peer-joined. A known one has
// lost its history, or we have.
func (r *Room) enterLocked(p wire.Peer) {
	m := r.members[p.ID]
	if m == nil {
		m = &member{peer: p}
		r.members[p.ID] = m
		r.order = append(r.order, p.ID)
		r.emitLocked(PeerJoined{p}, len(p.Data))
		r.pairLocked(m)
		return
	}
	if m.missing != nil {
		m.missing.Stop()
		m.missing = nil
	}
	before := m.peer
	m.peer = p
	if !bytes.Equal(before.Data, p.Data) || before.Role != p.Role {
		r.emitLocked(PeerUpdated{p}, len(p.Data))
	}
	r.pairLocked(m)
	switch {
	case !p.Away:
		r.emitLocked(PeerBack{Peer: p}, len(p.Data))
	case !before.Away:
		r.emitLocked(PeerAway{p}, len(p.Data))
	}
	m.pair.presence(!p.Away)
	r.client.resendLocked(r, p.ID)
}

// missLocked treats a peer that a new server does not know: away for the
// resume window, then left.
func (r *Room) missLocked(m *member) {
	c, id := r.client, m.peer.ID
	window := time.Duration(c.welcome.Window) * time.Millisecond
	var timer *time.Timer
	timer = time.AfterFunc(window, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if m.missing == timer && r.members[id] == m {
			r.leftLocked(m, wire.ReasonTimeout)
		}
	})
	m.missing = timer
	r.awayLocked(m)
}

// handleRosterLocked takes in a change that the server tells.
func (r *Room) handleRosterLocked(msg *wire.Message) {
	switch msg.Type {
	case wire.TypePeerJoined:
		if msg.Peer != nil {
			r.enterLocked(*msg.Peer)
		}
	case wire.TypeRole:
		r.roleLocked(msg.Role, msg.From)
	case wire.TypeRules:
		if msg.Rules != nil {
			r.rulesLocked(*msg.Rules, msg.From)
		}
	case wire.TypeKnock, wire.TypeKnockEnded:
		r.knockLocked(msg)
	default:
		r.handlePeerLocked(msg)
	}
}

// handlePeerLocked takes in a change of one peer.
func (r *Room) handlePeerLocked(msg *wire.Message) {
	id := msg.From
	if msg.Peer != nil {
		id = msg.Peer.ID
	}
	if id == r.client.welcome.Peer && msg.Type == wire.TypePeerLeft {
		r.removedLocked(msg)
		return
	}
	m := r.members[id]
	if m == nil || m.missing != nil {
		return
	}
	switch msg.Type {
	case wire.TypePeerUpdated:
		if msg.Peer != nil {
			m.peer.Data, m.peer.User, m.peer.Role = msg.Peer.Data, msg.Peer.User, msg.Peer.Role
			r.emitLocked(PeerUpdated{m.peer}, len(m.peer.Data))
			r.pairLocked(m)
		}
	case wire.TypePeerAway:
		r.awayLocked(m)
	case wire.TypePeerBack:
		r.backLocked(m, msg.Resumed)
	case wire.TypePeerLeft:
		r.leftLocked(m, msg.Reason)
	}
}

func (r *Room) awayLocked(m *member) {
	if m.peer.Away {
		return
	}
	m.peer.Away = true
	r.emitLocked(PeerAway{m.peer}, len(m.peer.Data))
	m.pair.presence(false)
}

func (r *Room) backLocked(m *member, resumed bool) {
	m.peer.Away = false
	r.emitLocked(PeerBack{Peer: m.peer, Resumed: resumed}, len(m.peer.Data))
	m.pair.presence(true)
	if !resumed {
		r.client.resendLocked(r, m.peer.ID)
	}
}

func (r *Room) leftLocked(m *member, reason wire.Reason) {
	peer := m.peer
	r.dropLocked(peer.ID)
	r.emitLocked(PeerLeft{Peer: peer, Reason: reason}, len(peer.Data))
	if l := r.client.lines[peer.ID]; l != nil {
		r.client.giveUpLocked(l, func(p *parcel) bool { return p.room == r })
	}
	r.client.spaceLocked()
}

// dropLocked forgets a member and ends its pair.
func (r *Room) dropLocked(id string) {
	m := r.members[id]
	delete(r.members, id)
	r.order = slices.DeleteFunc(r.order, func(other string) bool { return other == id })
	if m.missing != nil {
		m.missing.Stop()
		m.missing = nil
	}
	m.pair.end()
}

// giveUpRoomLocked gives up what was under way in a room that has been left.
func (c *Client) giveUpRoomLocked(r *Room) {
	for _, l := range c.lines {
		c.giveUpLocked(l, func(p *parcel) bool { return p.room == r })
	}
}

// rejoinLocked enters the room again after the server has lost us.
func (r *Room) rejoinLocked() {
	if r.state == roomJoined {
		r.state = roomRejoining
	}
	r.sendJoinLocked()
}

// linkChangedLocked tells the pairs whether there is a link.
func (c *Client) linkChangedLocked() {
	for _, r := range c.rooms {
		for _, m := range r.members {
			m.pair.linked(c.link != nil)
		}
	}
}
