package jsep

import (
	"slices"
	"strconv"
)

// AddTrack sends t on a transceiver that sends nothing, or on a new one, which
// is for the side that offers.
func (c *Conn) AddTrack(kind Kind, t Track) {
	if !c.attach(kind, t, len(c.transceivers)) {
		c.transceivers = append(c.transceivers, &transceiver{kind: kind, track: t})
	}
}

// Attach sends t on an m-line that sends nothing, and reports whether there is
// one. It is for the side that answers.
func (c *Conn) Attach(kind Kind, t Track) bool { return c.attach(kind, t, c.associated) }

func (c *Conn) attach(kind Kind, t Track, among int) bool {
	for _, tr := range c.transceivers[:among] {
		if tr.kind == kind && tr.track == 0 {
			tr.track = t
			return true
		}
	}
	return false
}

// RemoveTrack stops sending t. Its m-line stays for the next one.
func (c *Conn) RemoveTrack(t Track) {
	for _, tr := range c.transceivers {
		if tr.track == t {
			tr.track = 0
		}
	}
}

// Receive makes transceivers until there are n of kind.
func (c *Conn) Receive(kind Kind, n int) {
	for c.Lines(kind) < n {
		c.transceivers = append(c.transceivers, &transceiver{kind: kind})
	}
}

// Lines is how many transceivers of kind there are, with an m-line or without.
func (c *Conn) Lines(kind Kind) int {
	n := 0
	for _, t := range c.transceivers {
		if t.kind == kind {
			n++
		}
	}
	return n
}

// Sends reports whether t is sent on an m-line that both sides have agreed to.
func (c *Conn) Sends(t Track) bool {
	for _, tr := range c.transceivers[:c.associated] {
		if tr.track == t {
			return tr.local.send && tr.peer.recv
		}
	}
	return false
}

// Idle reports whether an m-line is agreed to send on which nothing is sent
// any more.
func (c *Conn) Idle() bool {
	for _, t := range c.transceivers[:c.associated] {
		if t.local.send && t.track == 0 {
			return true
		}
	}
	return false
}

// NegotiationNeeded is the check of W3C webrtc-pc section 4.7.3. It is only
// asked for in the stable state.
func (c *Conn) NegotiationNeeded() bool {
	if c.associated < len(c.transceivers) {
		return true
	}
	for i, t := range c.transceivers {
		if c.offeredHere {
			if t.wants() != t.local && t.wants() != t.peer.reversed() {
				return true
			}
			continue
		}
		if t.local != t.wants().and(c.remote.sections[i].dir.reversed()) {
			return true
		}
	}
	return false
}

// Gather gathers one candidate for the local description that is set, and
// returns its ufrag; ok is false if there is no description yet, or no
// candidate any more.
func (c *Conn) Gather() (ufrag, candidate string, ok bool) {
	ufrag = c.local.ufrag
	if c.state == HaveLocalOffer {
		ufrag = c.pending.ufrag
	}
	if ufrag == "" || c.state == Closed || slices.Contains(c.gatheredAll, ufrag) {
		return "", "", false
	}
	c.gathered[ufrag]++
	return ufrag, ufrag + "/" + strconv.Itoa(c.gathered[ufrag]), true
}

// AddCandidate adds a candidate of the peer.
func (c *Conn) AddCandidate(ufrag, candidate string) error {
	if slices.Contains(c.addedAll, ufrag) {
		return c.violate("candidate %s after the end of ufrag %s", candidate, ufrag)
	}
	known := c.negotiated && c.remote.ufrag == ufrag || c.state == HaveRemoteOffer && c.pending.ufrag == ufrag
	if c.state == Closed || !known {
		return c.violate("candidate %s of ufrag %s", candidate, ufrag)
	}
	c.added[ufrag] = append(c.added[ufrag], candidate)
	return nil
}

// EndGathering says that ufrag, own, has had its last candidate.
func (c *Conn) EndGathering(ufrag string) { c.gatheredAll = append(c.gatheredAll, ufrag) }

// EndCandidates says that ufrag, the peer's, has had its last candidate.
func (c *Conn) EndCandidates(ufrag string) { c.addedAll = append(c.addedAll, ufrag) }

// GatheredAll reports whether the local ufrag that counts now has had its last
// candidate.
func (c *Conn) GatheredAll() bool { return slices.Contains(c.gatheredAll, c.local.ufrag) }

// AddedAll is about the remote ufrag what GatheredAll is about the local one.
func (c *Conn) AddedAll() bool { return slices.Contains(c.addedAll, c.remote.ufrag) }

// Added are the candidates added for the ufrag that the peer has now.
func (c *Conn) Added() []string { return c.added[c.remote.ufrag] }

// Gathered is how many own candidates the ufrag that counts now has.
func (c *Conn) Gathered() int { return c.gathered[c.local.ufrag] }

// Ufrags are the local and the remote ufrag that count now.
func (c *Conn) Ufrags() (local, remote string) { return c.local.ufrag, c.remote.ufrag }

// Has reports whether t is on a transceiver.
func (c *Conn) Has(t Track) bool {
	for _, tr := range c.transceivers {
		if tr.track == t {
			return true
		}
	}
	return false
}
