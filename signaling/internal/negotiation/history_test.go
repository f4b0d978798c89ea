package negotiation

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var histories = flag.Int("histories", defaultHistories, "random histories to run")

// TestRandomHistories lets two machines negotiate over model connections
// through everything that can happen, and then settle: they must agree.
func TestRandomHistories(t *testing.T) {
	n := *histories
	if testing.Short() {
		n = min(n, 10_000)
	}
	for seed := range n {
		h := seeded(uint64(seed))
		if wrong := newWorld(h).run(h); wrong != "" {
			h, wrong = shrink(h, newWorld)
			t.Fatalf("seed %d: %s\n%s", seed, wrong, h)
		}
	}
}

func seeded(seed uint64) history {
	return randomHistory(rand.New(rand.NewPCG(seed, 7)), 80)
}

// shrink removes steps for as long as what is left still goes wrong.
func shrink(h history, build func(history) *world) (history, string) {
	wrong := build(h).run(h)
	for size := len(h.steps); size > 0; {
		removed := false
		for i := 0; i+size <= len(h.steps); {
			fewer := history{w3c: h.w3c, tracks: h.tracks}
			fewer.steps = append(append(fewer.steps, h.steps[:i]...), h.steps[i+size:]...)
			if w := build(fewer).run(fewer); w != "" {
				h, wrong, removed = fewer, w, true
				continue
			}
			i++
		}
		if !removed || size > 1 {
			size /= 2
		}
	}
	return h, wrong
}
