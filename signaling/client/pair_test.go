package client

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

func TestCallIsSetUpWhereverTheLinkIsCut(t *testing.T) {
	for cut := int64(6); cut < 50; cut++ {
		for _, caller := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, signaling.Config{})
				var as, bs phones
				cutting := &plan{}
				cutting.left.Store(cut)
				if caller {
					h.cutBy(cutting)
				}
				a, err := h.tryJoinWith(Config{Connect: as.connect})
				if err != nil {
					return // within Dial: the caller's to repeat
				}
				h.cutBy(nil)
				if !caller {
					h.cutBy(cutting)
				}
				b, err := h.tryJoinWith(Config{Connect: bs.connect})
				if err != nil {
					a.close()
					return
				}
				h.cutBy(nil)
				after(10 * time.Second)
				name := fmt.Sprintf("cut %d of caller %v", cut, caller)
				as.only(t).check(t, name+": a")
				bs.only(t).check(t, name+": b")
				if n := as.only(t).opened; n != 1 {
					t.Errorf("%s: %d connections, want 1", name, n)
				}
				a.close()
				b.close()
			})
		}
	}
}

func TestRenegotiationFromBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		var as, bs phones
		a, b := h.join(Config{Connect: as.connect}), h.join(Config{Connect: bs.connect})
		after(time.Second)
		pa, pb := a.room.Pair(b.client.ID()), b.room.Pair(a.client.ID())
		if pa == nil || pb == nil || !pa.Offers() || pb.Offers() {
			t.Fatal("a does not offer to b")
		}
		for i := range 100 {
			pa.Needed(Need{Audio: i})
			pb.Needed(Need{Video: i % 32})
			if i%10 == 0 {
				pb.Stuck(1)
			}
			if i%3 == 0 {
				after(100 * time.Millisecond)
			}
		}
		after(10 * time.Second)
		as.only(t).check(t, "a")
		bs.only(t).check(t, "b")
		if got := as.only(t).asked.Video; got != 99%32 {
			t.Errorf("the last offer has room for %d videos, want %d", got, 99%32)
		}
		a.close()
		b.close()
	})
}

func TestShortAnswerIsFollowedByAnOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		var as, bs phones
		a := h.join(Config{Connect: as.connect})
		b := h.join(Config{Connect: func(ctx context.Context, p *Pair) (Driver, error) {
			d, err := bs.connect(ctx, p)
			d.(*phone).short = &Need{Video: 2}
			return d, err
		}})
		after(5 * time.Second)
		if p := as.only(t); p.asked.Video != 2 || p.offers != 2 {
			t.Errorf("asked %+v in %d offers", p.asked, p.offers)
		}
		a.close()
		b.close()
	})
}

func TestServerLostDuringACallDoesNotTouchIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		var as, bs phones
		a, b := h.join(Config{Connect: as.connect}), h.join(Config{Connect: bs.connect})
		after(time.Second)
		for range 3 {
			a.room.Pair(b.client.ID()).Needed(Need{Audio: 1})
			b.room.Pair(a.client.ID()).Needed(Need{Audio: 2})
			h.replace()
			after(30 * time.Second)
		}
		as.only(t).check(t, "a")
		bs.only(t).check(t, "b")
		if n := as.only(t).opened; n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		a.close()
		b.close()
	})
}

func TestPeerThatComesBackGetsHigherNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		var as, bs phones
		a, b := h.join(Config{Connect: as.connect}), h.join(Config{Connect: bs.connect})
		after(time.Second)
		for range 3 {
			if err := b.room.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.done.Wait()
			var err error
			if b.room, err = b.client.Join(t.Context(), "r", nil); err != nil {
				t.Fatal(err)
			}
			b.done.Go(b.read)
			after(time.Second)
		}
		last := as.list[len(as.list)-1]
		last.check(t, "a")
		bs.list[len(bs.list)-1].check(t, "b")
		if len(as.list) != 4 || last.pc != 4 {
			t.Errorf("%d pairs, the last with pc %d, want 4 and 4", len(as.list), last.pc)
		}
		a.close()
		b.close()
	})
}

func TestPairThatCannotConnectIsGivenUpAndRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		broken := true
		as := phones{fail: func(what string) error {
			if broken && what == "apply" {
				return errors.New("no codec in common")
			}
			return nil
		}}
		var bs phones
		a, b := h.join(Config{Connect: as.connect}), h.join(Config{Connect: bs.connect})
		after(5 * time.Second)
		if got, want := a.told(), "PeerJoined PairFailed"; got != want {
			t.Errorf("a was told %s, want %s", got, want)
		}
		if n := as.only(t).opened; n != 4 {
			t.Errorf("%d attempts, want 4", n)
		}
		broken = false
		a.room.Pair(b.client.ID()).Retry()
		after(5 * time.Second)
		as.only(t).check(t, "a")
		bs.only(t).check(t, "b")
		a.close()
		b.close()
	})
}

func TestOfferWithoutAnswerIsRepeatedOnANewConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		var as phones
		a, b := h.join(Config{Connect: as.connect}), h.join(Config{}) // b does not negotiate
		after(46 * time.Second)
		if n := as.only(t).opened; n != 4 {
			t.Errorf("%d connections after 46 s, want 4", n)
		}
		h.block(true)
		h.last().Cut() // while b is away there is nothing to wait for
		after(40 * time.Second)
		if n := as.only(t).opened; n != 4 {
			t.Errorf("%d connections, want 4: the clock stands", n)
		}
		h.block(false)
		a.close()
		b.close()
	})
}

// A peer that comes and goes under new ids must not fill the memory: of a pair
// that is over only the numbers are kept.
func TestPairThatIsOverIsForgotten(t *testing.T) {
	h := newHarness(t, signaling.Config{})
	a := h.join(Config{Connect: func(context.Context, *Pair) (Driver, error) { return nil, errors.New("no") }})
	b := h.join(Config{})
	ended := func() weak.Pointer[Pair] {
		for a.room.Pair(b.client.ID()) == nil {
			time.Sleep(time.Millisecond)
		}
		p := a.room.Pair(b.client.ID())
		b.close()
		<-p.Done()
		return weak.Make(p)
	}()
	for left := 1000; ended.Value() != nil; left-- {
		if left == 0 {
			t.Fatal("the pair is kept")
		}
		time.Sleep(time.Millisecond)
		runtime.GC()
	}
	a.close()
}
