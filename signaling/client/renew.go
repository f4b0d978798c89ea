package client

import (
	"context"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// renewPause is the least time between two attempts to renew a token.
const renewPause = time.Second

// A life is that of the token that the server goes by.
type life struct {
	ends    time.Time     // zero: never
	renewAt time.Time     // zero: never
	changed chan struct{} // one
}

// expiresLocked notes that the token holds for so many ms, 0 for ever, and is
// to be renewed when three quarters of them are over.
func (c *Client) expiresLocked(ms int64) {
	c.life.ends, c.life.renewAt = time.Time{}, time.Time{}
	if ms > 0 {
		left := time.Duration(ms) * time.Millisecond
		now := time.Now()
		c.life.ends, c.life.renewAt = now.Add(left), now.Add(left*3/4)
	}
	select {
	case c.life.changed <- struct{}{}:
	default:
	}
}

// renewLoop renews the token before it ends, until the client does.
func (c *Client) renewLoop() {
	timer := time.NewTimer(forever)
	defer timer.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.life.changed:
		case <-timer.C:
			c.renewDue()
		}
		timer.Reset(max(c.renewIn(), tick))
	}
}

func (c *Client) renewIn() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.renewAt.IsZero() {
		return forever
	}
	return min(time.Until(c.life.renewAt), forever)
}

// renewDue renews the token if it is time. What fails is tried again when half of
// what is left is over; without a link, the next hello brings a token.
func (c *Client) renewDue() {
	c.mu.Lock()
	due := !c.life.renewAt.IsZero() && !time.Now().Before(c.life.renewAt)
	if due {
		c.life.renewAt = time.Now().Add(max(renewPause, time.Until(c.life.ends)/2))
	}
	linked, ends := c.link != nil, c.life.ends
	c.mu.Unlock()
	if !due || !linked {
		return
	}
	ctx, cancel := context.WithDeadline(c.ctx, ends)
	defer cancel()
	if err := c.Renew(ctx); err != nil {
		c.log.Warn("signaling token not renewed", "peer", c.ID(), "cause", err)
	}
}

// Renew asks Config.Token for a token and shows it to the server, as the client
// does by itself before the old one ends: call it when a new one would grant
// something else. A refusal is a *wire.Error, and changes nothing.
func (c *Client) Renew(ctx context.Context) error {
	if c.config.Token == nil {
		return wire.Refuse(wire.CodeUnauthenticated, "client: Config.Token is nil")
	}
	token, err := c.config.Token(ctx)
	if err != nil {
		return err
	}
	m, err := c.ask(ctx, &wire.Message{Type: wire.TypeToken, Token: token}, nil)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expiresLocked(m.Expires)
	return nil
}
