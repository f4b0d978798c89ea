package integration

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// buildTime bounds a build from an empty cache on a busy machine.
	buildTime = 5 * time.Minute
	// startTime and endTime bound what a signal process takes to be ready, and
	// to stop: it tells its clients first.
	startTime = 30 * time.Second
	endTime   = 20 * time.Second
)

// guardedSignal runs its arguments until they end, or until nobody holds the
// other end of descriptor 3 any more: a server must not outlive a test binary
// that ran into its -timeout, where no cleanup runs.
const guardedSignal = `{ read -r _; kill -KILL 0; } <&3 >/dev/null 2>&1 & exec "$@" 3<&-`

// buildSignal builds the program that users run, with the race detector if the
// test has it.
func buildSignal(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "signal")
	args := []string{"build", "-o", program}
	if raceDetector() {
		args = append(args, "-race")
	}
	ctx, cancel := context.WithTimeout(t.Context(), buildTime)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "go", append(args, "../cmd/signal")...).CombinedOutput(); err != nil {
		t.Fatalf("build signal: %v\n%s", err, out)
	}
	return program
}

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

// A signalProcess is `signal serve` as a user runs it.
type signalProcess struct {
	t    *testing.T
	url  string   // of the page, kept over a restart
	args []string // --listen with the port that was chosen at first

	cmd    *exec.Cmd
	guard  *os.File // closed to end the process, should it still be there
	stderr *signalLog
}

// serveSignal starts the program on free ports with more args, and waits until
// it is ready. It ends with the test, which fails if it does not end well.
func serveSignal(t *testing.T, program string, args ...string) *signalProcess {
	t.Helper()
	p := &signalProcess{t: t, args: append([]string{program, "serve",
		"--listen", "127.0.0.1:0", "--turn-listen", "127.0.0.1:0",
		"--resume-key", strings.Repeat("integration", 3), "--log-level", "debug"}, args...)}
	p.start()
	t.Cleanup(p.stop)
	return p
}

// start runs the program. A second time it is at the address of the first.
func (p *signalProcess) start() {
	p.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	defer read.Close()
	p.guard, p.stderr = write, &signalLog{}
	p.cmd = exec.Command("sh", append([]string{"-c", guardedSignal, "sh"}, p.args...)...)
	p.cmd.Stderr, p.cmd.ExtraFiles = p.stderr, []*os.File{read}
	ownGroup(p.cmd)
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		p.t.Fatalf("start signal: %v", err)
	}
	ready := make(chan string, 1)
	go func() { // ends with the process
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		ready <- line
	}()
	select {
	case line := <-ready:
		if _, err := fmt.Sscanf(line, "signal is ready: %s", &p.url); err != nil {
			p.t.Fatalf("signal said %q: %v\n%s", line, err, p.stderr)
		}
	case <-time.After(startTime):
		p.t.Fatalf("signal is not ready after %v\n%s", startTime, p.stderr)
	}
	p.keepAddress()
}

// keepAddress has the next start take the port that was chosen now.
func (p *signalProcess) keepAddress() {
	p.t.Helper()
	at, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	for i, arg := range p.args {
		if host, port, err := net.SplitHostPort(arg); err == nil && port == "0" && p.args[i-1] == "--listen" {
			p.args[i] = net.JoinHostPort(host, at.Port())
		}
	}
}

// kill ends the process as a crash does.
func (p *signalProcess) kill() {
	p.t.Helper()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed: its status says nothing
	p.guard.Close()
	p.checkLog()
	p.cmd = nil
}

// stop ends the process as an operator does, and looks how it went.
func (p *signalProcess) stop() {
	if p.cmd == nil {
		return
	}
	defer p.guard.Close()
	force := time.AfterFunc(endTime, func() { _ = p.cmd.Process.Kill() })
	defer force.Stop()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil { // 66 after a race
		p.t.Errorf("signal ended with %v", err)
	}
	p.checkLog()
	if p.t.Failed() {
		p.t.Logf("signal said:\n%s", p.stderr)
	}
	p.cmd = nil
}

// checkLog looks for what a server may never say.
func (p *signalProcess) checkLog() {
	p.t.Helper()
	for _, bad := range []string{"DATA RACE", "panic:", "level=ERROR"} {
		if strings.Contains(p.stderr.String(), bad) {
			p.t.Errorf("signal said %q:\n%s", bad, p.stderr)
		}
	}
}

// page is the address of a room, with options as in "debug=1".
func (p *signalProcess) page(room string, options ...string) string {
	return p.url + "?" + strings.Join(append([]string{"room=" + room}, options...), "&")
}

// A signalLog is a log that is read while it is written.
type signalLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

var _ io.Writer = (*signalLog)(nil)

func (l *signalLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *signalLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
