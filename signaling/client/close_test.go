package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

func TestCloseEndsWithoutTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		h.last().Stall() // b's: the bye is not heard
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.client.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the end of ctx", err)
		}
		b.done.Wait()
		h.block(true)
		h.cutAll()
		synctest.Wait()
		a.close() // while it is reconnecting
	})
}

// TestByeIsSaidOnANewConnection closes a client that waits to try again: the
// others see at once that it has left.
func TestByeIsSaidOnANewConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		h.block(true)
		h.last().Cut() // b's
		after(20 * time.Second)
		h.block(false)
		start := time.Now()
		b.close()
		synctest.Wait()
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
		if got, want := a.told(), "PeerJoined PeerAway PeerBack(true) PeerLeft(left)"; got != want {
			t.Errorf("a was told %s, want %s", got, want)
		}
		a.close()
	})
}

// TestCloseTriesOnce closes a client that no server answers.
func TestCloseTriesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a := h.join(Config{})
		h.block(true)
		h.last().Cut()
		after(5 * time.Second)
		start := time.Now()
		a.close()
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
	})
}
