//go:build linux

package nat

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// roleVar makes another process of this binary: see roles.
const roleVar = "SIGNAL_NAT_ROLE"

// callsPerCPU is how many calls there are at a time.
const callsPerCPU = 3

// roles are what this binary can be, other than the tests.
var roles = map[string]func() error{
	"peer":                 runPeer,
	"keeper":               keep,
	"leave":                leave,
	"leave without keeper": makeLeftOver,
}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		if err := roles[role](); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
			os.Exit(1)
		}
		return
	}
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// scratch is a directory for all tests.
var scratch string

// runTests runs the tests, and leaves nothing.
func runTests(m *testing.M) (code int, err error) {
	flag.Parse()
	// Calls wait more than they compute.
	if err := flag.Set("test.parallel", strconv.Itoa(callsPerCPU*runtime.NumCPU())); err != nil {
		return 0, err
	}
	if scratch, err = os.MkdirTemp("", "signal-nat-"); err != nil {
		return 0, err
	}
	code = m.Run()
	return code, errors.Join(os.RemoveAll(scratch), endKeeper())
}

// run runs a program to its end.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// self is a further process of this binary.
func self(role string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// started has the keeper of this process, once there was a lab.
var started struct {
	mu     sync.Mutex // guards the following
	keeper *keeper
}

// ensureKeeper comes before the first namespace.
func ensureKeeper() (err error) {
	started.mu.Lock()
	defer started.mu.Unlock()
	if started.keeper != nil {
		return nil
	}
	if err = sweep(); err == nil {
		started.keeper, err = newKeeper()
	}
	return err
}

func endKeeper() error {
	started.mu.Lock()
	defer started.mu.Unlock()
	if started.keeper == nil {
		return nil
	}
	return started.keeper.end()
}
