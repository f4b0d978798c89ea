package client

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A phone is a Driver whose connection is up when both descriptions are set
// and both ends' candidates have come, each once and in order.
type phone struct {
	pair *Pair
	fail func(what string) error

	mu         sync.Mutex // guards the following
	open       bool
	opened     int
	pc         uint64
	generation int // of ICE
	offers     int // set on this pc
	answers    int
	remote     string // ufrag
	candidates []string
	ended      bool
	wrong      []string
	short      *Need // what the next answer lacks
	asked      Need  // of the last offer
}

func (p *phone) complain(format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Sprintf(format, args...))
}

func (p *phone) ufrag() string {
	return fmt.Sprintf("%s.%d.%d", p.pair.Room().Client().ID()[:4], p.pc, p.generation)
}

func (p *phone) sdp() string { return "v=0\r\na=ice-ufrag:" + p.ufrag() + "\r\n" }

func (p *phone) Open(_ context.Context, pc uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open || pc <= p.pc {
		p.complain("open %d over %d", pc, p.pc)
	}
	p.open, p.pc, p.generation, p.offers, p.answers, p.remote, p.candidates, p.ended = true, pc, 0, 0, 0, "", nil, false
	p.opened++
	return nil
}

func (p *phone) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open {
		p.complain("closed twice")
	}
	p.open = false
}

func (p *phone) failing(what string) error {
	if p.fail == nil {
		return nil
	}
	return p.fail(what)
}

// gather tells the own candidates, some of them before the description is out.
func (p *phone) gather() {
	ufrag, pc := p.ufrag(), p.pc
	for i := range 4 {
		c := Candidate{Candidate: fmt.Sprintf("candidate:1 1 udp 1 192.0.2.1 %d typ host ufrag %s", i+1, ufrag)}
		p.pair.Gathered(pc, c.Ufrag(), []Candidate{c}, i == 3)
	}
}

func (p *phone) MakeOffer(_ context.Context, restart bool, need Need) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.failing("offer"); err != nil {
		return "", err
	}
	p.asked = need
	if restart {
		p.generation++
	}
	if restart || p.offers == 0 {
		p.gather()
	}
	p.offers++
	return p.sdp(), nil
}

func (p *phone) MakeAnswer(_ context.Context, offer string) (string, *Need, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.failing("answer"); err != nil {
		return "", nil, err
	}
	p.take(offer)
	p.answers++
	short := p.short
	p.short = nil
	return p.sdp(), short, nil
}

func (p *phone) ApplyAnswer(_ context.Context, answer string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.failing("apply"); err != nil {
		return err
	}
	p.take(answer)
	p.answers++
	if p.answers != p.offers {
		p.complain("%d answers to %d offers", p.answers, p.offers)
	}
	return nil
}

// take sets the peer's description.
func (p *phone) take(sdp string) {
	ufrag := strings.TrimSpace(sdp[strings.LastIndex(sdp, ":")+1:])
	if ufrag == p.remote {
		return
	}
	answering := !p.pair.Offers()
	if answering && p.remote != "" {
		p.generation++ // a restart of theirs is one of ours
	}
	p.remote, p.candidates, p.ended = ufrag, nil, false
	if answering {
		p.gather()
	}
}

func (p *phone) AddCandidates(_ context.Context, ufrag string, list []Candidate, end bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ufrag != p.remote || p.ended {
		p.complain("candidates of %s with %s set, ended %v", ufrag, p.remote, p.ended)
	}
	for _, c := range list {
		p.candidates = append(p.candidates, strings.Fields(c.Candidate)[5])
	}
	if p.ended = end; end && slices.Equal(p.candidates, []string{"1", "2", "3", "4"}) {
		p.pair.Connected(p.pc)
	}
}

func (p *phone) Flows() bool { return false }

// check fails unless the connection is as it should be.
func (p *phone) check(t *testing.T, context string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.wrong) > 0 {
		t.Errorf("%s: %v", context, p.wrong)
	}
	if got := strings.Join(p.candidates, " "); !p.open || !p.ended || got != "1 2 3 4" {
		t.Errorf("%s: open %v, pc %d, candidates %q, ended %v", context, p.open, p.pc, got, p.ended)
	}
	if !p.pair.Stable() {
		t.Errorf("%s: not stable", context)
	}
}

// phones makes the drivers of one client; all of them fail as told.
type phones struct {
	fail func(what string) error

	mu   sync.Mutex // guards the following
	list []*phone
}

func (ps *phones) connect(_ context.Context, p *Pair) (Driver, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.list = append(ps.list, &phone{pair: p, fail: ps.fail})
	return ps.list[len(ps.list)-1], nil
}

func (ps *phones) only(t *testing.T) *phone {
	t.Helper()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.list) != 1 {
		t.Fatalf("%d drivers, want 1", len(ps.list))
	}
	return ps.list[0]
}
