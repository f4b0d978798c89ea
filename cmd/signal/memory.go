package main

import (
	"io/fs"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryLimit is what this process may take at most: the least of GOMEMLIMIT and
// of what its control groups are given, as a container is; 0: any number. root is
// the file system.
func memoryLimit(root fs.FS) int64 {
	least := debug.SetMemoryLimit(-1)
	for _, dir := range controlGroups(root) {
		for _, name := range []string{"memory.max", "memory.limit_in_bytes"} { // version 2, version 1
			text, err := fs.ReadFile(root, path.Join(dir, name))
			if err != nil {
				continue
			}
			n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			if err == nil && n > 0 { // else "max"
				least = min(least, n)
			}
		}
	}
	if least > math.MaxInt64/2 { // version 1 says "any number" with a big one
		return 0
	}
	return least
}

// controlGroups are the directories of the groups that this process is in, with
// those above them: the least limit holds.
func controlGroups(root fs.FS) (dirs []string) {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount := "sys/fs/cgroup"
		if parts[1] != "" { // version 1: a tree for each controller
			if parts[1] != "memory" {
				continue
			}
			mount += "/memory"
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			dirs = append(dirs, mount+strings.TrimSuffix(dir, "/"))
			if dir == "/" {
				break
			}
		}
	}
	return dirs
}
