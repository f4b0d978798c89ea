//go:build linux

package nat

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// leave is a process that makes a namespace with a process in it, and then
// waits to be killed.
func leave() error {
	if err := ensureKeeper(); err != nil {
		return err
	}
	if err := makeLeftOver(); err != nil {
		return err
	}
	select {}
}

// makeLeftOver says which process it has left.
func makeLeftOver() error {
	own, err := owner()
	if err != nil {
		return err
	}
	n := namespace(own + "left")
	if err := addHost(n); err != nil {
		return err
	}
	cmd := exec.Command("sleep", "1000")
	if err := n.start(cmd); err != nil {
		return err
	}
	fmt.Println(own, cmd.Process.Pid)
	return nil
}

// leftOver runs a role until it says what it leaves.
func leftOver(t *testing.T, role string) (cmd *exec.Cmd, own string, pid int) {
	t.Helper()
	newLab(t) // or there can be none
	cmd, err := self(role)
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it may have ended
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(line, &own, &pid); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return cmd, own, pid
}

// isLeft says whether a process that was killed has left anything.
func isLeft(own string, pid int) bool {
	paths, _ := filepath.Glob(filepath.Join(namespaces, own+"*")) // only a bad pattern fails
	command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return len(paths) > 0 || string(command) == "sleep\x001000\x00"
}

func TestKeeperTakesDownWhatAKilledProcessLeaves(t *testing.T) {
	cmd, own, pid := leftOver(t, "leave")
	if !isLeft(own, pid) {
		t.Fatal("there is nothing to take down")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	for deadline := time.Now().Add(patience); isLeft(own, pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s* and process %d are left", own, pid)
		}
	}
}

func TestSweepTakesDownWhatDeadProcessesLeave(t *testing.T) {
	cmd, own, pid := leftOver(t, "leave without keeper")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	mine, err := filepath.Glob(filepath.Join(namespaces, prefix+fmt.Sprint(os.Getpid())+".*"))
	if err != nil || len(mine) == 0 || !isLeft(own, pid) {
		t.Fatalf("%v; own namespaces: %v; something is left: %v", err, mine, isLeft(own, pid))
	}
	if err := sweep(); err != nil {
		t.Fatal(err)
	}
	if isLeft(own, pid) {
		t.Errorf("%s* or process %d is left", own, pid)
	}
	if still, _ := filepath.Glob(filepath.Join(namespaces, prefix+fmt.Sprint(os.Getpid())+".*")); !slices.Equal(still, mine) {
		t.Errorf("the namespaces of a process that lives are %v, were %v", still, mine)
	}
}
