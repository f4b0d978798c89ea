package main

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

func TestMemoryLimitIsThatOfTheContainer(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tests := []struct {
		name string
		root fstest.MapFS
		want int64
	}{
		{"nothing is said", fstest.MapFS{}, 0},
		{"version 2, in a container", fstest.MapFS{
			"proc/self/cgroup":         file("0::/\n"),
			"sys/fs/cgroup/memory.max": file("536870912\n"),
		}, 512 << 20},
		{"version 2, the unit above has the limit", fstest.MapFS{
			"proc/self/cgroup":                                     file("0::/system.slice/signal.service\n"),
			"sys/fs/cgroup/system.slice/memory.max":                file("1073741824\n"),
			"sys/fs/cgroup/system.slice/signal.service/memory.max": file("max\n"),
		}, 1 << 30},
		{"version 1", fstest.MapFS{
			"proc/self/cgroup": file("4:cpu:/x\n3:memory:/docker/abc\n"),
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": file("268435456\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":            file("9223372036854771712\n"),
		}, 256 << 20},
		{"version 1, without a limit", fstest.MapFS{
			"proc/self/cgroup":                           file("3:memory:/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
		}, 0},
		{"not as it should be", fstest.MapFS{
			"proc/self/cgroup":         file("no\n0::../..\n"),
			"sys/fs/cgroup/memory.max": file("a lot\n"),
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := memoryLimit(tt.root); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// TestReadyzWhileMemoryIsFull has connections take what there is.
func TestReadyzWhileMemoryIsFull(t *testing.T) {
	c := Config{Listen: "127.0.0.1:0", BasePath: "/", StateDir: t.TempDir(), Limits: Limits{MaxMemory: 100_000, IPBurst: 1}}
	n, err := newNode(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer n.listener.Close()
	ready := func() (int, string) {
		answer := httptest.NewRecorder()
		n.ready(answer, nil)
		return answer.Code, answer.Body.String()
	}
	if status, text := ready(); status != http.StatusOK {
		t.Fatalf("%d %q", status, text)
	}
	var links []*signaling.Link
	for {
		l, err := n.signaling.Admit(signaling.LinkInfo{})
		if err != nil {
			break
		}
		links = append(links, l)
	}
	if status, text := ready(); status != http.StatusServiceUnavailable || !strings.Contains(text, "memory") {
		t.Errorf("full: %d %q", status, text)
	}
	resp := httptest.NewRecorder()
	check := httptest.NewRequest("GET", "/ws", nil)
	check.Header.Set("Accept", "application/problem+json")
	server, client := net.Pipe()
	defer server.Close()
	defer client.Close()
	n.routes().ServeHTTP(hijackable{resp, server}, check)
	if resp.Code != http.StatusServiceUnavailable || resp.Header().Get("Retry-After") == "" || !strings.Contains(resp.Body.String(), `"unavailable"`) {
		t.Errorf("a client is told %d %v %s", resp.Code, resp.Header(), resp.Body)
	}
	for _, l := range links {
		l.Detach(nil)
	}
	if status, text := ready(); status != http.StatusOK {
		t.Errorf("empty again: %d %q", status, text)
	}
}

// hijackable is a ResponseWriter as net/http has it.
type hijackable struct {
	http.ResponseWriter
	conn net.Conn
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}
