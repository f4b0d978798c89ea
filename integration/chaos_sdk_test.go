package integration

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

const sdkMessages = 50 // each way

// Two pages on the JavaScript SDK, under node and with a model of
// RTCPeerConnection that enforces the JSEP states, go through what the robots
// do.
func TestSDKSchedules(t *testing.T) {
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
	t       *testing.T
	reading sync.WaitGroup
	ended   chan struct{} // there are no more answers

	mu    sync.Mutex // guards the following
	stdin io.WriteCloser
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
	if _, err := os.Stat("../web/node_modules/ws"); err != nil {
		t.Fatalf("the WebSocket for node is missing: run make install: %v", err)
	}
	cmd := exec.Command("node", "../web/test/chaos/talk.mjs")
	cmd.Stderr = os.Stderr
	s := &nodeStage{t: t, ended: make(chan struct{}), plays: map[int]*nodePlay{}}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		s.stdin, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	s.reading.Go(func() { s.read(stdout) }) // ends with the process
	t.Cleanup(func() {
		_ = s.stdin.Close()
		s.reading.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return s
}

func (s *nodeStage) read(stdout io.Reader) {
	defer close(s.ended)
	lines := bufio.NewScanner(stdout)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var line struct {
			ID, Progress int
			Pages        []page
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			s.t.Errorf("node says %q: %v", lines.Bytes(), err)
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
	}
}

// play plays one schedule.
func (s *nodeStage) play(t *trial, n *chaos) {
	p := &nodePlay{chaos: n, pages: make(chan []page, 1)}
	urls := []string{"http://" + n.proxies[0].host(), "http://" + n.proxies[1].host()}
	s.mu.Lock()
	s.last++
	id := s.last
	s.plays[id] = p
	line, _ := json.Marshal(map[string]any{
		"id": id, "urls": urls, "messages": sdkMessages, "seed": n.plan.seed, "patience": (4 * patience).Milliseconds(),
	})
	_, err := s.stdin.Write(append(line, '\n'))
	s.mu.Unlock()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	select {
	case pages := <-p.pages:
		for i := range pages {
			pages[i].check(t, callers[i], pages[1-i])
		}
	case <-s.ended:
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
