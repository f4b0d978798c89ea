package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/robot"
	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
)

const (
	audio = webrtc.RTPCodecTypeAudio
	video = webrtc.RTPCodecTypeVideo
)

// patience is how long one wait may take, on a machine with other work.
const patience = 40 * time.Second

// A scene is one room of a server, and the robots in it.
type scene struct {
	t      *testing.T
	url    string // of the WebSocket
	ctx    context.Context
	actors []*actor
	stalls *stallWatch
	deaf   bool // who joins is not told what would restrain them: see deafConn

	mu      sync.Mutex // guards the following
	changed chan struct{}
}

// newScene is for a server that has been started, or that is started before
// the first robot joins. When the test ends, no goroutine of it is left.
func newScene(t *testing.T, url string) *scene {
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	t.Cleanup(cancel)
	return &scene{t: t, url: url, ctx: ctx, stalls: watchStalls(t), changed: make(chan struct{})}
}

// notify makes those who wait look again.
func (s *scene) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// until waits for done, which is asked after each event and now and then while
// media comes.
func (s *scene) until(what string, done func() bool) {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if done() {
			return
		}
		select {
		case <-changed:
		case <-late.C:
			s.t.Fatalf("after %v still not: %s\n%s", patience, what, s.dump())
		}
	}
}

// dump is everything the robots know, for a test that fails.
func (s *scene) dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the process got no processor for at most %v\n", s.stalls.get())
	for _, a := range s.actors {
		fmt.Fprintf(&b, "%s: client %+v, error %v\n  events %q\n", a.name, a.Client().Stats(), a.Client().Err(), a.heard())
		for _, p := range a.Report().Peers {
			pair := a.Room().Pair(p.ID)
			fmt.Fprintf(&b, "  %s: %s, stable %v, connections %d, m-lines %d, path %+v, error %v\n",
				p.ID, p.State, pair != nil && pair.Stable(), p.Connections, p.MLines, p.Path, p.Err)
			for _, track := range p.Tracks {
				fmt.Fprintf(&b, "    %s of %s: ended %v, %d frames, %v\n", track.Kind, track.Sender, track.Ended, track.Frames, track.Intact())
			}
		}
	}
	return b.String()
}

// An actor is a robot, and what the test has seen of it.
type actor struct {
	*robot.Robot
	scene *scene
	name  string   // of its clip, which no other in the scene has
	net   *network // between it and the signaling server

	mu     sync.Mutex // guards the following
	names  map[string]string
	events []string
}

// join brings in a robot with the clip of that name. Adjust may be nil.
func (s *scene) join(name string, adjust func(*robot.Config)) *actor {
	s.t.Helper()
	a := &actor{scene: s, name: name, net: &network{notify: s.notify, deaf: s.deaf}, names: map[string]string{}}
	var frames atomic.Int64
	cfg := robot.Config{Name: name, OnEvent: a.hear}
	cfg.Receiver.OnFrame = func(media.Frame) {
		if frames.Add(1)%8 == 0 { // what waits may ask a lot each time
			s.notify()
		}
	}
	if adjust != nil {
		adjust(&cfg)
	}
	cfg.Client.NetDial = a.net.dial
	r, err := robot.Join(s.ctx, s.url, "stage", cfg)
	if err != nil {
		s.t.Fatalf("%s: join: %v", name, err)
	}
	a.Robot = r
	s.actors = append(s.actors, a)
	s.t.Cleanup(a.leave)
	return a
}

// leave ends the robot. It may be done more than once.
func (a *actor) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := a.Close(ctx); err != nil {
		a.scene.t.Errorf("%s: close: %v", a.name, err)
	}
}

// hear writes an event down: its kind, who, and what else there is to it.
func (a *actor) hear(e client.Event) {
	a.mu.Lock()
	switch e := e.(type) {
	case client.PeerJoined:
		var metadata struct{ Name string }
		_ = json.Unmarshal(e.Peer.Data, &metadata)
		a.names[e.Peer.ID] = metadata.Name
		a.noteLocked("joined", e.Peer.ID)
	case client.PeerUpdated:
		a.noteLocked("updated", e.Peer.ID)
	case client.PeerAway:
		a.noteLocked("away", e.Peer.ID)
	case client.PeerBack:
		a.noteLocked("back", e.Peer.ID, map[bool]string{true: "resumed", false: "anew"}[e.Resumed])
	case client.PeerLeft:
		a.noteLocked("left", e.Peer.ID, string(e.Reason))
	case client.Message:
		a.noteLocked("message", e.From, string(e.Data))
	case client.Undelivered:
		a.noteLocked("undelivered", e.To, string(e.Data), e.Err.Error())
	case client.PairFailed:
		a.noteLocked("failed", e.Peer.ID, e.Err.Error())
	}
	a.mu.Unlock()
	a.scene.notify()
}

func (a *actor) noteLocked(kind, peer string, more ...string) {
	a.events = append(a.events, strings.Join(append([]string{kind, a.names[peer]}, more...), " "))
}

// heard is all events so far.
func (a *actor) heard() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.events)
}

// messages are the data of all messages so far, and others the other events.
func (a *actor) messages() (data, others []string) {
	for _, e := range a.heard() {
		if message, ok := strings.CutPrefix(e, "message "); ok {
			_, message, _ = strings.Cut(message, " ")
			data = append(data, message)
		} else {
			others = append(others, e)
		}
	}
	return data, others
}

// waitEvent waits until that event has come.
func (a *actor) waitEvent(event string) {
	a.scene.t.Helper()
	a.scene.until(a.name+" hears "+event, func() bool { return slices.Contains(a.heard(), event) })
}

// wantEvents compares all events, messages aside.
func (a *actor) wantEvents(want ...string) {
	a.scene.t.Helper()
	if _, got := a.messages(); !slices.Equal(got, want) {
		a.scene.t.Errorf("%s heard %q, want %q", a.name, got, want)
	}
}

// say sends messages to another.
func (a *actor) say(to *actor, messages ...string) {
	a.scene.t.Helper()
	for _, m := range messages {
		if err := a.Room().Send(a.scene.ctx, to.ID(), json.RawMessage(m)); err != nil {
			a.scene.t.Fatalf("%s: send %s: %v", a.name, m, err)
		}
	}
}

// noLeaks fails the test if goroutines that it started are still there some
// time after it. It has to come before anything else in the test.
func noLeaks(t *testing.T) {
	before := map[string]bool{}
	for id := range goroutines() {
		before[id] = true
	}
	t.Cleanup(func() {
		if t.Failed() {
			return // what has not ended has not cleaned up
		}
		for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
			left := ""
			for id, stack := range goroutines() {
				if !before[id] {
					left += stack + "\n\n"
				}
			}
			if left == "" {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("goroutines are left:\n%s", left)
				return
			}
		}
	})
}

// goroutines are the stacks of all but the calling one, by id.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	stacks := map[string]string{}
	for i, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		id, _, _ := strings.Cut(stack, " [")
		if i > 0 {
			stacks[id] = stack
		}
	}
	return stacks
}
