package integration

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A plan is all that is decided beforehand about one schedule.
type plan struct {
	seed    uint64
	servers int        // 1, or 3 on one cluster
	kill    int        // the first server vanishes when ana has had so many messages; -1: never
	faults  [2][]fault // of the two clients
}

// newPlan draws a plan for calls with so many messages each way.
func newPlan(seed uint64, messages int) plan {
	random := rand.New(rand.NewPCG(seed, 0))
	p := plan{seed: seed, servers: 1, kill: -1}
	if random.IntN(3) == 0 {
		p.servers = 3
		if random.IntN(3) > 0 {
			p.kill = random.IntN(messages)
		}
	}
	for client := range p.faults {
		for link := range random.IntN(5) {
			p.faults[client] = append(p.faults[client], newFault(random, link))
		}
	}
	return p
}

// newFault draws one for a link. Most of a call's life is its set-up, for all
// that can go wrong there.
func newFault(random *rand.Rand, link int) fault {
	if random.IntN(5) == 0 { // hello is held up until the client has tried again
		wait := time.Duration(3000+random.IntN(3000)) * time.Millisecond
		return fault{link: link, side: up, does: stalls, to: [2]bool{up: true}, wait: wait}
	}
	f := fault{link: link, side: random.IntN(2)}
	switch random.IntN(4) {
	case 0: // the upgrade, hello or welcome
		f.at = place{frames: random.IntN(3) - 1, bytes: 1 + random.IntN(100)}
	case 1, 2: // negotiation, and what is sent again after a resume
		f.at = place{frames: random.IntN(16)}
	case 3:
		f.at = place{frames: random.IntN(200)}
	}
	if f.at.frames > 0 && random.IntN(2) == 0 {
		f.at.bytes = random.IntN(100)
	}
	switch random.IntN(4) {
	case 0, 1:
		f.does = cuts
		return f
	case 2:
		// Up to beyond what either side takes for dead.
		f.does, f.wait = stalls, time.Duration(100+random.IntN(7000))*time.Millisecond
	case 3:
		f.does = strands
	}
	f.to = [][2]bool{{true, true}, {up: true}, {down: true}}[random.IntN(3)]
	return f
}

func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d servers", p.seed, p.servers)
	if p.kill >= 0 {
		fmt.Fprintf(&b, ", the first of them killed when ana has %d messages", p.kill)
	}
	for client, faults := range p.faults {
		for _, f := range faults {
			fmt.Fprintf(&b, "\n  %s: %v", callers[client], f)
		}
	}
	return b.String()
}

// without are all plans with one thing less.
func (p plan) without() (smaller []plan) {
	if p.kill >= 0 {
		less := p
		less.kill = -1
		smaller = append(smaller, less)
	} else if p.servers > 1 {
		less := p
		less.servers = 1
		smaller = append(smaller, less)
	}
	for client, faults := range p.faults {
		for i := range faults {
			less := p
			less.faults[client] = slices.Delete(slices.Clone(faults), i, i+1)
			smaller = append(smaller, less)
		}
	}
	return smaller
}
