package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// run keeps the session linked until it is over. It owns the goroutines of
// the links, and is the last to go.
func (c *Client) run(l *link) {
	defer close(c.done)
	err := c.stayLinked(l)
	c.finish(err)
	c.pairs.Wait()
}

// stayLinked returns why the session is over.
func (c *Client) stayLinked(l *link) error {
	retry := backoff{random: rand.Float64}
	for {
		cause := c.attend(l)
		if time.Since(l.began) >= steadyAfter {
			retry.reset()
		}
		next, err := c.reconnect(cause, &retry)
		l.cut()
		<-l.over
		if err != nil {
			return err
		}
		l = next
	}
}

// attend waits until the link is over or taken for dead, and returns why.
func (c *Client) attend(l *link) error {
	go c.carry(l) // ends when the link is cut
	var cause error
	select {
	case <-l.over:
		cause = l.cause
		c.mu.Lock()
		c.dropLocked(l)
		c.mu.Unlock()
	case <-l.suspect:
		cause = errSuspect
	case <-c.ctx.Done():
		cause = context.Cause(c.ctx)
	}
	c.log.Info("signaling link lost", "peer", c.ID(), "cause", cause)
	return cause
}

// dropLocked makes l count no more.
func (c *Client) dropLocked(l *link) {
	if c.link == l {
		c.link = nil
		c.linkChangedLocked()
	}
}

// reconnect tries until there is a new link or it cannot be.
func (c *Client) reconnect(cause error, retry *backoff) (*link, error) {
	c.mu.Lock()
	window := time.Duration(c.welcome.Window+c.welcome.Dead) * time.Millisecond
	token := c.welcome.Token
	c.mu.Unlock()
	// The server counts the window from when it misses us, which may be the
	// time of a heartbeat later.
	ctx, cancel := context.WithTimeoutCause(c.ctx, window, cause)
	defer cancel()
	first, refusedToken := true, false
	for {
		wait, err := c.verdict(cause, token, &refusedToken)
		if err != nil {
			return nil, err
		}
		if first {
			first, refusedToken = false, false // it was not a hello's token: the session's has ended
		}
		if err := c.pause(ctx, max(wait, retry.next())); err != nil {
			return nil, c.windowPassed(cause)
		}
		l, err := c.connect(ctx)
		if err == nil {
			return l, nil
		}
		c.log.Info("signaling connection failed", "peer", c.ID(), "cause", err)
		if ctx.Err() != nil {
			return nil, c.windowPassed(cause)
		}
		cause = err
	}
}

// verdict says for how long to wait before the next attempt, or why there is
// none.
func (c *Client) verdict(cause error, token string, refusedToken *bool) (time.Duration, error) {
	if c.ctx.Err() != nil || c.saidFarewell() {
		return 0, c.ended()
	}
	retry, after := retryOf(cause)
	switch retry {
	case wire.RetryNever, wire.RetryFresh:
		return 0, cause
	case wire.RetryAuthenticate:
		if c.config.Token == nil || *refusedToken {
			return 0, cause
		}
		*refusedToken = true
	}
	if token == "" {
		return 0, fmt.Errorf("client: connection lost, and the session cannot be resumed: %w", cause)
	}
	return after, nil
}

// saidFarewell reports whether a client that closes is to give up. It is not when
// it is first asked: the server may not have heard the bye, so there is one attempt
// more.
func (c *Client) saidFarewell() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := c.farewell
	c.farewell = c.closing
	return said
}

func (c *Client) ended() error {
	if err := context.Cause(c.ctx); err != nil {
		return err
	}
	return ErrClosed
}

// windowPassed is the error for a session that the server has forgotten.
func (c *Client) windowPassed(cause error) error {
	if c.ctx.Err() != nil {
		return c.ended()
	}
	gone := wire.Refuse(wire.CodeSessionGone, "no connection within the resume window")
	return errors.Join(gone, cause)
}

// finish makes everything that waits for the session return err.
func (c *Client) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		err = ErrClosed
	}
	c.link, c.err = nil, err
	c.endRoomsLocked(err)
	c.endCallsLocked(err)
	c.told.end(err)
	for id, r := range c.requests {
		delete(c.requests, id)
		r.fail(err)
	}
	for _, f := range c.out.queue { // without id, so not among c.requests as yet
		if f.request != nil {
			f.request.fail(err)
		}
	}
	c.spaceLocked()
	c.cancel(err)
	c.log.Info("signaling session over", "peer", c.welcome.Peer, "cause", err)
}

// pause waits for d, while the client is not being closed, or returns ctx's error.
func (c *Client) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, tick))
	defer timer.Stop()
	select {
	case <-c.leaving:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err()
	}
}
