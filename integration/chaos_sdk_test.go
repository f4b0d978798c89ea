package integration

import (
	"encoding/json"
	"sync"
	"testing"
	"time"
)

const sdkMessages = 50 // each way

// Two pages on the JavaScript SDK, under node and with a model of
// RTCPeerConnection that enforces the JSEP states, go through what the robots
// do.
func TestPagesLoseNothingWhateverFails(t *testing.T) {
	noLeaks(t)
	stage := newNodeStage(t)
	runSchedules(t, *sdkSchedules, sdkMessages, 24, stage.play)
}

// A page is what became of one, as web/test/chaos/talk.mjs tells it.
type page struct {
	ID            string
	State         string // of the room
	Had           []int
	Sent, Settled int
	Errors        []string
	Left          bool // the other has
	Strangers     int  // others that were seen: the same page, before its first welcome was lost
	Connections   int  // RTCPeerConnections made
	Seen          string
	Camera        bool
	Ufrag, Remote string
}

// A nodeStage is one process of node, which plays many schedules.
type nodeStage struct {
	node *nodeProcess

	mu    sync.Mutex // guards the following
	last  int
	plays map[int]*nodePlay
}

type nodePlay struct {
	chaos *chaos
	pages chan []page // one
}

// newNodeStage starts it. It ends with t.
func newNodeStage(t *testing.T) *nodeStage {
	t.Helper()
	s := &nodeStage{plays: map[int]*nodePlay{}}
	s.node = startNode(t, "chaos/talk.mjs", func(text []byte) {
		var line struct {
			ID, Progress int
			Pages        []page
		}
		if err := json.Unmarshal(text, &line); err != nil {
			t.Errorf("node says %q: %v", text, err)
			return
		}
		s.mu.Lock()
		p := s.plays[line.ID]
		s.mu.Unlock()
		switch {
		case p == nil:
		case line.Pages != nil:
			p.pages <- line.Pages
		default:
			p.chaos.progress(line.Progress)
		}
	})
	return s
}

// play plays one schedule.
func (s *nodeStage) play(t *trial, n *chaos) {
	p := &nodePlay{chaos: n, pages: make(chan []page, 1)}
	urls := []string{"http://" + n.proxies[0].host(), "http://" + n.proxies[1].host()}
	s.mu.Lock()
	s.last++
	id := s.last
	s.plays[id] = p
	s.mu.Unlock()
	s.node.tell(map[string]any{
		"id": id, "urls": urls, "messages": sdkMessages, "seed": n.plan.seed, "patience": (4 * patience).Milliseconds(),
	})
	select {
	case pages := <-p.pages:
		for i := range pages {
			pages[i].check(t, callers[i], pages[1-i])
		}
	case <-s.node.ended:
		t.Errorf("node has ended")
	case <-time.After(5 * patience):
		t.Errorf("node does not answer")
	}
	s.mu.Lock()
	delete(s.plays, id)
	s.mu.Unlock()
}

// check judges what came, and the connection.
func (p page) check(t *trial, name string, other page) {
	failed := len(p.Had) != sdkMessages+1 || p.Settled != sdkMessages+1 || p.State != "connected" || p.Left || len(p.Errors) > 0
	for i, k := range p.Had {
		failed = failed || k != i+1
	}
	if failed || p.Seen != "connected connected stable 3" || !p.Camera || p.Remote != other.Ufrag || p.Connections > 1+p.Strangers {
		t.Errorf("%s: %+v", name, p)
	}
}
