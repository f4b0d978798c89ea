package client

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

// deliveryBound is how much a mailbox keeps of what is not confirmed, and how
// much a delivery keeps of what came too early. PROTOCOL.md section 6.
const deliveryBound = 256 << 10

// parcelCost is what a parcel counts beside its data, so that the empty ones
// have a bound too.
const parcelCost = 64

// A parcel is one frame with an n, kept until the receiver confirms it.
type parcel struct {
	msg    *wire.Message
	room   *Room  // in which it was sent
	id     uint64 // that it was last sent with; 0: not in this session
	queued bool   // it is in the outbox, without an id as yet
	over   bool   // confirmed or given up
}

// A mailbox is what is on its way to one peer, over all rooms. It is pure: no
// clock, no lock.
type mailbox struct {
	last    uint64    // the n given last
	got     uint64    // the highest n that the peer has confirmed
	parcels []*parcel // neither confirmed nor given up, n ascending
	bytes   int       // of their data, and parcelCost each
}

// full reports whether size more bytes have to wait. One parcel always fits.
func (b *mailbox) full(size int) bool {
	return len(b.parcels) > 0 && b.bytes+size+parcelCost > deliveryBound
}

// add gives m the next n and keeps it.
func (b *mailbox) add(m *wire.Message, r *Room) *parcel {
	b.last++
	m.N = b.last
	p := &parcel{msg: m, room: r}
	b.parcels = append(b.parcels, p)
	b.bytes += len(m.Data) + parcelCost
	return p
}

// confirm takes in what the peer has, and reports whether that was news.
func (b *mailbox) confirm(got uint64) bool {
	if got <= b.got {
		return false
	}
	b.got = min(got, b.last)
	b.remove(func(p *parcel) bool { return p.msg.N <= b.got })
	return true
}

// giveUp forgets the parcels that match; the receiver learns by base that they
// do not come. It reports whether there were any.
func (b *mailbox) giveUp(match func(*parcel) bool) bool {
	before := len(b.parcels)
	b.remove(match)
	return len(b.parcels) < before
}

func (b *mailbox) remove(match func(*parcel) bool) {
	kept := b.parcels[:0]
	for _, p := range b.parcels {
		if !match(p) {
			kept = append(kept, p)
			continue
		}
		p.over = true
		b.bytes -= len(p.msg.Data) + parcelCost
	}
	clear(b.parcels[len(kept):])
	b.parcels = kept
}

// base is the lowest n still to come, if there is a gap below it that the
// receiver would wait for, else 0.
func (b *mailbox) base() uint64 {
	lowest := b.last + 1
	if len(b.parcels) > 0 {
		lowest = b.parcels[0].msg.N
	}
	if lowest <= b.got+1 {
		return 0
	}
	return lowest
}
