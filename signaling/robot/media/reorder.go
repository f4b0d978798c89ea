package media

import (
	"maps"
	"time"

	"github.com/pion/rtp"
)

const (
	// maxDropout is RFC 3550 A.1's: a step in sequence numbers beyond it is no
	// loss but another stream, once the number after it has come as well.
	maxDropout = 3000
	// maxAbandoned bounds the memory of packets given up on.
	maxAbandoned = 1024
)

// reorder puts packets into the order of their sequence numbers. A packet that
// is missing is waited for until maxHeld packets or maxWait of time have come
// behind it. Pion's samplebuilder does the like for more memory (1 MiB), always
// one packet late, and without telling which packets it missed.
type reorder struct {
	maxHeld int
	maxWait time.Duration

	begun     bool
	next      int64 // sequence number to deliver next, unwrapped
	highest   int64 // seen so far, unwrapped
	held      map[int64]*rtp.Packet
	since     time.Time          // when next was found to be missing; set while held is not empty
	abandoned map[int64]struct{} // given up on, and might still come
	probe     *rtp.Packet        // far off; what comes next decides
	counts    packetCounts
}

type packetCounts struct {
	packets, lost, late, duplicates, reordered, restarts int
}

// continuity says what lies between a packet and the one delivered before it.
type continuity int

const (
	contiguous continuity = iota
	afterLoss
	afterRestart // sequence numbers and timestamps have begun anew
)

type deliver func(p *rtp.Packet, c continuity)

// push takes a packet in and hands on those that are now in order.
func (b *reorder) push(p *rtp.Packet, now time.Time, out deliver) {
	b.counts.packets++
	if !b.begun {
		b.begin(p.SequenceNumber)
	}
	delta := int16(p.SequenceNumber - uint16(b.highest))
	if delta > maxDropout || delta < -maxDropout {
		b.pushFar(p, now, out)
		return
	}
	b.probe = nil
	b.insert(p, b.highest+int64(delta), now, contiguous, out)
}

func (b *reorder) begin(seq uint16) {
	b.begun = true
	b.next = int64(seq) + 1<<16 // so that what is before it is not negative
	b.highest = b.next - 1
	b.held = map[int64]*rtp.Packet{}
	b.abandoned = map[int64]struct{}{}
}

func (b *reorder) pushFar(p *rtp.Packet, now time.Time, out deliver) {
	first := b.probe
	b.probe = p
	if first == nil || p.SequenceNumber != first.SequenceNumber+1 {
		return
	}
	b.flush(out)
	b.probe = nil
	b.begin(first.SequenceNumber)
	b.counts.restarts++
	b.insert(first, b.next, now, afterRestart, out)
	b.insert(p, b.next, now, contiguous, out)
}

func (b *reorder) insert(p *rtp.Packet, seq int64, now time.Time, c continuity, out deliver) {
	if seq < b.next {
		b.countOld(seq)
		return
	}
	if _, twice := b.held[seq]; twice {
		b.counts.duplicates++
		return
	}
	if seq < b.highest {
		b.counts.reordered++
	}
	b.highest = max(b.highest, seq)
	if seq == b.next {
		b.next++
		out(p, c)
		b.drain(now, out)
	} else {
		if len(b.held) == 0 {
			b.since = now
		}
		b.held[seq] = p
	}
	for len(b.held) > b.maxHeld || len(b.held) > 0 && now.Sub(b.since) > b.maxWait {
		b.giveUp(now, out)
	}
}

func (b *reorder) countOld(seq int64) {
	if _, lost := b.abandoned[seq]; lost {
		delete(b.abandoned, seq)
		b.counts.late++
		return
	}
	b.counts.duplicates++
}

// drain hands on what follows without a gap.
func (b *reorder) drain(now time.Time, out deliver) {
	for {
		p, ok := b.held[b.next]
		if !ok {
			break
		}
		delete(b.held, b.next)
		b.next++
		out(p, contiguous)
	}
	b.since = now // if something is still held, another packet is missing
}

// giveUp counts what is missing before the first held packet as lost.
func (b *reorder) giveUp(now time.Time, out deliver) {
	first := b.highest
	for seq := range b.held {
		first = min(first, seq)
	}
	b.counts.lost += int(first - b.next)
	for seq := b.next; seq < first; seq++ {
		b.abandoned[seq] = struct{}{}
	}
	if len(b.abandoned) > maxAbandoned {
		maps.DeleteFunc(b.abandoned, func(seq int64, _ struct{}) bool { return seq < first-maxAbandoned })
	}
	p := b.held[first]
	delete(b.held, first)
	b.next = first + 1
	out(p, afterLoss)
	b.drain(now, out)
}

// flush gives up on everything that is missing.
func (b *reorder) flush(out deliver) {
	for len(b.held) > 0 {
		b.giveUp(b.since, out)
	}
}
