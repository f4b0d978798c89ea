package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A server is a signal process under measurement.
type server struct {
	cmd *exec.Cmd
	url string // of the page, with a slash at the end
	dir string // its state
}

// start runs the server on a free port and waits until it has printed where
// its page is.
func (b bench) start(ctx context.Context, args ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "signal-bench-")
	if err != nil {
		return nil, err
	}
	args = append([]string{"serve", "--config", b.config, "--state-dir", dir}, args...)
	cmd := exec.CommandContext(ctx, b.binary, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (make build makes it)", err)
	}
	s := &server{cmd: cmd, dir: dir}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if i := strings.Index(lines.Text(), "http://"); i >= 0 {
			s.url = strings.Fields(lines.Text()[i:])[0]
			return s, nil
		}
	}
	s.stop()
	return nil, errors.New("the server ended without saying where its page is")
}

// socket returns the address of the WebSocket.
func (s *server) socket() string { return "ws" + strings.TrimPrefix(s.url, "http") + "ws" }

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
	os.RemoveAll(s.dir)
}

// cpu returns what the process has used: utime and stime of /proc/PID/stat, in
// ticks of 10 ms, which every Linux of this architecture reports.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(s.proc("stat"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("%s: too short", s.proc("stat"))
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, err
}

// pss returns the memory of the process in bytes: its own, and its share of
// what it shares.
func (s *server) pss() (int, error) {
	text, err := os.ReadFile(s.proc("smaps_rollup"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kb); n == 1 {
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("%s: no Pss", s.proc("smaps_rollup"))
}

func (s *server) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), name)
}
