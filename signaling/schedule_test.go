package signaling_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// A direction of a connection.
type direction int

const (
	up   direction = iota // to the server
	down                  // to the client
)

func (d direction) String() string { return [...]string{"up", "down"}[d] }

// A kind is what happens to a connection.
type kind int

const (
	cut      kind = iota // it is reset: what is on its way is lost
	end                  // it is closed; what was written before arrives
	tear                 // the same in the middle of a frame
	late                 // nothing arrives for a while; then all of it does, also what the client has left behind
	deadUp               // half-open: nothing arrives at the server any more
	deadDown             // half-open: nothing arrives at the client any more
	reorder              // it is closed, and the next attempt to connect is held up, so that a later one gets through first
	kill                 // the server vanishes without notice
	kinds
)

func (k kind) String() string {
	return [...]string{"cut", "end", "tear", "late", "dead up", "dead down", "reorder", "kill"}[k]
}

// A fault is something that happens to a connection of one client, before the
// frame with that number. The heads of an upgrade and of its answer are frames
// here, and frames are counted from 0 over all connections of the client.
type fault struct {
	who   int // of the two clients
	dir   direction
	at    int
	kind  kind
	hold  time.Duration // late and reorder: for how long
	probe bool          // late, dead: the client asks soon after whether its link lives
	stage int           // reorder, late: at which frame it is held, see held
	other bool          // kill: not this client's server but the other one's
}

func (f fault) String() string {
	s := fmt.Sprintf("client %d, before frame %d %s: %s", f.who, f.at, f.dir, f.kind)
	switch f.kind {
	case late:
		s += fmt.Sprintf(" by %v", f.hold)
	case reorder:
		dir, frame := f.held()
		s += fmt.Sprintf(": the next connection waits %v before its frame %d %s", f.hold, frame, dir)
	case kill:
		if f.other {
			s += " the other client's server"
		}
	}
	if f.probe {
		s += ", and probes"
		if f.kind == late && f.stage%4 == 3 {
			s += ", and the second connection waits as long for its welcome"
		}
	}
	return s
}

// held is where reorder holds a connection up: at the upgrade, hello, the
// answer to the upgrade, or welcome.
func (f fault) held() (dir direction, frame int) { return direction(f.stage / 2 % 2), f.stage % 2 }

// A schedule is one conversation and all that happens to it.
type schedule struct {
	seed    uint64        // also decides on which server a client comes back
	servers int           // on one cluster
	gap     time.Duration // between two messages of one sender
	faults  []fault
}

func (s schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d servers, a message each %v", s.servers, s.gap)
	for _, f := range s.faults {
		fmt.Fprintf(&b, "\n  %v", f)
	}
	return b.String()
}

// kills reports whether a server vanishes.
func (s schedule) kills() bool {
	for _, f := range s.faults {
		if f.kind == kill {
			return true
		}
	}
	return false
}

const (
	// boundaries is how many frames a client sends and gets at most in a
	// conversation that nothing happens to; a test sees to it.
	boundaries = 84
	// maxHold is the longest that something may be held up.
	maxHold = 30 * time.Second
	// oneRound is how many schedules it takes for one fault of each kind at each
	// boundary in each direction. Four rounds do so to each client, with one
	// server and with three.
	oneRound = boundaries * 2 * int(kinds)
)

// scheduled returns the schedule of a seed. Of three, two have one fault, and
// go through all boundaries; one has several, at random.
func scheduled(seed int) schedule {
	if i := seed/3*2 + seed%3; seed%3 < 2 && i < 4*oneRound {
		return systematic(seed, i)
	}
	r := rand.New(rand.NewPCG(uint64(seed), 4))
	s := schedule{seed: uint64(seed), servers: 1 + 2*r.IntN(2), gap: time.Duration(r.IntN(4)*r.IntN(12)) * time.Millisecond}
	killed := s.servers == 1
	for range 1 + r.IntN(5) {
		f := randomFault(r)
		for f.kind == kill && killed { // two must stay
			f = randomFault(r)
		}
		killed = killed || f.kind == kill
		s.faults = append(s.faults, f)
	}
	return s
}

func randomFault(r *rand.Rand) fault {
	return fault{
		who: r.IntN(2), dir: direction(r.IntN(2)), at: r.IntN(boundaries + 20), kind: kind(r.IntN(int(kinds))),
		hold:  []time.Duration{50 * time.Millisecond, 1500 * time.Millisecond, 4 * time.Second, maxHold}[r.IntN(4)],
		probe: r.IntN(2) == 0, stage: r.IntN(4), other: r.IntN(3) == 0,
	}
}

// systematic returns the i-th of four rounds.
func systematic(seed, i int) schedule {
	round, i := i/oneRound, i%oneRound
	at := i / (2 * int(kinds)) * 37 % boundaries // in an order in which a few show all of it
	f := fault{at: at, dir: direction(i / int(kinds) % 2), kind: kind(i % int(kinds)), hold: 4 * time.Second, stage: at, probe: at%2 == 0}
	odd := at + i%int(kinds) + int(f.dir)
	f.who = (odd + round) % 2
	s := schedule{seed: uint64(seed), servers: 1 + 2*((odd/2+round/2)%2), gap: time.Duration(odd%3) * 2 * time.Millisecond}
	if f.kind == kill {
		s.servers, f.other = 3, s.servers == 1
	}
	s.faults = []fault{f}
	return s
}
