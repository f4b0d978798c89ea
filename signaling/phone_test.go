package signaling_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/internal/jsep"
)

// The tracks of the two sides. The side that answers has one more than the
// first offer has room for, so that each call needs a second negotiation.
const (
	offererAudio jsep.Track = iota + 1
	answererAudio
	answererVideo
)

// candidates is how many each side gathers for a ufrag, over some time.
const candidates = 4

// A phone is a Driver around model connections.
type phone struct {
	pair *client.Pair
	name string

	mu       sync.Mutex // guards the following
	conn     *jsep.Conn // nil while closed
	pc       uint64
	gathered map[string]int // candidates, by ufrag
	old      []string       // violations of earlier connections
}

func (p *phone) tracks() map[jsep.Track]jsep.Kind {
	if p.pair.Offers() {
		return map[jsep.Track]jsep.Kind{offererAudio: jsep.Audio}
	}
	return map[jsep.Track]jsep.Kind{answererAudio: jsep.Audio, answererVideo: jsep.Video}
}

func (p *phone) Open(_ context.Context, pc uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn, p.pc, p.gathered = jsep.New(fmt.Sprintf("%s.%d", p.name, pc)), pc, map[string]int{}
	if p.pair.Offers() {
		p.conn.AddTrack(jsep.Audio, offererAudio)
	}
	return nil
}

func (p *phone) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.old = append(p.old, p.conn.Violations()...)
	p.conn.Close()
	p.conn = nil
}

func (p *phone) MakeOffer(_ context.Context, restart bool, need client.Need) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn.Receive(jsep.Audio, need.Audio)
	p.conn.Receive(jsep.Video, need.Video)
	offer, err := p.conn.CreateOffer(restart)
	if err == nil {
		err = p.conn.SetLocalDescription(offer)
	}
	p.gather()
	return offer, err
}

func (p *phone) MakeAnswer(_ context.Context, offer string) (string, *client.Need, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.conn.SetRemoteDescription(offer); err != nil {
		return "", nil, err
	}
	var need *client.Need
	for track, kind := range p.tracks() {
		if !p.conn.Has(track) && !p.conn.Attach(kind, track) {
			need = &client.Need{Audio: 1, Video: 1}
		}
	}
	answer, err := p.conn.CreateAnswer()
	if err == nil {
		err = p.conn.SetLocalDescription(answer)
	}
	p.gather()
	return answer, need, err
}

func (p *phone) ApplyAnswer(_ context.Context, answer string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn.SetRemoteDescription(answer)
}

// gather gathers for a new ufrag: half of it at once, the rest over some time.
func (p *phone) gather() {
	for i := range candidates {
		if i < candidates/2 {
			p.gatherOne()
			continue
		}
		conn := p.conn
		time.AfterFunc(time.Duration(i)*7*time.Millisecond, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.conn == conn {
				p.gatherOne()
			}
		})
	}
}

func (p *phone) gatherOne() {
	ufrag, candidate, ok := p.conn.Gather()
	if !ok {
		return
	}
	p.gathered[ufrag]++
	last := p.gathered[ufrag] == candidates
	if last {
		p.conn.EndGathering(ufrag)
	}
	p.pair.Gathered(p.pc, ufrag, []client.Candidate{{Candidate: candidate, UsernameFragment: &ufrag}}, last)
}

func (p *phone) AddCandidates(_ context.Context, ufrag string, list []client.Candidate, end bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range list {
		_ = p.conn.AddCandidate(ufrag, c.Candidate) // is kept among the violations
	}
	if end {
		p.conn.EndCandidates(ufrag)
		p.pair.Connected(p.pc)
	}
}

func (p *phone) Flows() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn != nil && p.conn.AddedAll() && p.conn.GatheredAll()
}

// problems are what is not as it is in a call that is connected.
func (p *phone) problems() (all []string) {
	stable := p.pair.Stable()
	p.mu.Lock()
	defer p.mu.Unlock()
	all = append(all, p.old...)
	if p.conn == nil {
		return append(all, "no connection")
	}
	all = append(all, p.conn.Violations()...)
	if !stable || p.conn.State() != jsep.Stable {
		all = append(all, fmt.Sprintf("the negotiation is at %v, pair stable %v", p.conn.State(), stable))
	}
	for track := range p.tracks() {
		if !p.conn.Sends(track) {
			all = append(all, fmt.Sprintf("track %d is not sent", track))
		}
	}
	_, remote := p.conn.Ufrags()
	var want []string
	for i := range candidates {
		want = append(want, fmt.Sprintf("%s/%d", remote, i+1))
	}
	if got := p.conn.Added(); !slices.Equal(got, want) || !p.conn.AddedAll() {
		all = append(all, fmt.Sprintf("candidates %q, ended %v", got, p.conn.AddedAll()))
	}
	return all
}
