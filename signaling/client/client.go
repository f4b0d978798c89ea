package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A Client is one session with a server. It outlives its connections: Dial
// makes the first one, and the client the others. All methods may be called
// from any goroutine.
type Client struct {
	address string
	config  Config
	log     *slog.Logger
	ctx     context.Context // ends with the client
	cancel  context.CancelCauseFunc
	pairs   sync.WaitGroup // their goroutines, renewLoop and handleEvents
	done    chan struct{}  // closed when no goroutine is left

	mu       sync.Mutex // guards the following and all of Room, line and request
	welcome  wire.Welcome
	nonce    string // for welcome.Token, and before the first welcome for the token
	life     life
	ice      wire.ICE
	link     *link // nil while there is none
	stats    Stats
	out      outbox
	pace     pace
	seq      uint64 // the highest had
	owed     owed
	rooms    map[string]*Room
	lines    map[string]*line    // by peer
	before   map[pairKey]*legacy // of the last pairs in which this side offered
	due      map[string]*line    // those that owe a confirmation
	requests map[uint64]*request
	told     *stream[UserEvent]
	watched  map[string]bool
	busy     bool
	calls    map[string]*Call // that ring, by id
	handlers map[string]Handler
	events   []*wire.Message // that wait for their handlers
	unread   int             // their bytes
	handling bool            // a goroutine runs handlers
	space    chan struct{}   // closed and replaced when senders should look again
	leaving  chan struct{}   // closed with closing
	closing  bool
	farewell bool  // closing: the attempt to say bye on another link has been made
	err      error // why the client ended
}

// Stats counts what happened to the connection, and what is under way now.
type Stats struct {
	Linked  bool // there is a connection now
	Links   int  // connections so far
	Resumed int  // of these, that went on where the last one ended
	Lost    int  // of these, that found the history lost

	Waiting     int // bytes that the server has not acknowledged
	Unconfirmed int // bytes of Send, and of negotiations, that the peer has not confirmed
	Early       int // messages that came before one that is still to come
}

// owed is what the server has sent since the last ack.
type owed struct {
	frames, bytes int
	since         time.Time
}

// Dial connects to the server at base, such as wss://example.org/ws, says
// hello and waits for welcome. It makes one attempt; later connections are the
// client's affair. A refusal is a *wire.Error. The client lives until Close,
// not until ctx ends.
func Dial(ctx context.Context, base string, config Config) (*Client, error) {
	config = config.withDefaults()
	address, err := config.address(base)
	if err != nil {
		return nil, err
	}
	c := newClient(ctx, address, config)
	l, err := c.connect(ctx)
	if err != nil {
		c.cancel(err)
		return nil, err
	}
	if config.Token != nil {
		c.pairs.Go(c.renewLoop)
	}
	go c.run(l) // ends with Close, or when the session has
	return c, nil
}

// newClient returns a client without a session. Values of ctx are the
// client's, its end is not.
func newClient(ctx context.Context, address string, config Config) *Client {
	c := &Client{
		address:  address,
		config:   config,
		log:      config.Logger,
		done:     make(chan struct{}),
		nonce:    cmp.Or(config.Nonce, rand.Text()),
		life:     life{changed: make(chan struct{}, 1)},
		rooms:    make(map[string]*Room),
		lines:    make(map[string]*line),
		before:   make(map[pairKey]*legacy),
		due:      make(map[string]*line),
		requests: make(map[uint64]*request),
		told:     newStream[UserEvent](),
		watched:  make(map[string]bool),
		calls:    make(map[string]*Call),
		handlers: make(map[string]Handler),
		space:    make(chan struct{}),
		leaving:  make(chan struct{}),
	}
	maps.Copy(c.handlers, config.On)
	c.ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return c
}

// Close says bye, closes all pairs and waits until no goroutine of the client
// is left. Others see at once that this peer has left. Where there is no
// connection it makes one more attempt, for that. When ctx ends first the
// connection is cut, and Close returns ctx's error; the session is then gone only
// if the server has heard the bye.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	if !c.closing && c.err == nil {
		c.closing = true
		close(c.leaving)
		c.endRoomsLocked(ErrClosed)
		c.enqueueLocked(&wire.Message{Type: wire.TypeBye})
	}
	c.mu.Unlock()
	var err error
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	c.cancel(ErrClosed)
	<-c.done
	return err
}

// Done is closed when the client has ended: after Close, or when its session
// cannot be resumed any more. Err says why.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the client ended, nil while it lives, and ErrClosed after
// Close. A *wire.Error in it says whether to Dial again: see its Info().Retry.
func (c *Client) Err() error {
	select {
	case <-c.done:
		return c.err // was set before done was closed
	default:
		return nil
	}
}

// ID is the own peer id. It stays the same for the life of the client.
func (c *Client) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.welcome.Peer
}

// User is who the server takes the client for; empty if it is anonymous.
func (c *Client) User() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.welcome.User
}

// Limits are those of the server's last welcome.
func (c *Client) Limits() wire.Limits {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.welcome.Limits
}

// Candidates is which candidates of this client the server lets others have,
// by its last welcome. With wire.PolicyRelay nothing but a relay connects, so
// that a Driver need not gather anything else.
func (c *Client) Candidates() wire.Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wire.Strictest(c.welcome.Candidates)
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Linked = c.link != nil
	s.Waiting = c.out.bytes
	for _, l := range c.lines {
		s.Unconfirmed += l.out.bytes
		s.Early += len(l.in.early)
	}
	return s
}

// ICE returns the newest list of ICE servers.
func (c *Client) ICE() wire.ICE {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ice
}

// RefreshICE asks the server for ICE servers with new credentials and waits
// for them.
func (c *Client) RefreshICE(ctx context.Context) (wire.ICE, error) {
	m, err := c.ask(ctx, &wire.Message{Type: wire.TypeICE}, nil)
	if err != nil || m.ICE == nil {
		return wire.ICE{}, err
	}
	return *m.ICE, nil
}

// Probe asks the server for a sign of life, as one does when the machine's
// network has changed. If none comes within half a second, the client opens a
// second connection beside the one that may be dead. Probe does not wait.
func (c *Client) Probe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		c.link.probe = true
		c.wakeLocked()
	}
}

func (c *Client) wakeLocked() {
	if c.link != nil {
		c.link.wake()
	}
}

// spaceLocked lets those who wait for room in an outbox or mailbox look again.
func (c *Client) spaceLocked() {
	close(c.space)
	c.space = make(chan struct{})
}

// failLocked ends the client for a reason that is not the network's.
func (c *Client) failLocked(err error) {
	if !c.closing && c.err == nil {
		c.cancel(err)
	}
}

// endedLocked says why nothing more can be sent; nil: it can.
func (c *Client) endedLocked() error {
	if c.closing {
		return ErrClosed
	}
	return c.err
}
