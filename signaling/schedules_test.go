package signaling_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/internal/memconn"
	"github.com/seed-3a7b6cbd/signal/signaling/ws"
)

var (
	schedules = flag.Int("schedules", defaultSchedules, "schedules of TestNothingIsLostWhateverFails to run, from seed 0")
	theSeed   = flag.Int("schedule", -1, "the seed of one schedule of TestNothingIsLostWhateverFails, to be run alone")
)

const (
	// maxTrace is how many lines of a minimal history are told: a conversation
	// has about 300, without its heartbeat.
	maxTrace = 500
	// window is long, so that no number of faults makes a session end.
	window = 10 * time.Minute
	// maxWeight is what a server may have in memory, by its own count, for two
	// clients, what they have not got yet, and connections that are dead.
	maxWeight = 256 << 10
	// patience is how long a conversation may take. All faults together last
	// less.
	patience = 9 * time.Minute
)

// TestNothingIsLostWhateverFails lets two clients set up a call and send each
// other messages while connections and servers fail, and then checks that
// nothing was lost, doubled or reordered, that the call is connected, that both
// know each other to be there, that no server ever needed much memory, and that
// nothing is left behind.
func TestNothingIsLostWhateverFails(t *testing.T) {
	if *theSeed >= 0 {
		check(t, *theSeed)
		return
	}
	n := *schedules
	if testing.Short() {
		n = min(n, 60)
	}
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		t.Run("worker", func(t *testing.T) {
			t.Parallel()
			for !t.Failed() {
				seed := int(next.Add(1)) - 1
				if seed >= n {
					return
				}
				check(t, seed)
			}
		})
	}
}

// check runs one schedule, and reports what is left of it that still fails.
func check(t *testing.T, seed int) {
	s := scheduled(seed)
	wrong, history := attempt(t, s)
	if wrong == nil {
		return
	}
	first := strings.Join(wrong, "\n  ")
	if fewer, itsHistory, ok := shrink(t, s); ok {
		s, history = fewer, itsHistory
	} else {
		first += "\n(It did not fail again, which goroutines decide.)"
	}
	t.Errorf("schedule %d: %s\n%v\nTo run it: go test ./signaling -run TestNothingIsLostWhateverFails -schedule %d\n%s", seed, first, s, seed, history)
}

// shrink drops faults for as long as what is left still fails, and returns the
// history of that. How goroutines run is not the seed's to say: each is tried
// some times. It reports whether the schedule has failed again at all.
func shrink(t *testing.T, s schedule) (minimal schedule, history string, ok bool) {
	fails := func(s schedule) bool {
		for range 10 {
			wrong, told := attempt(t, s)
			if wrong != nil {
				minimal, history = s, told
				return true
			}
		}
		return false
	}
	if !fails(s) {
		return s, "", false
	}
	for i := 0; i < len(minimal.faults); {
		fewer := minimal
		fewer.faults = append(append([]fault(nil), minimal.faults[:i]...), minimal.faults[i+1:]...)
		if !fails(fewer) {
			i++
		}
	}
	return minimal, history, true
}

// attempt runs a schedule in a bubble, and returns what went wrong, and all
// that happened if something did.
func attempt(t *testing.T, s schedule) (wrong []string, history string) {
	defer func() {
		if r := recover(); r != nil { // the bubble has found goroutines that hang
			wrong = append(wrong, fmt.Sprint(r))
		}
	}()
	synctest.Test(t, func(*testing.T) {
		n := newNetwork(s)
		if wrong = n.converse(); wrong != nil {
			history = n.history()
		}
	})
	return wrong, history
}

// A server is one node, reached over memconn.
type server struct {
	*signaling.Server
	cluster  *signaling.MemoryCluster
	number   int
	listener *memconn.Listener
	http     *http.Server
	dead     bool // guarded by the network's lock
}

func newNetwork(s schedule) *network {
	n := &network{sched: s, began: time.Now()}
	cluster := signaling.NewMemoryCluster()
	for i := range s.servers {
		srv := signaling.New(signaling.Config{Cluster: cluster, ResumeKeys: [][]byte{[]byte("the key of this test")}, ResumeWindow: window})
		node := &server{
			Server: srv, cluster: cluster, number: i, listener: memconn.Listen(0),
			http: &http.Server{Handler: ws.Handler(srv, ws.Config{}), ErrorLog: log.New(io.Discard, "", 0)},
		}
		n.servers = append(n.servers, node)
		n.running.Go(func() { _ = node.http.Serve(node.listener) }) // until close
	}
	return n
}

