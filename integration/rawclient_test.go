package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
)

const python = "/usr/bin/python3"

// needPython skips a test that cannot run here; in CI everything has to.
func needPython(t *testing.T) {
	t.Helper()
	out, err := exec.Command(python, "-c", "import websockets").CombinedOutput()
	if err == nil {
		return
	}
	reason := fmt.Sprintf("%s with websockets is missing (%v %s): apt-get install python3-websockets", python, err, out)
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// Somebody wrote a client after PROTOCOL.md alone. It and the Go client have a
// call set up, and talk while its connection is cut.
func TestClientWrittenFromTheProtocolAlone(t *testing.T) {
	needPython(t)
	t.Run("it offers", func(t *testing.T) {
		noLeaks(t)
		srv := signalingtest.NewServer(t)
		raw := runRaw(t, srv, "first")
		raw.waitLine("first is in the room")
		d := chat(t, srv)
		raw.waitOK()
		if d.offers.Load() != 1 || d.answers.Load() != 0 {
			t.Errorf("got %d offers, want 1, and %d answers, want none", d.offers.Load(), d.answers.Load())
		}
	})
	t.Run("it answers", func(t *testing.T) {
		noLeaks(t)
		srv := signalingtest.NewServer(t)
		var raw *rawClient
		d := chat(t, srv, func() { raw = runRaw(t, srv, "second") })
		raw.waitOK()
		if d.offers.Load() != 0 || d.answers.Load() != 1 || d.candidates.Load() != 3 {
			t.Errorf("got %d offers, want none, %d answers, want 1, and %d frames of candidates, want 3", d.offers.Load(), d.answers.Load(), d.candidates.Load())
		}
	})
	t.Run("with itself", func(t *testing.T) {
		noLeaks(t)
		runRaw(t, signalingtest.NewServer(t), "pair").waitOK()
	})
}

// chat enters the room, does what the others call for with each who is there,
// and answers each first message with twenty, until the other leaves. It wants
// twenty from the other.
func chat(t *testing.T, srv *signalingtest.Server, joined ...func()) *paperDriver {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d := &paperDriver{}
	c, err := client.Dial(ctx, srv.URL, client.Config{Connect: d.connect})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	room, err := c.Join(ctx, "raw", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range joined {
		f()
	}
	var got, want []string
	for e := range room.Events(ctx) {
		switch e := e.(type) {
		case client.Message:
			got = append(got, string(e.Data))
			if len(got) > 1 {
				continue
			}
			for k := 1; k <= 20; k++ {
				want = append(want, fmt.Sprintf(`{"k":%d}`, k))
				if err := room.Send(ctx, e.From, json.RawMessage(want[k-1])); err != nil {
					t.Fatal(err)
				}
			}
		case client.PeerLeft:
			if e.Reason != "left" {
				t.Errorf("the other left with reason %q", e.Reason)
			}
			for i := range got { // whoever wrote it may put blanks where he likes
				got[i] = strings.ReplaceAll(got[i], " ", "")
			}
			wantSame(t, "messages", got, want)
			return d
		case client.PeerJoined, client.PeerAway, client.PeerBack: // a slow machine makes a blip longer
		default:
			t.Errorf("%T %+v", e, e)
		}
	}
	t.Fatalf("the other does not leave; it said %q", got)
	return nil
}

// A paperDriver is a client.Driver without a connection.
type paperDriver struct {
	pair                        *client.Pair
	offers, answers, candidates atomic.Int64 // that came
}

func (d *paperDriver) connect(_ context.Context, p *client.Pair) (client.Driver, error) {
	d.pair = p
	return d, nil
}

// Open implements client.Driver.
func (d *paperDriver) Open(context.Context, uint64) error { return nil }

// MakeOffer implements client.Driver.
func (d *paperDriver) MakeOffer(context.Context, bool, client.Need) (string, error) {
	return "v=0\r\na=ice-ufrag:go\r\n", nil
}

// MakeAnswer implements client.Driver. A frame has candidates of one ufrag, so
// that these are three frames.
func (d *paperDriver) MakeAnswer(context.Context, string) (string, *client.Need, error) {
	d.offers.Add(1)
	sdp, mid := "v=0\r\n", "0"
	for i := range 3 {
		ufrag := fmt.Sprintf("go%d", i)
		sdp += "a=ice-ufrag:" + ufrag + "\r\n"
		line := fmt.Sprintf("candidate:%d 1 udp %d 127.0.0.1 9 typ host ufrag %s", i+1, i+1, ufrag)
		d.pair.Gathered(1, ufrag, []client.Candidate{{Candidate: line, SDPMid: &mid}}, false)
	}
	return sdp, nil, nil
}

// ApplyAnswer implements client.Driver.
func (d *paperDriver) ApplyAnswer(context.Context, string) error {
	d.answers.Add(1)
	return nil
}

// AddCandidates implements client.Driver.
func (d *paperDriver) AddCandidates(context.Context, string, []client.Candidate, bool) {
	d.candidates.Add(1)
}

// Flows implements client.Driver.
func (d *paperDriver) Flows() bool { return true }

// Close implements client.Driver.
func (d *paperDriver) Close() {}

// A rawClient is a process of testdata/rawclient.
type rawClient struct {
	t      *testing.T
	lines  *bufio.Scanner
	errors strings.Builder // owned by cmd until Wait
	cmd    *exec.Cmd
	once   sync.Once
	err    error // of the process
}

func runRaw(t *testing.T, srv *signalingtest.Server, role string) *rawClient {
	t.Helper()
	r := &rawClient{t: t, cmd: exec.Command(python, "testdata/rawclient/rawclient.py", srv.PageURL, "raw", role)}
	r.cmd.Stderr = &r.errors
	stdout, err := r.cmd.StdoutPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.lines = bufio.NewScanner(stdout)
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, stdout)
		r.wait()
	})
	return r
}

func (r *rawClient) wait() {
	r.once.Do(func() { r.err = r.cmd.Wait() })
}

// waitLine waits until it has printed that line.
func (r *rawClient) waitLine(want string) {
	r.t.Helper()
	for r.lines.Scan() {
		if r.lines.Text() == want {
			return
		}
	}
	r.wait()
	r.t.Fatalf("it ended (%v) without saying %q: %s", r.err, want, r.errors.String())
}

// waitOK waits until it has ended well.
func (r *rawClient) waitOK() {
	r.t.Helper()
	r.waitLine("ok")
	if r.wait(); r.err != nil {
		r.t.Errorf("it ended with %v: %s", r.err, r.errors.String())
	}
}
