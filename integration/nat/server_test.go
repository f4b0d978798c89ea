//go:build linux

package nat

import (
	"bufio"
	"context"
	"net/netip"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildTime bounds a build from an empty cache on a busy machine.
const buildTime = 5 * time.Minute

// program is the signal command, built once, with the race detector if the tests
// have it.
var program = sync.OnceValues(func() (string, error) {
	args := []string{"build", "-o", filepath.Join(scratch, "signal")}
	if raceDetector() {
		args = append(args, "-race")
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	return filepath.Join(scratch, "signal"), run(exec.CommandContext(ctx, "go", append(args, "../../cmd/signal")...))
})

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

// A server is `signal serve` on a host of the lab.
type server struct {
	t      *testing.T
	url    string // of the WebSocket
	cmd    *exec.Cmd
	stderr *log
}

// serve runs signal in the public network. Port 443 of the first address is the
// page and the WebSocket, that of the second TURN, over UDP and TCP.
func (l *lab) serve(f family, args ...string) *server {
	l.t.Helper()
	page, turn := netip.AddrPortFrom(serverAddress(f, 1), 443), netip.AddrPortFrom(serverAddress(f, 2), 443)
	s := newServer(l.t, page)
	s.start(l.public, append([]string{"--listen", page.String(), "--turn-listen", turn.String()}, args...))
	return s
}

// newServer is one that is found there.
func newServer(t *testing.T, page netip.AddrPort) *server {
	return &server{t: t, url: "ws://" + page.String() + "/ws", stderr: &log{}}
}

func (s *server) start(n namespace, args []string) {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(path, append([]string{"serve", "--resume-key", strings.Repeat("integration", 3), "--log-level", "debug"}, args...)...)
	s.cmd.Stderr = s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = n.start(s.cmd)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.stop)
	line, err := bufio.NewReader(stdout).ReadString('\n') // or the process ends
	if err != nil || !strings.HasPrefix(line, "signal is ready") {
		s.t.Fatalf("signal said %q: %v\n%s", line, err, s.stderr)
	}
}

// stop ends the server as an operator does, and looks how it went.
func (s *server) stop() {
	force := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() }) // it may end that moment
	defer force.Stop()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("signal ended with %v", err)
	}
	for _, bad := range []string{"DATA RACE", "panic:", "level=ERROR"} {
		if strings.Contains(s.stderr.String(), bad) {
			s.t.Errorf("signal said %q", bad)
		}
	}
	if s.t.Failed() {
		s.t.Logf("signal said:\n%s", s.stderr)
	}
}
