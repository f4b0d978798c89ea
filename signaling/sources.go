package signaling

import (
	"net/netip"
	"sync"
	"time"
)

// sources is what a Server knows of the addresses that its clients come from:
// one entry for each IPv4 address and each /64 of IPv6, which is what one
// customer has at the least. An entry is forgotten as soon as it says nothing
// that a new one would not.
type sources struct {
	cfg *Config
	now func() time.Duration

	mu    sync.Mutex // guards the following; taken last of all
	all   map[netip.Addr]*source
	quiet map[netip.Addr]*source // of all, those that are idle
	timer *time.Timer            // forgets what is quiet, later
	due   time.Duration          // of timer; 0: not running
}

// A source is one of the addresses. Its fields are guarded by sources.mu.
type source struct {
	addr     netip.Addr
	links    int
	sessions int
	fresh    bucket // new links
	rooms    bucket // rooms that were not there before it joined
	tries    bucket // wrong passwords of rooms
	failures int    // of Authenticate
	failedAt time.Duration
}

const (
	// maxSources bounds the entries without links: what an attacker with many
	// addresses leaves behind. It is about 10 MB.
	maxSources = 1 << 16
	// forgetFailures is how long a source has to be without a wrong token until
	// none counts any more.
	forgetFailures = 30 * time.Minute
	// maxDelay bounds how long a wrong token waits for its answer.
	maxDelay = 25 * time.Second
	// sweepAfter is the least time between two searches for what can be forgotten.
	sweepAfter = time.Second
)

// sourceOf is the key of an address; not valid: it is not known.
func sourceOf(a netip.Addr) netip.Addr {
	if a = a.Unmap().WithZone(""); a.Is6() {
		p, _ := a.Prefix(64) // cannot fail: 64 is at most 128
		return p.Addr()
	}
	return a
}

// judge says which limit one more link from addr would exceed; "": none.
func (ss *sources) judge(addr netip.Addr) Limit {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.judgeLocked(ss.all[sourceOf(addr)])
}

func (ss *sources) judgeLocked(src *source) Limit {
	c := ss.cfg
	switch {
	case src == nil:
		return ""
	case c.MaxIPLinks > 0 && src.links >= c.MaxIPLinks:
		return LimitIPLinks
	case c.IPRate > 0 && src.fresh.over(ss.now(), 1, c.IPRate, c.IPBurst):
		return LimitIPRate
	}
	return ""
}

