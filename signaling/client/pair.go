package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/internal/negotiation"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// maxPairQueue bounds what a peer can make a pair remember while its driver is
// busy. No honest peer comes near.
const maxPairQueue = 2 << 20

var (
	errPairOver    = errors.New("client: the pair is over")
	errPairFlooded = errors.New("client: the peer sends faster than its connection can be negotiated")
)

// A Pair is the negotiation with one peer in one room, from its joining to its
// leaving: section 7 of PROTOCOL.md, with a Driver to carry it out. The client
// makes it, with Config.Connect. Its methods are how the driver tells what
// happened; they never block, and may be called from any goroutine. Those with
// a pc are about that connection, and do nothing when it is not the newest.
type Pair struct {
	room   *Room
	peer   Peer // as it joined
	ctx    context.Context
	cancel context.CancelCauseFunc
	events *stream[pairEvent]
	done   chan struct{}
	stable atomic.Bool

	// Owned by run.
	machine *negotiation.Machine
	driver  Driver
	openErr error // of the connection that could not be made
	timer   *time.Timer
	timing  uint64 // which of the timers is the last one
	legacy  *legacy
}

// A legacy is what an offering pair leaves to the next one of the same two
// peers: the numbers of its connections. The pair itself is not kept for that,
// with all that its peer had sent.
type legacy struct {
	done    <-chan struct{}      // of the pair
	machine *negotiation.Machine // static once done is closed; nil: it never began
}

// A pairEvent is an event, and for a Timer which timer it is of.
type pairEvent struct {
	negotiation.Event
	timing uint64
}

// Room is where the pair is.
func (p *Pair) Room() *Room { return p.room }

// Peer is the other side, as it was when it joined.
func (p *Pair) Peer() Peer { return p.peer }

// Offers reports whether this side makes the offers.
func (p *Pair) Offers() bool { return !p.peer.Offers }

// Done is closed when the pair is over and its driver closed.
func (p *Pair) Done() <-chan struct{} { return p.done }

// Stable reports whether no negotiation is under way or wanted, as far as this
// side knows.
func (p *Pair) Stable() bool { return p.stable.Load() }

// Needed says that the own tracks have changed, and what there is to send now.
// It leads to an offer: from here, or asked for from the peer.
func (p *Pair) Needed(need Need) {
	n := negotiation.Need(need)
	p.push(negotiation.Event{Kind: negotiation.Needed, Need: &n})
}

// Gathered passes own candidates on, all of the same ufrag; end says that no
// more come for it.
func (p *Pair) Gathered(pc uint64, ufrag string, list []Candidate, end bool) {
	if list == nil {
		list = []Candidate{}
	}
	p.push(negotiation.Event{Kind: negotiation.Gathered, PC: pc, Ufrag: ufrag, End: end, Data: encode(list)})
}

// Connected says that ICE and DTLS are up.
func (p *Pair) Connected(pc uint64) { p.push(negotiation.Event{Kind: negotiation.Connected, PC: pc}) }

// Stuck says that ICE has failed or nothing arrives: an ICE restart may help.
func (p *Pair) Stuck(pc uint64) { p.push(negotiation.Event{Kind: negotiation.Stuck, PC: pc}) }

// Broken says that the connection is closed or has failed for good: a new one
// is needed.
func (p *Pair) Broken(pc uint64, reason string) {
	p.push(negotiation.Event{Kind: negotiation.Broken, PC: pc, Reason: reason})
}

// Retry begins again after PairFailed, if this side makes the offers.
func (p *Pair) Retry() { p.push(negotiation.Event{Kind: negotiation.Begin}) }

func (p *Pair) push(ev negotiation.Event) { p.pushTimed(pairEvent{Event: ev}) }

func (p *Pair) pushTimed(ev pairEvent) {
	p.stable.Store(false) // until it has been handled
	if p.events.push(ev, len(ev.Data)+eventCost) > maxPairQueue {
		p.cancel(errPairFlooded)
	}
}

