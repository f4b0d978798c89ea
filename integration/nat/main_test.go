//go:build linux

package nat

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// roleVar makes another process of this binary: see roles.
const roleVar = "SIGNAL_NAT_ROLE"

// roles are what this binary can be, other than the tests.
var roles = map[string]func() error{
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
	code := m.Run()
	if err := endKeeper(); err != nil {
		fmt.Fprintln(os.Stderr, "keeper:", err)
		code = max(code, 1)
	}
	os.Exit(code)
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
