//go:build linux

package nat

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// A peer is one end of a call, as a process on a host of the lab.
type peer struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	input  io.Closer
	stderr *log

	mu      sync.Mutex    // guards the following
	report  peerReport    // the last one
	joined  bool          // there is one
	ended   bool          // there will be no other
	changed chan struct{} // closed by the next one
}

// peer starts a peer, and waits until it is in the room. It leaves when the test
// ends.
func (n namespace) peer(t *testing.T, cfg peerConfig) *peer {
	t.Helper()
	cmd, err := self("peer")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, name: cfg.Name, cmd: cmd, stderr: &log{}, changed: make(chan struct{})}
	cmd.Stderr = p.stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err == nil {
		err = n.start(cmd)
	}
	if err == nil {
		err = json.NewEncoder(input).Encode(cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.input = input
	read := make(chan struct{})
	go func() { // ends with the process
		p.read(output)
		close(read)
	}()
	t.Cleanup(func() { p.leave(read) })
	p.until("is in the room", func(peerReport) bool { return p.joined })
	return p
}

// read takes the reports in.
func (p *peer) read(from io.Reader) {
	for in := json.NewDecoder(from); ; {
		var report peerReport
		err := in.Decode(&report)
		p.mu.Lock()
		if err == nil {
			p.report, p.joined = report, true
		} else {
			p.ended = true
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// leave ends the process, and looks how it went.
func (p *peer) leave(read <-chan struct{}) {
	p.input.Close()
	force := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() }) // it may end that moment
	defer force.Stop()
	<-read
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%s ended with %v\n%s", p.name, err, p.stderr)
	}
}

// last is the last report.
func (p *peer) last() peerReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.report
}

// until waits until a report is as it should be, and returns it.
func (p *peer) until(what string, done func(peerReport) bool) peerReport {
	p.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		p.mu.Lock()
		report, ok, ended, changed := p.report, done(p.report), p.ended, p.changed
		p.mu.Unlock()
		if ok {
			return report
		}
		if ended {
			p.t.Fatalf("%s: has ended, and should: %s\n%+v\n%s", p.name, what, report, p.stderr)
		}
		select {
		case <-changed:
		case <-late.C:
			p.t.Fatalf("%s: after %v still not: %s\n%+v\n%s", p.name, patience, what, report, p.stderr)
		}
	}
}

// wantMedia waits for n more pictures, and as many frames of sound.
func (p *peer) wantMedia(n int) peerReport {
	p.t.Helper()
	before := p.last()
	report := p.until("pictures and sound of the other come", func(now peerReport) bool {
		return now.Pictures >= before.Pictures+n && now.Sound >= before.Sound+n
	})
	if report.Harmed > 0 {
		p.t.Errorf("%s: %d frames are not what the other sends: %+v", p.name, report.Harmed, report)
	}
	return report
}

// A log is read while it is written.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
