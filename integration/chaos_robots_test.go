package integration

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/robot"
	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
)

const (
	robotMessages = 500 // each way
	robotAhead    = 60  // of what has come from the other

	// answerIn is how long who offers waits for an answer while its link seems
	// up, before it begins anew with another connection (PROTOCOL.md).
	answerIn = 15 * time.Second
)

// Two robots set up a call and talk, while their links to one server or three
// are cut, stall, are held up until after the next one, or are dead at one end,
// and a server vanishes: nothing is lost, doubled or reordered, and they end up
// with one connection, on which media flows; at most with one more for
// each 15 s in which faults may have kept an answer away.
func TestRobotsLoseNothingWhateverFails(t *testing.T) {
	noLeaks(t)
	runSchedules(t, *robotSchedules, robotMessages, 12, playRobots)
}

func playRobots(t *trial, n *chaos) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	var talkers [2]*talker
	var entering sync.WaitGroup
	for i, name := range callers {
		talkers[i] = &talker{t: t, chaos: n, name: name, changed: make(chan struct{}, 1), here: map[string]bool{}}
		entering.Go(func() { talkers[i].enter(ctx) })
	}
	entering.Wait()
	for _, r := range talkers {
		if r.Robot == nil {
			t.Fatalf("%s: no way in", r.name)
		}
		t.Cleanup(r.leave)
	}
	var talking sync.WaitGroup
	for i, r := range talkers {
		talking.Go(func() { r.talk(ctx, talkers[1-i]) })
	}
	talking.Wait()
	n.quiet()
	for i, r := range talkers {
		r.check(ctx, talkers[1-i])
	}
}

// A talker is a robot that counts, aloud.
type talker struct {
	*robot.Robot
	t       *trial
	chaos   *chaos
	name    string
	changed chan struct{}

	mu   sync.Mutex // guards the following
	here map[string]bool
	had  []int
}

// said is a message: number k, and something to make it longer.
type said struct {
	K   int
	Pad string `json:",omitempty"`
}

func (r *talker) hear(e client.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := e.(type) {
	case client.PeerJoined:
		r.here[e.Peer.ID] = true
	case client.Message:
		var s said
		if err := json.Unmarshal(e.Data, &s); err != nil {
			r.t.Errorf("%s: message %s: %v", r.name, e.Data, err)
		}
		r.had = append(r.had, s.K)
		if r.name == callers[0] {
			r.chaos.progress(len(r.had))
		}
	case client.PeerLeft:
		if !r.chaos.over.Load() {
			r.t.Errorf("%s: %s left: %s", r.name, e.Peer.ID, e.Reason)
		}
	case client.Undelivered:
		r.t.Errorf("%s: undelivered: %v", r.name, e.Err)
	case client.PairFailed:
		r.t.Errorf("%s: the pair failed: %v", r.name, e.Err)
	}
	r.notify()
}

// notify makes who waits look again.
func (r *talker) notify() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// enter joins. The first connection is one attempt, which the proxy may spoil.
func (r *talker) enter(ctx context.Context) {
	i := 0
	if r.name == callers[1] {
		i = 1
	}
	cfg := robot.Config{Name: r.name, NoVideo: r.chaos.plan.seed%4 != 0, OnEvent: r.hear}
	cfg.Receiver.OnFrame = func(media.Frame) { r.notify() }
	cfg.Client.HandshakeTimeout = 3 * time.Second
	for ctx.Err() == nil {
		joined, err := robot.Join(ctx, "ws://"+r.chaos.proxies[i].host()+"/ws", "stage", cfg)
		if err == nil {
			r.Robot = joined
			return
		}
		r.chaos.proxies[i].note("join: %v", err)
	}
}

func (r *talker) leave() {
	r.chaos.over.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = r.Close(ctx) // it may be without a link
}

// until waits for what an event brings.
func (r *talker) until(ctx context.Context, what string, done func() bool) bool {
	for {
		r.mu.Lock()
		ok := done()
		r.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-r.changed:
		case <-r.Client().Done():
			r.t.Errorf("%s, waiting until %s: the session is over: %v", r.name, what, r.Client().Err())
			return false
		case <-ctx.Done():
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Errorf("%s: still not: %s; %d messages; %+v", r.name, what, len(r.had), r.Client().Stats())
			return false
		}
	}
}

// talk sends all messages to the other, none far ahead of what it hears, and
// one more when it has heard all.
func (r *talker) talk(ctx context.Context, other *talker) {
	if !r.until(ctx, "the other is here", func() bool { return r.here[other.ID()] }) {
		return
	}
	for k := 1; k <= robotMessages+1; k++ {
		if !r.until(ctx, "the other has talked", func() bool {
			return len(r.had) >= min(k-robotAhead, robotMessages) && (k <= robotMessages || len(r.had) >= robotMessages)
		}) {
			return
		}
		s := said{K: k}
		if k%50 == 0 {
			s.Pad = strings.Repeat("x", 4000)
		}
		data, _ := json.Marshal(s)
		if err := r.Room().Send(ctx, other.ID(), data); err != nil {
			r.t.Errorf("%s: send %d: %v", r.name, k, err)
			return
		}
	}
	r.until(ctx, "the last message is here", func() bool { return len(r.had) > robotMessages })
}

// check judges what came, and the connection.
func (r *talker) check(ctx context.Context, other *talker) {
	r.mu.Lock()
	had := r.had
	r.mu.Unlock()
	for i, k := range had {
		if k != i+1 {
			r.t.Errorf("%s: message %d is number %d: %v", r.name, i+1, k, had[max(0, i-3):min(len(had), i+20)])
			break
		}
	}
	if r.t.Failed() {
		return
	}
	if err := r.WaitConnected(ctx, other.ID()); err != nil {
		r.t.Errorf("%s: %v", r.name, err)
		return
	}
	before := r.frames(other)
	r.until(ctx, "media flows", func() bool { return r.frames(other) >= before+10 })
	took := time.Since(r.chaos.proxies[0].began)
	most := 1 + int(took/answerIn)
	if report, err := r.Peer(other.ID()); err != nil || report.Connections < 1 || report.Connections > most {
		r.t.Errorf("%s: %d connections in %v, want %d at most; %v", r.name, report.Connections, took, most, err)
	}
}

func (r *talker) frames(other *talker) (frames int) {
	report, _ := r.Peer(other.ID())
	for _, track := range report.Tracks {
		frames += track.Matched
	}
	return frames
}
