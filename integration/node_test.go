package integration

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// A nodeProcess is a script of web/test, which is told and tells by lines of JSON.
type nodeProcess struct {
	t     *testing.T
	ended chan struct{} // it says no more

	mu    sync.Mutex // guards the following
	stdin io.WriteCloser
}

// startNode starts a script, and has hear called with each line that it says,
// one at a time. It ends with t.
func startNode(t *testing.T, script string, hear func(line []byte)) *nodeProcess {
	t.Helper()
	if _, err := os.Stat("../web/node_modules/ws"); err != nil {
		t.Fatalf("the WebSocket for node is missing: run make install: %v", err)
	}
	cmd := exec.Command("node", "../web/test/"+script)
	cmd.Stderr = os.Stderr
	n := &nodeProcess{t: t, ended: make(chan struct{})}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		n.stdin, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	go func() { // ends with the process
		defer close(n.ended)
		lines := bufio.NewScanner(stdout)
		for lines.Buffer(nil, 1<<20); lines.Scan(); {
			hear(lines.Bytes())
		}
	}()
	t.Cleanup(func() {
		_ = n.stdin.Close()
		<-n.ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	return n
}

// tell gives the script a line. One that cannot be told fails the test.
func (n *nodeProcess) tell(v any) {
	n.t.Helper()
	line, err := json.Marshal(v)
	if err == nil {
		n.mu.Lock()
		_, err = n.stdin.Write(append(line, '\n'))
		n.mu.Unlock()
	}
	if err != nil {
		n.t.Errorf("node: %v", err)
	}
}
