package signaling

import "sync/atomic"

// Stats are the counters of a Server since its start, but for the first four,
// which are of now.
type Stats struct {
	Links    int // connections
	Sessions int // with and without a link
	Rooms    int // with members on this node
	Memory   int // bytes that count for Config.MaxMemory

	Admitted uint64 // links
	Refused  uint64 // links, hellos and frames
	Welcomed uint64 // sessions that began here
	Resumed  uint64 // with their history
	Reborn   uint64 // resumed: false
	Ended    uint64 // sessions
	Received uint64 // frames
	Bytes    uint64 // of these
	Taken    uint64 // frames
	Slow     uint64 // links closed for not reading
	TooFast  uint64 // links closed for rate_limited
	Panics   uint64 // of functions in Config

	Limits map[Limit]uint64 // how often each was exceeded
}

type counters struct {
	links, refused, welcomed, resumed, reborn, ended atomic.Uint64
	received, bytes, taken, slow, tooFast, panics    atomic.Uint64
}

// Stats returns the counters of now.
func (s *Server) Stats() Stats {
	c := &s.stats
	st := Stats{
		Admitted: c.links.Load(), Refused: c.refused.Load(), Welcomed: c.welcomed.Load(), Resumed: c.resumed.Load(),
		Reborn: c.reborn.Load(), Ended: c.ended.Load(), Received: c.received.Load(), Bytes: c.bytes.Load(),
		Taken: c.taken.Load(), Slow: c.slow.Load(), TooFast: c.tooFast.Load(), Panics: c.panics.Load(),
	}
	st.Memory = int(s.memory.Load())
	st.Limits = make(map[Limit]uint64, len(s.limited))
	for l, n := range s.limited {
		st.Limits[l] = n.Load()
	}
	s.mu.Lock()
	st.Links, st.Sessions = len(s.links), len(s.sessions)
	apps := make([]*App, 0, len(s.apps))
	for _, a := range s.apps {
		apps = append(apps, a)
	}
	s.mu.Unlock()
	for _, a := range apps {
		a.mu.Lock()
		for name := range a.rooms {
			if !isUser(name) {
				st.Rooms++
			}
		}
		a.mu.Unlock()
	}
	return st
}
