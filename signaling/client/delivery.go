package client

import (
	"maps"
	"slices"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

const (
	// confirmAfter is how many frames may wait for a confirmation at most.
	confirmAfter = 16
	// maxEarly bounds the number of small frames that came too early. At the
	// default rate a sender needs minutes to have as many under way.
	maxEarly = 8192
)

// A delivery puts the frames of one peer in order and drops those it had. It
// is pure: no clock, no lock.
type delivery struct {
	got   uint64 // the highest n handed up, with all below
	early map[uint64]*wire.Message
	bytes int // of the data in early
	owed  int // frames since the last confirmation
}

// receive takes one frame in and returns those that are to be handed up now,
// in order. A frame without n is handed up as it is.
func (d *delivery) receive(m *wire.Message) []*wire.Message {
	if m.N == 0 {
		up := d.skip(m.Base)
		if m.Type != wire.TypeGot {
			up = append(up, m)
		}
		return up
	}
	d.owed++ // also for one that is known: its confirmation may be what was lost
	d.keep(m)
	return append(d.skip(m.Base), d.ready()...)
}

// confirmed notes that the peer is being told d.got.
func (d *delivery) confirmed() { d.owed = 0 }

func (d *delivery) keep(m *wire.Message) {
	if m.N <= d.got || d.early[m.N] != nil {
		return
	}
	// An honest sender has no more than the bound under way. What another
	// sends beyond that is not worth our memory.
	if m.N != d.got+1 && m.N >= m.Base && (d.bytes+len(m.Data) > deliveryBound || len(d.early) >= maxEarly) {
		return
	}
	if d.early == nil {
		d.early = make(map[uint64]*wire.Message)
	}
	d.early[m.N] = m
	d.bytes += len(m.Data)
}

// skip stops waiting for what is below base; what came of it is handed up.
func (d *delivery) skip(base uint64) (up []*wire.Message) {
	if base <= d.got+1 {
		return nil
	}
	// Not by counting up to base, which is a stranger's number.
	for _, n := range slices.Sorted(maps.Keys(d.early)) {
		if n >= base {
			break
		}
		up = append(up, d.take(n))
	}
	d.got = base - 1
	// The sender has to hear of it, though a got alone calls for none: only
	// then can it tell us of the next gap.
	d.owed++
	return append(up, d.ready()...)
}

func (d *delivery) ready() (up []*wire.Message) {
	for m := d.take(d.got + 1); m != nil; m = d.take(d.got + 1) {
		d.got++
		up = append(up, m)
	}
	return up
}

func (d *delivery) take(n uint64) *wire.Message {
	m := d.early[n]
	if m != nil {
		delete(d.early, n)
		d.bytes -= len(m.Data)
	}
	return m
}
