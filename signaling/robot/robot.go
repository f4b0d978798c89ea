package robot

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A Robot is a headless peer in one room.
type Robot struct {
	config Config
	api    *webrtc.API
	player *media.Player
	hangUp context.CancelFunc // ends what is still to be reached
	client *client.Client
	room   *client.Room
	events sync.WaitGroup // the loop that reads the room's

	mu      sync.Mutex // guards the following
	tracks  []*Track   // what is sent to everybody
	calls   []*call    // one for each pair, the oldest first, also those that are over
	changed chan struct{}
}

// A Track is one stream that a Robot sends to every peer. Each connection has
// its own copy, of the same clip.
type Track struct{ kind webrtc.RTPCodecType }

// Kind is audio or video.
func (t *Track) Kind() webrtc.RTPCodecType { return t.kind }

// Join connects to the server at url and enters the room. The Robot calls
// everybody who is there and who comes, until Close.
func Join(ctx context.Context, url, room string, config Config) (*Robot, error) {
	config = config.withDefaults()
	clip, err := media.Lookup(config.Name)
	if err != nil {
		return nil, err
	}
	r := &Robot{config: config, player: media.NewPlayer(clip), changed: make(chan struct{})}
	if err := r.enter(ctx, url, room); err != nil {
		r.hangUp()
		return nil, err
	}
	r.events.Go(r.eventLoop) // ends with the room
	return r, nil
}

// enter connects and joins.
func (r *Robot) enter(ctx context.Context, url, room string) error {
	reaching, hangUp := context.WithCancel(context.Background())
	r.hangUp = hangUp
	network, err := newNetwork(reaching)
	if err == nil {
		r.api, err = r.config.api(network)
	}
	if err != nil {
		return fmt.Errorf("robot: %w", err)
	}
	if !r.config.NoAudio {
		r.tracks = append(r.tracks, &Track{webrtc.RTPCodecTypeAudio})
	}
	if !r.config.NoVideo {
		r.tracks = append(r.tracks, &Track{webrtc.RTPCodecTypeVideo})
	}
	config := r.config.Client
	config.Connect = r.connect
	if r.client, err = client.Dial(ctx, url, config); err != nil {
		return err
	}
	if r.room, err = r.client.Join(ctx, room, r.config.Metadata); err != nil {
		_ = r.client.Close(ctx)
	}
	return err
}

// Close says bye, closes all connections, and waits until no goroutine of the
// robot is left.
func (r *Robot) Close(ctx context.Context) error {
	r.hangUp()
	err := r.client.Close(ctx)
	r.events.Wait()
	return err
}

// ID is the robot's peer id.
func (r *Robot) ID() string { return r.client.ID() }

// Client is the robot's signaling session.
func (r *Robot) Client() *client.Client { return r.client }

// Room is where the robot is.
func (r *Robot) Room() *client.Room { return r.room }

// AddTrack sends one more stream of the robot's clip to everybody. It returns
// at once; the connections are renegotiated one by one.
func (r *Robot) AddTrack(kind webrtc.RTPCodecType) *Track {
	t := &Track{kind}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tracks = append(r.tracks, t)
	r.neededLocked()
	return t
}

// RemoveTrack sends a stream no more. It returns at once. A track that is not
// sent is none of its business.
func (r *Robot) RemoveTrack(t *Track) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.tracks, t)
	if i < 0 {
		return
	}
	r.tracks = slices.Delete(r.tracks, i, i+1)
	r.neededLocked()
}

// Tracks returns what is sent, the oldest first.
func (r *Robot) Tracks() []*Track {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.tracks)
}

// neededLocked has all connections renegotiated. A pair's methods never block.
func (r *Robot) neededLocked() {
	for _, c := range r.calls {
		need := &client.Need{}
		if c.pair.Room().Role() != wire.RoleViewer {
			need = needOf(r.tracks)
		}
		c.pair.Needed(*need)
	}
	r.changedLocked()
}

// needOf is the number of m-lines that tracks want.
func needOf(tracks []*Track) *client.Need {
	n := &client.Need{}
	for _, t := range tracks {
		if t.kind == webrtc.RTPCodecTypeAudio {
			n.Audio++
		} else {
			n.Video++
		}
	}
	return n
}

// RestartICE has the connection with a peer find its path again, with the
// newest ICE servers.
func (r *Robot) RestartICE(peer string) error {
	c, err := r.call(peer)
	if err != nil {
		return err
	}
	if conn := c.current(); conn != nil {
		c.pair.Stuck(conn.number)
	}
	return nil
}

// connect makes the driver of a pair.
func (r *Robot) connect(_ context.Context, p *client.Pair) (client.Driver, error) {
	c := &call{robot: r, pair: p}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.heedLocked()
	r.calls = forget(append(r.calls, c), maxCalls, (*call).ended)
	r.changedLocked()
	return c, nil
}

// maxCalls bounds what a robot remembers of those who came and went.
const maxCalls = 256

// forget leaves out the oldest call that is over if there are more than most.
func forget(calls []*call, most int, over func(*call) bool) []*call {
	if i := slices.IndexFunc(calls, over); len(calls) > most && i >= 0 {
		return slices.Delete(calls, i, i+1)
	}
	return calls
}

func (r *Robot) eventLoop() {
	for e := range r.room.Events(context.Background()) {
		r.config.OnEvent(e)
		r.mu.Lock()
		r.handleLocked(e)
		r.changedLocked()
		r.mu.Unlock()
	}
}

func (r *Robot) handleLocked(e client.Event) {
	switch e := e.(type) {
	case client.PairFailed:
		if c := r.callLocked(e.Peer.ID); c != nil {
			c.failed = e.Err
		}
	case client.PeerUpdated:
		if c := r.callLocked(e.Peer.ID); c != nil {
			c.heedLocked()
		}
	case client.RoleChanged:
		r.neededLocked()
	}
}

// changedLocked makes those who wait look again.
func (r *Robot) changedLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Robot) notify() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changedLocked()
}

// callLocked is the newest call with a peer.
func (r *Robot) callLocked(peer string) *call {
	for _, c := range slices.Backward(r.calls) {
		if c.pair.Peer().ID == peer {
			return c
		}
	}
	return nil
}

func (r *Robot) call(peer string) (*call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.callLocked(peer); c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("robot: no connection with %q", peer)
}
