//go:build linux

package nat

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// prefix begins the names of all namespaces of labs. Behind it stand the process
// that made them and when it was started, since numbers of processes come again:
// signal-nat.4711.1234567.0.public
const prefix = "signal-nat."

// owner is this process in the names of its namespaces.
var owner = sync.OnceValues(func() (string, error) {
	started, err := startOf(os.Getpid())
	return fmt.Sprintf("%s%d.%s.", prefix, os.Getpid(), started), err
})

// startOf is when a process was started, in ticks since the machine was.
func startOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name of the program is in brackets and may have anything in it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %d fields behind the name, want 20", pid, len(fields))
	}
	return fields[19], nil
}

// A keeper takes down what this process leaves, however it ends: it waits until
// nobody holds the other end of its standard input any more.
type keeper struct {
	cmd  *exec.Cmd
	hold io.Closer
}

func newKeeper() (*keeper, error) {
	cmd, err := self("keeper")
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Ctrl-C is not for it
	own, err := owner()
	if err != nil {
		return nil, err
	}
	cmd.Args = append(cmd.Args, own, scratch)
	hold, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	return &keeper{cmd, hold}, err
}

// end waits until nothing is left.
func (k *keeper) end() error {
	return errors.Join(k.hold.Close(), k.cmd.Wait())
}

// keep is what the keeper's process does.
func keep() error {
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return errors.Join(takeDown(os.Args[1]), os.RemoveAll(os.Args[2]))
}

// takeDown ends all processes in the namespaces whose names begin so, and
// deletes these.
func takeDown(begin string) error {
	if !strings.HasPrefix(begin, prefix) {
		return fmt.Errorf("take down %q: not a lab", begin)
	}
	paths, err := filepath.Glob(filepath.Join(namespaces, begin+"*"))
	if err != nil || len(paths) == 0 {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); killAll(paths) > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // nobody is told when they are gone
	}
	for _, path := range paths {
		out, err := exec.Command("ip", "netns", "delete", filepath.Base(path)).CombinedOutput()
		if _, gone := os.Stat(path); err != nil && !errors.Is(gone, fs.ErrNotExist) {
			return fmt.Errorf("delete namespace %s: %w: %s", filepath.Base(path), err, out)
		}
	}
	return nil
}

// killAll kills the processes in these namespaces, and returns how many.
func killAll(paths []string) (n int) {
	inside := map[uint64]bool{}
	for _, path := range paths {
		if id, err := inode(path); err == nil {
			inside[id] = true
		}
	}
	processes, _ := filepath.Glob("/proc/[0-9]*/ns/net") // only a bad pattern fails
	for _, path := range processes {
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		if id, err := inode(path); err == nil && inside[id] && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
			n++
		}
	}
	return n
}

// inode tells namespaces apart.
func inode(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Sys().(*syscall.Stat_t).Ino, nil
}

// sweep takes down what processes have left that are gone, and their keepers
// with them.
func sweep() error {
	paths, err := filepath.Glob(filepath.Join(namespaces, prefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		parts := strings.Split(strings.TrimPrefix(filepath.Base(path), prefix), ".")
		if len(parts) < 2 {
			continue
		}
		pid, err := strconv.Atoi(parts[0])
		if err != nil {
			continue
		}
		if started, err := startOf(pid); err == nil && started == parts[1] {
			continue // it lives
		}
		if err := takeDown(prefix + parts[0] + "." + parts[1] + "."); err != nil {
			return err
		}
	}
	return nil
}
