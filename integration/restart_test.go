package integration

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The server is killed and started again while two talk. They notice nothing
// but that signaling was gone for a while.
func TestServerThatIsKilledTakesNothingWithIt(t *testing.T) {
	noLeaks(t)
	p := newProcess(t)
	p.start()
	s := newScene(t, p.url())
	ana, ben := s.join("ana", nil), s.join("ben", nil)
	s.calling(audio, video)
	ids := []string{ana.ID(), ben.ID()}
	sent := 0
	chat := func() {
		for range 20 {
			sent++
			ana.say(ben, fmt.Sprintf(`{"ana":%d}`, sent))
			ben.say(ana, fmt.Sprintf(`{"ben":%d}`, sent))
		}
	}

	chat()
	p.kill()
	chat()
	s.until("both notice", func() bool { return !ana.Client().Stats().Linked && !ben.Client().Stats().Linked })
	chat()
	s.moreFrames(20)
	p.start()
	chat()
	ana.waitEvent("back ben anew")
	ben.waitEvent("back ana anew")
	chat()
	for _, a := range s.actors {
		s.until("all messages", func() bool { got, _ := a.messages(); return len(got) >= sent })
	}
	s.moreFrames(40)

	s.allIntact(audio, video)
	if now := []string{ana.ID(), ben.ID()}; !slices.Equal(now, ids) {
		t.Errorf("ids %v, before %v", now, ids)
	}
	ana.wantRoster(ben, false)
	ben.wantRoster(ana, true)
	for _, a := range s.actors {
		other := map[*actor]*actor{ana: ben, ben: ana}[a]
		var want []string
		for k := range sent {
			want = append(want, fmt.Sprintf(`{%q:%d}`, other.name, k+1))
		}
		a.wantMessages(want...)
		if stats := a.Client().Stats(); stats.Lost != 1 || stats.Resumed != 0 {
			t.Errorf("%s: %+v", a.name, stats)
		}
	}
	wantLostAndFound(t, ana, ben)
}

// wantLostAndFound: the first to come back does not find the other in the room
// at first, the second does. The room is a new one for the server, so the first
// is its host; if that was the other before, both are told who it is now.
func wantLostAndFound(t *testing.T, a, b *actor) {
	t.Helper()
	away, updated := 0, 0
	for _, pair := range [][2]*actor{{a, b}, {b, a}} {
		_, got := pair[0].messages()
		name := pair[1].name
		if slices.Contains(got, "away "+name) {
			away++
			got = slices.DeleteFunc(got, func(e string) bool { return e == "away "+name })
		}
		if slices.Contains(got, "updated "+name) {
			updated++
			got = slices.DeleteFunc(got, func(e string) bool { return e == "updated "+name })
		}
		wantSame(t, pair[0].name+"'s events", got, []string{"joined " + name, "back " + name + " anew"})
	}
	if away > 1 {
		t.Error("both found the other away")
	}
	if updated == 1 {
		t.Error("one of them learned of a new role only")
	}
}

// wantSame compares two lists and says where they part.
func wantSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("%s: from number %d on %q, want %q; %d in all, want %d", what, i, got[min(i, len(got)):], want[min(i, len(want)):], len(got), len(want))
			return
		}
	}
}

// A process is a `signal serve` of its own, with its ports and its state.
type process struct {
	t      *testing.T
	binary string
	dir    string // of its state
	ports  [2]int // HTTP and TURN

	cmd     *exec.Cmd
	reading sync.WaitGroup
}

func newProcess(t *testing.T) *process {
	t.Helper()
	p := &process{t: t, binary: filepath.Join(t.TempDir(), "signal"), dir: t.TempDir()}
	if out, err := exec.Command("go", "build", "-race", "-o", p.binary, module+"/cmd/signal").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for i := range p.ports {
		p.ports[i] = unusedPort(t)
	}
	t.Cleanup(p.kill)
	return p
}

func (p *process) url() string { return fmt.Sprintf("ws://127.0.0.1:%d/ws", p.ports[0]) }

// start runs it until it says that it is ready.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.binary, "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", p.ports[0]),
		"--turn-listen", fmt.Sprintf("127.0.0.1:%d", p.ports[1]), "--state-dir", p.dir)
	var log strings.Builder // owned by cmd until Wait
	p.cmd.Stderr = &log
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); !strings.HasPrefix(line, "signal is ready") {
		p.kill()
		p.t.Fatalf("the server says %q, %v: %s", line, err, log.String())
	}
	p.reading.Go(func() { _, _ = io.Copy(io.Discard, lines) }) // ends with the process
}

// kill ends it with SIGKILL, if it runs.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	p.reading.Wait()
	if log, ok := p.cmd.Stderr.(*strings.Builder); p.cmd.Wait() != nil && ok && strings.Contains(log.String(), "DATA RACE") {
		p.t.Errorf("the server: %s", log)
	}
	p.cmd = nil
}

// unusedPort is free for TCP and UDP, and below those that the system gives to
// whoever asks for any: nobody takes it while the server is down.
func unusedPort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		tcp.Close()
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		udp.Close()
		return port
	}
	t.Fatal("no free port")
	return 0
}