// admit counts a link from addr; nil: the address is not known.
func (ss *sources) admit(addr netip.Addr) *source {
	if !addr.IsValid() {
		return nil
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	src := ss.entryLocked(addr)
	src.links++
	if ss.cfg.IPRate > 0 {
		src.fresh.charge(ss.now(), 1, ss.cfg.IPRate)
	}
	return src
}

// asked charges addr for a link that it has only asked for.
func (ss *sources) asked(addr netip.Addr) {
	if !addr.IsValid() || ss.cfg.IPRate <= 0 {
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	src := ss.entryLocked(addr)
	src.fresh.charge(ss.now(), 1, ss.cfg.IPRate)
	ss.forgetLocked(src)
}

// entryLocked returns the entry of addr, and makes it if there is none.
func (ss *sources) entryLocked(addr netip.Addr) *source {
	key := sourceOf(addr)
	src := ss.all[key]
	if src == nil {
		src = &source{addr: key}
		ss.all[key] = src
	}
	delete(ss.quiet, key) // its caller counts something, or forgets it
	return src
}

// detached takes a link back.
func (ss *sources) detached(src *source) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	src.links--
	ss.forgetLocked(src)
}

// enter counts a session of a source, unless that exceeds the limit and force
// is not given. It returns the entry to leave: that of a link which has ended
// meanwhile may have been forgotten.
func (ss *sources) enter(src *source, force bool) (*source, Limit) {
	if src == nil {
		return nil, ""
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	src = ss.entryLocked(src.addr)
	if most := ss.cfg.MaxIPSessions; !force && most > 0 && src.sessions >= most {
		ss.forgetLocked(src) // if it was made just now
		return nil, LimitIPSessions
	}
	src.sessions++
	return src, ""
}

// leave takes a session back.
func (ss *sources) leave(src *source) {
	if src == nil {
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	src.sessions--
	ss.forgetLocked(src)
}

// failed notes a wrong token from addr, and says how long its answer has to
// wait. For that time it counts as a link.
func (ss *sources) failed(addr netip.Addr) time.Duration {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	src, now := ss.entryLocked(addr), ss.now()
	if now-src.failedAt >= forgetFailures {
		src.failures = 0
	}
	d := min(ss.cfg.AuthDelay, maxDelay)
	for range src.failures {
		d = min(2*d, maxDelay)
	}
	src.failures = min(src.failures+1, 64) // 64 doublings reach any delay
	src.failedAt = now
	src.links++
	time.AfterFunc(d, func() { ss.detached(src) })
	return d
}

// guesses reports whether a source has opened too many rooms to join another
// one: with names that were guessed, each is a new room.
func (ss *sources) guesses(src *source) bool {
	c := ss.cfg
	if src == nil || c.IPRoomRate <= 0 {
		return false
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return src.rooms.over(ss.now(), 1, c.IPRoomRate, c.IPRoomBurst)
}

// opened notes that a source has opened a room.
func (ss *sources) opened(src *source) {
	if src == nil || ss.cfg.IPRoomRate <= 0 {
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	src.rooms.charge(ss.now(), 1, ss.cfg.IPRoomRate)
}

// tried reports whether a source has tried too many passwords, or, when one was
// wrong, notes that.
func (ss *sources) tried(src *source, wrong bool) bool {
	if src == nil {
		return false
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if wrong {
		src.tries.charge(ss.now(), tryCost, 1)
	}
	return src.tries.over(ss.now(), tryCost, 1, ipTries*tryCost)
}

// size is the number of entries.
func (ss *sources) size() int {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return len(ss.all)
}

// dueAt is when src says nothing any more, if it has no links until then.
func (src *source) dueAt() time.Duration {
	at := max(time.Duration(src.fresh), time.Duration(src.rooms), time.Duration(src.tries))
	if src.failures > 0 {
		at = max(at, src.failedAt+forgetFailures)
	}
	return at
}

func (src *source) idle() bool { return src.links == 0 && src.sessions == 0 }

// forgetLocked forgets src, now or when it is due.
func (ss *sources) forgetLocked(src *source) {
	if !src.idle() {
		return
	}
	now, at := ss.now(), src.dueAt()
	if at <= now {
		delete(ss.all, src.addr)
		return
	}
	ss.makeRoomLocked()
	ss.quiet[src.addr] = src
	ss.armLocked(now, at)
}

func (ss *sources) armLocked(now, at time.Duration) {
	at = max(at, now+sweepAfter)
	if ss.due != 0 && ss.due <= at {
		return
	}
	ss.due = at
	if ss.timer == nil {
		ss.timer = time.AfterFunc(at-now, ss.sweep)
		return
	}
	ss.timer.Reset(at - now)
}

// sweep forgets what is due, and comes again for the rest.
func (ss *sources) sweep() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.due = 0
	now, next := ss.now(), time.Duration(0)
	for key, src := range ss.quiet {
		switch at := src.dueAt(); {
		case at <= now:
			delete(ss.all, key)
			delete(ss.quiet, key)
		case next == 0 || at < next:
			next = at
		}
	}
	if next != 0 {
		ss.armLocked(now, next)
	}
}

// makeRoomLocked forgets one quiet entry, where there are too many: a map gives
// them in no order, so nobody can choose which. Those that have links are not
// looked at: there may be many, and every new link waits for this.
func (ss *sources) makeRoomLocked() {
	if len(ss.quiet) < maxSources {
		return
	}
	for key := range ss.quiet {
		delete(ss.all, key)
		delete(ss.quiet, key)
		return
	}
}

// stop ends the timer.
func (ss *sources) stop() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.timer != nil {
		ss.timer.Stop()
	}
}