// die makes the server vanish, as far as others can tell.
func (s *server) die() {
	s.dead = true
	s.cluster.Kill(s.Node())
}

// converse lets the two clients do what they have to, and returns what went wrong.
func (n *network) converse() []string {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errors.New("it takes too long"))
	defer cancel()
	callers := [2]*caller{{who: 0, net: n}, {who: 1, net: n}}
	var calls sync.WaitGroup
	for _, c := range callers {
		calls.Go(func() { c.call(ctx) })
	}
	calls.Wait()
	wrong := n.await(ctx, callers)
	n.settle()
	time.Sleep(maxHold + 10*time.Second) // what was held up has come
	if wrong == nil {
		wrong = n.problems(callers)
	}
	for _, c := range callers {
		wrong = append(wrong, c.leave()...)
	}
	if wrong == nil {
		time.Sleep(2 * window)
		wrong = n.leftovers()
	}
	n.shutdown()
	if n.most > maxWeight { // nobody writes it any more
		wrong = append(wrong, fmt.Sprintf("a server had %d bytes in memory, want %d at most", n.most, maxWeight))
	}
	return wrong
}

// await waits until nothing is wrong, or for as long as ctx.
func (n *network) await(ctx context.Context, callers [2]*caller) []string {
	for {
		wrong := n.problems(callers)
		if wrong == nil || ctx.Err() != nil {
			return wrong
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// problems are what is not, or not yet, as it should be in the end.
func (n *network) problems(callers [2]*caller) (all []string) {
	for _, c := range callers {
		for _, p := range c.problems(n.sched.kills()) {
			all = append(all, fmt.Sprintf("client %d: %s", c.who, p))
		}
	}
	for _, srv := range n.alive() {
		if kept := srv.Kept(); kept > 0 {
			all = append(all, fmt.Sprintf("server %d: %d bytes in outboxes", srv.number, kept))
		}
	}
	return all
}

func (n *network) alive() (all []*server) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, srv := range n.servers {
		if !srv.dead {
			all = append(all, srv)
		}
	}
	return all
}

// leftovers are what servers and cluster still know when nobody is there.
func (n *network) leftovers() (all []string) {
	for _, srv := range n.alive() {
		if st := srv.Stats(); st.Links+st.Sessions+st.Rooms > 0 {
			all = append(all, fmt.Sprintf("server %d still has %d links, %d sessions, %d rooms", srv.number, st.Links, st.Sessions, st.Rooms))
		}
	}
	if sessions, rooms := n.servers[0].cluster.Known(); sessions+rooms > 0 {
		all = append(all, fmt.Sprintf("the cluster still has %d sessions, %d rooms", sessions, rooms))
	}
	return all
}

// leave ends the client. It returns what went wrong.
func (c *caller) leave() (wrong []string) {
	if c.client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.client.Close(ctx); err != nil {
		wrong = []string{fmt.Sprintf("client %d: close: %v", c.who, err)}
	}
	c.ended.Wait()
	return wrong
}

func (n *network) shutdown() {
	for _, srv := range n.servers {
		_ = srv.listener.Close()
		_ = srv.http.Close()
	}
	n.close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, srv := range n.servers {
		_ = srv.Shutdown(ctx)
	}
}

// TestUndisturbed is a conversation that nothing happens to: schedules reach
// each of its frames, and not much beyond.
func TestUndisturbed(t *testing.T) {
	most := 0
	for _, servers := range []int{1, 3} {
		for gap := range time.Duration(5) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(schedule{servers: servers, gap: gap * time.Millisecond})
				n.calm = true
				if wrong := n.converse(); wrong != nil {
					t.Errorf("%d servers: %q", servers, wrong)
				}
				for _, r := range n.routes {
					most = max(most, r.frames[up], r.frames[down])
				}
			})
		}
	}
	if most > boundaries || most < boundaries-10 {
		t.Errorf("a client sends or gets %d frames, and boundaries is %d", most, boundaries)
	}
}
