//go:build linux

package nat

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// namespaces is where iproute2 keeps those that have a name.
const namespaces = "/run/netns"

// A namespace is a host of its own in the lab, by its name.
type namespace string

// init keeps the thread of main out of all namespaces but its own: it can't end
// with a goroutine, and what looks for the namespace of this process looks at it.
func init() { runtime.LockOSThread() }

// do runs f in the namespace: what f itself opens or starts is there, what its
// goroutines do is not.
func (n namespace) do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		done <- n.enter(f)
	}()
	return <-done
}

func (n namespace) enter(f func() error) error {
	file, err := os.Open(filepath.Join(namespaces, string(n)))
	if err != nil {
		return err
	}
	err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
	file.Close()
	if err != nil {
		return fmt.Errorf("enter namespace %s: %w", n, err)
	}
	return f()
}

// start starts a program in the namespace.
func (n namespace) start(cmd *exec.Cmd) error { return n.do(cmd.Start) }

// set writes settings of the kernel's network, by their path below /proc/sys/net.
func (n namespace) set(value string, paths ...string) error {
	return n.do(func() error {
		for _, path := range paths {
			if err := os.WriteFile(filepath.Join("/proc/sys/net", path), []byte(value), 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// ip runs lines of ip's batch language in the namespace.
func (n namespace) ip(lines ...string) error {
	return feed(lines, "ip", "-n", string(n), "-batch", "-")
}

// restore replaces the tables that the lines have. Command is iptables-restore
// or ip6tables-restore.
func (n namespace) restore(command string, lines []string) error {
	return n.do(func() error { return feed(lines, command) })
}

// feed runs a program with lines at its standard input.
func feed(lines []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s\n%s", name, strings.Join(args, " "), err, out, strings.Join(lines, "\n"))
	}
	return nil
}

// listenUDP opens a socket in the namespace.
func (n namespace) listenUDP(at netip.AddrPort) (conn *net.UDPConn, err error) {
	err = n.do(func() error {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		return err
	})
	return conn, err
}