// receive takes a message of the peer in.
func (p *Pair) receive(m *wire.Message) {
	p.push(negotiation.Event{
		Kind: negotiation.EventKind(m.Type), PC: m.PC, Gen: m.Gen, Ufrag: m.Ufrag, End: m.End, Data: m.Data,
	})
}

// presence says whether the peer is there; a nil Pair does not mind.
func (p *Pair) presence(here bool) {
	switch {
	case p == nil:
	case here:
		p.push(negotiation.Event{Kind: negotiation.PeerBack})
	default:
		p.push(negotiation.Event{Kind: negotiation.PeerAway})
	}
}

// linked says whether the client is; a nil Pair does not mind.
func (p *Pair) linked(up bool) {
	switch {
	case p == nil:
	case up:
		p.push(negotiation.Event{Kind: negotiation.LinkUp})
	default:
		p.push(negotiation.Event{Kind: negotiation.LinkDown})
	}
}

// end ends the pair; a nil Pair does not mind.
func (p *Pair) end() {
	if p != nil {
		p.cancel(errPairOver)
	}
}

// startPairLocked makes the pair of a new member.
func (r *Room) startPairLocked(m *member) {
	c := r.client
	if c.config.Connect == nil {
		return
	}
	p := &Pair{room: r, peer: m.peer, events: newStream[pairEvent](), done: make(chan struct{})}
	p.legacy = &legacy{done: p.done}
	p.ctx, p.cancel = context.WithCancelCause(c.ctx)
	if c.link == nil {
		p.linked(false)
	}
	if m.peer.Away {
		p.presence(false)
	}
	m.pair = p
	key := pairKey{r.name, m.peer.ID}
	before := c.before[key]
	if p.Offers() {
		c.before[key] = p.legacy
	}
	c.pairs.Go(func() { p.run(before) }) // ends with p.ctx
}

// A pairKey names a pair also when one of its peers has left and come again.
type pairKey struct{ room, peer string }

// run carries the negotiation until the pair is over. The one before it of the
// same key, if there was one, closes first, and leaves its pc numbers.
func (p *Pair) run(before *legacy) {
	defer close(p.done)
	defer p.cancel(errPairOver)
	defer p.events.end(errPairOver)
	if before != nil {
		<-before.done
		p.machine = before.machine
	}
	if p.machine == nil {
		p.machine = negotiation.New(p.Offers())
	}
	p.legacy.machine = p.machine
	driver, err := p.room.client.config.Connect(p.ctx, p)
	if err != nil {
		p.failed(fmt.Errorf("client: connect to %s: %w", p.peer.ID, err))
		return
	}
	p.driver = driver
	p.handle(negotiation.Event{Kind: negotiation.Begin})
	for {
		ev, err := p.events.next(p.ctx)
		if err != nil {
			break
		}
		if ev.Kind == negotiation.Timer {
			if ev.timing != p.timing {
				continue // it was stopped while it fired
			}
			ev.Flows = p.driver.Flows()
		}
		p.handle(ev.Event)
	}
	p.handle(negotiation.Event{Kind: negotiation.End})
	if errors.Is(context.Cause(p.ctx), errPairFlooded) {
		p.failed(errPairFlooded)
	}
}

