package main

import (
	"context"
	"fmt"
)

// selfTest uses TURN as clients will, and logs what does not work. That is an error
// if --strict says so.
func (n *node) selfTest(ctx context.Context) error {
	if n.turn == nil || !n.cfg.SelfTest {
		return nil
	}
	bad := 0
	findings := n.turn.SelfTest(ctx, nil)
	if ctx.Err() != nil {
		return nil // it was stopped
	}
	for _, f := range findings {
		if f.Err != nil {
			bad++
			n.log.Warn("self-test: clients cannot use a URL that they are given", "url", f.URL, "error", f.Err)
		}
	}
	switch {
	case bad == 0:
		n.log.Info("self-test: all URLs that clients are given work, and relay", "urls", len(findings))
	case n.cfg.Strict:
		return fmt.Errorf("self-test: %d of the %d URLs that clients are given do not work, see above; without --strict the server would go on", bad, len(findings))
	}
	return nil
}
