package integration

import (
	"flag"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A seed that failed is run again, alone, by
//
//	go test -race ./integration -run RobotsLoseNothing -robot-schedules 1 -first-schedule SEED
//
// and what fails is a matter of time as well: it may take some attempts.
var (
	robotSchedules = flag.Int("robot-schedules", 100, "schedules of faults for two robots")
	sdkSchedules   = flag.Int("sdk-schedules", 200, "schedules of faults for two pages on the JavaScript SDK")
	firstSchedule  = flag.Uint64("first-schedule", 1, "the seed of the first schedule; the others follow")
	smallerTries   = flag.Int("smaller-tries", 3, "how often a smaller plan is tried before it counts as one that does not fail; 0: the first that fails is not made smaller")
)

var callers = [2]string{"ana", "ben"}

// A play plays one schedule over a net.
type play func(t *trial, n *chaos)

// try plays a plan, and returns what failed, with the history, and how many
// faults happened.
func try(t *testing.T, p plan, play play) (failures []string, happened int) {
	tr := &trial{TB: t}
	var n *chaos
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer tr.cleanUp()
		n = newChaos(tr, p)
		play(tr, n)
	}()
	<-done
	if n == nil {
		return tr.failures, 0
	}
	if tr.Failed() {
		failures = append(tr.failures, n.history()...)
	}
	return failures, n.happened()
}

// runSchedules plays count schedules, some at a time. Of the first that fails
// a smallest plan that still does is looked for.
func runSchedules(t *testing.T, count, messages, atOnce int, play play) {
	began := time.Now()
	var (
		playing  sync.WaitGroup
		happened atomic.Int64
		mu       sync.Mutex // guards failed
		failed   []plan
	)
	slots := make(chan struct{}, atOnce)
	for i := range uint64(count) {
		slots <- struct{}{}
		playing.Go(func() {
			defer func() { <-slots }()
			p := newPlan(*firstSchedule+i, messages)
			failures, faults := try(t, p, play)
			happened.Add(int64(faults))
			if failures == nil {
				return
			}
			t.Errorf("%v\n%s", p, strings.Join(failures, "\n"))
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, p)
		})
	}
	playing.Wait()
	t.Logf("%d schedules, %d faults, in %v", count, happened.Load(), time.Since(began).Round(time.Second))
	if len(failed) > 0 {
		smallest, failures := shrink(t, failed[0], play)
		t.Errorf("the smallest that fails:\n%v\n%s", smallest, strings.Join(failures, "\n"))
	}
}

// shrink drops one thing after the other as long as the plan still fails.
func shrink(t *testing.T, p plan, play play) (smallest plan, failures []string) {
	type result struct {
		plan     plan
		failures []string
	}
	for {
		var trying sync.WaitGroup
		smaller := p.without()
		failed := make(chan result, len(smaller)**smallerTries)
		for range *smallerTries {
			for _, less := range smaller {
				trying.Go(func() {
					if why, _ := try(t, less, play); why != nil {
						failed <- result{less, why}
					}
				})
			}
		}
		trying.Wait()
		if len(failed) == 0 {
			return p, failures
		}
		found := <-failed
		p, failures = found.plan, found.failures
	}
}