// failed tells the application that there is no connection to this peer. What
// fails because the pair is over is no news.
func (p *Pair) failed(err error) {
	if p.ctx.Err() != nil && !errors.Is(err, errPairFlooded) {
		return
	}
	c := p.room.client
	c.log.Warn("pair failed", "room", p.room.name, "peer", p.peer.ID, "cause", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	p.room.emitLocked(PairFailed{Peer: p.peer, Err: err}, 0)
}

// handle takes in one event and what comes of it.
func (p *Pair) handle(ev negotiation.Event) {
	for todo := []negotiation.Event{ev}; len(todo) > 0; todo = todo[1:] {
		for _, a := range p.machine.Handle(todo[0]) {
			if result, ok := p.do(a); ok {
				todo = append(todo, result)
			}
		}
	}
	p.stable.Store(p.machine.Stable() && p.events.empty())
}

// do carries out one action; some end in an event.
func (p *Pair) do(a negotiation.Action) (result negotiation.Event, ok bool) {
	switch a.Kind {
	case negotiation.Open:
		p.openErr = p.driver.Open(p.ctx, a.PC)
	case negotiation.Close:
		if p.openErr == nil {
			p.driver.Close()
		}
	case negotiation.MakeOffer:
		return p.makeOffer(a), true
	case negotiation.MakeAnswer:
		return p.makeAnswer(a), true
	case negotiation.ApplyAnswer:
		return p.applyAnswer(a), true
	case negotiation.AddCandidates:
		if p.openErr == nil {
			p.driver.AddCandidates(p.ctx, a.Ufrag, parseCandidates(a.Data), a.End)
		}
	case negotiation.Send:
		p.send(a)
	case negotiation.StartTimer:
		p.startTimer()
	case negotiation.StopTimer:
		p.timing++
		p.timer.Stop()
	case negotiation.GiveUp:
		p.failed(fmt.Errorf("client: no connection with %s after %d attempts: %s", p.peer.ID, negotiation.MaxFailures+1, a.Reason))
	}
	return negotiation.Event{}, false
}

func (p *Pair) makeOffer(a negotiation.Action) negotiation.Event {
	err := p.openErr
	var sdp string
	if err == nil {
		var need Need
		if a.Need != nil {
			need = Need(*a.Need)
		}
		sdp, err = p.driver.MakeOffer(p.ctx, a.Restart, need)
	}
	return result(a, negotiation.Made, encode(description{"offer", sdp}), err)
}

func (p *Pair) makeAnswer(a negotiation.Action) negotiation.Event {
	err := p.openErr
	var offer description
	if err == nil {
		err = json.Unmarshal(a.Data, &offer)
	}
	var sdp string
	var need *Need
	if err == nil {
		sdp, need, err = p.driver.MakeAnswer(p.ctx, offer.SDP)
	}
	ev := result(a, negotiation.Made, encode(description{"answer", sdp}), err)
	if need != nil && err == nil {
		ev.Need = &negotiation.Need{Audio: need.Audio, Video: need.Video, Data: need.Data}
	}
	return ev
}

func (p *Pair) applyAnswer(a negotiation.Action) negotiation.Event {
	var answer description
	err := json.Unmarshal(a.Data, &answer)
	if err == nil {
		err = p.driver.ApplyAnswer(p.ctx, answer.SDP)
	}
	return result(a, negotiation.Applied, nil, err)
}

func result(a negotiation.Action, kind negotiation.EventKind, data json.RawMessage, err error) negotiation.Event {
	if err != nil {
		return negotiation.Event{Kind: negotiation.Failed, PC: a.PC, Gen: a.Gen, Reason: err.Error()}
	}
	return negotiation.Event{Kind: kind, PC: a.PC, Gen: a.Gen, Data: data}
}

func (p *Pair) send(a negotiation.Action) {
	m := &wire.Message{Type: a.Type, To: p.peer.ID, PC: a.PC, Gen: a.Gen, Ufrag: a.Ufrag, End: a.End, Data: a.Data}
	if err := p.room.send(p.ctx, m); err != nil {
		p.failed(fmt.Errorf("client: %s to %s: %w", a.Type, p.peer.ID, err))
	}
}

func (p *Pair) startTimer() {
	p.timing++
	timing := p.timing
	p.timer = time.AfterFunc(negotiation.Patience, func() {
		p.pushTimed(pairEvent{Event: negotiation.Event{Kind: negotiation.Timer}, timing: timing})
	})
}
