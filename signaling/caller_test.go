package signaling_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

const (
	// messages is how many each side sends to the other, and every fifth time
	// one to all as well.
	messages = 50
	roomName = "standup"
)

// A caller is one side: a client in the room, its connections, and what the
// application was told.
type caller struct {
	who    int
	net    *network
	client *client.Client
	room   *client.Room
	ended  sync.WaitGroup // the reader and the sender

	mu     sync.Mutex // guards the following
	phones []*phone
	peer   string   // the other one
	got    []string // messages
	away   bool     // the other one, as was told
	wrong  []string
}

func (c *caller) complain(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// call connects, joins, sends, and reads what comes. It returns when all was
// sent, or cannot be.
func (c *caller) call(ctx context.Context) {
	cfg := client.Config{NetDial: c.net.dialer(c.who), Connect: c.connect, HandshakeTimeout: 3 * time.Second}
	for c.client == nil {
		var err error
		if c.client, err = client.Dial(ctx, "ws://server/ws", cfg); err != nil {
			time.Sleep(100 * time.Millisecond) // the first connection is for the caller to repeat
		}
		if ctx.Err() != nil {
			c.complain("dial: %v", err)
			return
		}
	}
	c.net.mu.Lock()
	c.net.routes[c.who].client = c.client
	c.net.mu.Unlock()
	var err error
	if c.room, err = c.client.Join(ctx, roomName, fmt.Appendf(nil, `{"name":"%d"}`, c.who)); err != nil {
		c.complain("join: %v", err)
		return
	}
	met := make(chan string, 1)
	c.ended.Go(func() { c.read(met) }) // ends with the client
	select {
	case peer := <-met:
		c.send(ctx, peer)
	case <-ctx.Done():
		c.complain("met nobody")
	}
}

// send says all there is to say.
func (c *caller) send(ctx context.Context, peer string) {
	for i := range messages {
		err := c.room.Send(ctx, peer, fmt.Appendf(nil, `"%d"`, i))
		if err == nil && i%5 == 4 {
			err = c.room.Broadcast(ctx, fmt.Appendf(nil, `"%d to all"`, i))
		}
		if err != nil {
			c.complain("send %d: %v", i, err)
			return
		}
		time.Sleep(c.net.sched.gap)
	}
}

// said is what a caller sends; withAll: also to all.
func said(withAll bool) []string {
	var all []string
	for i := range messages {
		all = append(all, fmt.Sprint(i))
		if withAll && i%5 == 4 {
			all = append(all, fmt.Sprintf("%d to all", i))
		}
	}
	return all
}

func (c *caller) read(met chan<- string) {
	for e := range c.room.Events(context.Background()) {
		c.mu.Lock()
		c.take(e, met)
		c.mu.Unlock()
	}
}

func (c *caller) take(e client.Event, met chan<- string) {
	switch e := e.(type) {
	case client.PeerJoined:
		if c.peer != "" {
			c.wrong = append(c.wrong, "a second peer has joined: "+e.Peer.ID)
			return
		}
		c.peer, c.away = e.Peer.ID, e.Peer.Away
		met <- c.peer
	case client.Message:
		var text string
		if err := json.Unmarshal(e.Data, &text); err != nil || e.From != c.peer {
			c.wrong = append(c.wrong, fmt.Sprintf("%q from %q, error %v", e.Data, e.From, err))
		}
		c.got = append(c.got, text)
	case client.PeerAway:
		if c.away {
			c.wrong = append(c.wrong, "away, twice")
		}
		c.away = true
	case client.PeerBack:
		c.away = false
	default: // nobody leaves or changes, and nothing is refused or given up
		c.wrong = append(c.wrong, fmt.Sprintf("%T %+v", e, e))
	}
}

// problems are what is not, or not yet, as it should be in the end.
func (c *caller) problems(killed bool) (all []string) {
	if c.room == nil {
		return []string{"is not in the room"}
	}
	peers, stats := c.room.Peers(), c.client.Stats()
	c.mu.Lock()
	defer c.mu.Unlock()
	all = append(all, c.wrong...)
	if err := c.client.Err(); err != nil {
		all = append(all, fmt.Sprintf("ended: %v", err))
	}
	if len(peers) != 1 || peers[0].ID != c.peer || peers[0].Away || c.away {
		all = append(all, fmt.Sprintf("sees %+v, and was told of %q, away %v", peers, c.peer, c.away))
	}
	if !stats.Linked || stats.Lost > 0 && !killed || stats.Waiting+stats.Unconfirmed+stats.Early > 0 {
		all = append(all, fmt.Sprintf("%+v", stats))
	}
	return append(append(all, c.heard(killed)...), c.connected()...)
}

// heard judges what was received. What is for all may go with a server that is
// lost, though it must not come twice, or in another order.
func (c *caller) heard(killed bool) []string {
	if !killed {
		if want := said(true); !slices.Equal(c.got, want) {
			return []string{fmt.Sprintf("got %q", c.got)}
		}
		return nil
	}
	var direct []string
	last := -1
	for _, text := range c.got {
		if !strings.HasSuffix(text, " to all") {
			direct = append(direct, text)
			continue
		}
		var i int
		if _, err := fmt.Sscanf(text, "%d to all", &i); err != nil || i <= last {
			return []string{fmt.Sprintf("%q behind %d in %q", text, last, c.got)}
		}
		last = i
	}
	if want := said(false); !slices.Equal(direct, want) {
		return []string{fmt.Sprintf("got %q", c.got)}
	}
	return nil
}

// connected judges the call.
func (c *caller) connected() []string {
	if len(c.phones) != 1 {
		return []string{fmt.Sprintf("%d pairs", len(c.phones))}
	}
	return c.phones[0].problems()
}

func (c *caller) connect(_ context.Context, p *client.Pair) (client.Driver, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ph := &phone{pair: p, name: fmt.Sprint("client", c.who)}
	c.phones = append(c.phones, ph)
	return ph, nil
}
