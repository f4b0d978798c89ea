package turn

import "sync/atomic"

// Stats is a snapshot of a server's counters. All but Allocations count from
// its start.
type Stats struct {
	Allocations int // that live now

	AllocationsMade uint64
	QuotaRefused    uint64 // allocations, for a quota of the peer or in all
	AuthFailures    uint64 // requests with credentials that were not accepted
	PeersRefused    uint64 // permissions and channels refused

	ConnectionsRefused uint64 // of TCP and TLS, for one of their limits

	// Packets and their payload that were relayed: from a client towards a
	// peer, and in an open relay from a peer towards a client. Between two
	// allocations of a closed relay a packet counts once.
	Packets uint64
	Bytes   uint64

	// Packets dropped, by reason.
	DroppedFull      uint64 // the receiving allocation was too slow
	DroppedNowhere   uint64 // sent to what the relay does not reach
	DroppedSend      uint64 // the system did not take it
	DroppedForbidden uint64 // from or to a peer without a permission, or not any more
	DroppedMalformed uint64 // neither STUN nor ChannelData, or too long
}

// counters are what Stats is made of.
type counters struct {
	allocationsMade, quotaRefused, authFailures, peersRefused, connectionsRefused atomic.Uint64

	packets, bytes                     atomic.Uint64
	droppedFull, droppedNowhere        atomic.Uint64
	droppedSend                        atomic.Uint64
	droppedForbidden, droppedMalformed atomic.Uint64
}

func (c *counters) relayed(n int) {
	c.packets.Add(1)
	c.bytes.Add(uint64(n))
}

// Stats returns what the server has done so far. It never blocks for long and
// may be called at any time.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	live := 0
	for _, p := range s.peers {
		live += len(p.live)
	}
	s.mu.Unlock()
	c := &s.stats
	return Stats{
		Allocations:        live,
		AllocationsMade:    c.allocationsMade.Load(),
		QuotaRefused:       c.quotaRefused.Load(),
		AuthFailures:       c.authFailures.Load(),
		PeersRefused:       c.peersRefused.Load(),
		ConnectionsRefused: c.connectionsRefused.Load(),
		Packets:            c.packets.Load(),
		Bytes:              c.bytes.Load(),
		DroppedFull:        c.droppedFull.Load(),
		DroppedNowhere:     c.droppedNowhere.Load(),
		DroppedSend:        c.droppedSend.Load(),
		DroppedForbidden:   c.droppedForbidden.Load(),
		DroppedMalformed:   c.droppedMalformed.Load(),
	}
}
