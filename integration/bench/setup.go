package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/seed-3a7b6cbd/signal/signaling/robot"
)

// callTime is what one call may take before the measurement gives up.
const callTime = 20 * time.Second

// setup measures how long a call takes to come up on loopback: from the start
// of the second join to the first frame of media at whichever side gets one
// later. Sound counts: it is sent at once, pictures wait for a key frame.
func (b bench) setup(ctx context.Context, calls int) error {
	s, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	for _, kind := range []struct {
		name  string
		relay bool
	}{{"direct", false}, {"relay", true}} {
		var times []time.Duration
		for i := range calls {
			d, err := call(ctx, s.socket(), fmt.Sprintf("%s-%d", kind.name, i), kind.relay)
			if err != nil {
				return fmt.Errorf("%s call %d: %w", kind.name, i, err)
			}
			times = append(times, d)
		}
		slices.Sort(times)
		fmt.Printf("setup %s, %d calls: p50 %v, p95 %v, worst %v\n", kind.name, calls,
			percentile(times, 50), percentile(times, 95), percentile(times, 100))
	}
	return nil
}

// percentile takes the nearest rank of sorted times.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)].Round(100 * time.Microsecond)
}

// call sets up one call, and takes it down.
func call(ctx context.Context, url, room string, relay bool) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	first, err := robot.Join(ctx, url, room, robot.Config{Name: "ana", RelayOnly: relay})
	if err != nil {
		return 0, err
	}
	defer first.Close(context.WithoutCancel(ctx))
	start := time.Now()
	second, err := robot.Join(ctx, url, room, robot.Config{Name: "ben", RelayOnly: relay})
	if err != nil {
		return 0, err
	}
	defer second.Close(context.WithoutCancel(ctx))
	for _, side := range []struct{ of, from *robot.Robot }{{first, second}, {second, first}} {
		if err := side.of.WaitMedia(ctx, side.from.ID(), webrtc.RTPCodecTypeAudio); err != nil {
			return 0, err
		}
	}
	took := time.Since(start)
	path, err := second.SelectedPair(first.ID())
	if err != nil {
		return 0, err
	}
	if path.Relayed() != relay {
		return 0, fmt.Errorf("the path is %s/%s", path.Local, path.Remote)
	}
	return took, nil
}
