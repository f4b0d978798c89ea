package signaling

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

// An outbox is what a client still has to be told, or has not acknowledged, in
// the order of seq. Its session's lock guards it.
type outbox struct {
	frames []sized
	head   int    // frames before it were acknowledged
	acked  uint64 // the seq of the frame before frames[head]
	bytes  int
}

type sized struct {
	body *Body
	size int32
}

// last is the highest seq given.
func (o *outbox) last() uint64 { return o.acked + uint64(len(o.frames)-o.head) }

// at returns the frame with that seq, which must be above acked and at most
// last.
func (o *outbox) at(seq uint64) sized { return o.frames[o.head+int(seq-o.acked)-1] }

func (o *outbox) put(b *Body, size int) {
	o.frames = append(o.frames, sized{b, int32(size)})
	o.bytes += size
}

// ack drops all frames up to seq, which must be at most last.
func (o *outbox) ack(seq uint64) {
	for ; o.acked < seq; o.acked++ {
		f := &o.frames[o.head]
		o.bytes -= int(f.size)
		*f = sized{}
		o.head++
	}
	switch live := len(o.frames) - o.head; {
	case live == 0 && cap(o.frames) > 16: // what a burst needed is given back
		o.frames, o.head = nil, 0
	case live == 0:
		o.frames, o.head = o.frames[:0], 0
	case o.head > 32 && o.head > live:
		n := copy(o.frames, o.frames[o.head:])
		clear(o.frames[n:])
		o.frames, o.head = o.frames[:n], 0
	}
}

// clear drops everything, and keeps the numbers.
func (o *outbox) clear() { *o = outbox{acked: o.last()} }

// bodies returns the frames behind acked.
func (o *outbox) bodies() []*Body {
	var all []*Body
	for _, f := range o.frames[o.head:] {
		all = append(all, f.body)
	}
	return all
}

// sizeOf is what a message counts in bounds: about the memory that it takes, with
// its native encoding. For an outbox that shares it with others it is too much.
func sizeOf(m *wire.Message) int { return frameCost + 2*textSize(m) }

// textSize is about the size of the native encoding, which is not made for it:
// many clients read another one.
func textSize(m *wire.Message) int {
	size := 64 + len(m.Room) + len(m.From) + len(m.Ufrag) + len(m.Text) + len(m.Name) + len(m.Data) + len(m.User)
	for _, blob := range m.Blobs {
		size += len(blob) * 4 / 3
	}
	if m.Call != nil {
		size += 64 + len(m.Call.Name)
	}
	if m.Peer != nil {
		size += sizeOfPeer(m.Peer)
	}
	for i := range m.Peers {
		size += sizeOfPeer(&m.Peers[i])
	}
	if m.ICE != nil {
		for _, s := range m.ICE.List {
			size += 64 + len(s.Username) + len(s.Credential)
			for _, u := range s.URLs {
				size += len(u) + 3
			}
		}
	}
	return size
}

func sizeOfPeer(p *wire.Peer) int { return 64 + len(p.User) + len(p.Data) }
