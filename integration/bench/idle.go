package main

import (
	"context"
	"fmt"
	"time"
)

// settle is how long a server is left alone before its memory is read.
const settle = 3 * time.Second

// idle measures the memory of connections that have joined, in rooms of two,
// beyond that of a server with one pair.
func (b bench) idle(ctx context.Context, n int) error {
	few, err := b.memory(ctx, 2)
	if err != nil {
		return err
	}
	many, err := b.memory(ctx, n)
	if err != nil {
		return err
	}
	fmt.Printf("idle, %d connections: %.1f KB each (PSS %.1f MB, with one pair %.1f MB)\n",
		n, float64(many-few)/float64(n-2)/1e3, float64(many)/1e6, float64(few)/1e6)
	return nil
}

func (b bench) memory(ctx context.Context, n int) (bytes int, err error) {
	s, err := b.start(ctx, "--no-turn")
	if err != nil {
		return 0, err
	}
	defer s.stop()
	for i := range n / 2 {
		one, two, err := pair(ctx, s.socket(), fmt.Sprintf("idle-%d", i))
		if err != nil {
			return 0, err
		}
		defer one.cut()
		defer two.cut()
	}
	if err := pause(ctx, settle); err != nil {
		return 0, err
	}
	return s.pss()
}
