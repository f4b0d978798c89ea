package robot

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
)

const (
	// flowing is how recent the last frame has to be for media to flow.
	flowing = 3 * time.Second
	// maxReceivers bounds what is remembered of tracks that have ended.
	maxReceivers = 256
)

// A conn is one webrtc.PeerConnection with what is sent and received on it.
type conn struct {
	call     *call
	number   uint64 // the pc of the protocol
	pc       *webrtc.PeerConnection
	ctx      context.Context // ends with the connection
	cancel   context.CancelFunc
	workers  sync.WaitGroup // players, feedback readers, receivers
	feedback media.Feedback
	up       chan struct{} // closed when connected for the first time
	setUp    sync.Once
	opened   time.Time
	rejected atomic.Int64 // candidates that pion did not take

	// Owned by the pair's goroutine.
	sending map[*Track]*sending
	data    bool // there is an m-line for data

	// configuring keeps SetConfiguration and GetStats apart, which pion does not.
	configuring sync.Mutex

	mu        sync.Mutex // guards the following
	closed    bool
	connected time.Duration // from opened; 0: not yet
	ufrag     string        // of the own candidate gathered last
	receivers []incoming
	relays    map[string]string // RelayProtocol by the address of a local candidate
}

// incoming is one track of the peer.
type incoming struct {
	id       string // of the remote track
	receiver *media.Receiver
}

func newConn(c *call, number uint64, pc *webrtc.PeerConnection) *conn {
	conn := &conn{
		call: c, number: number, pc: pc,
		up: make(chan struct{}), opened: time.Now(), sending: make(map[*Track]*sending), relays: make(map[string]string),
	}
	conn.ctx, conn.cancel = context.WithCancel(context.Background())
	return conn
}

// listen passes on what happens in the connection.
func (c *conn) listen() {
	c.pc.OnICECandidate(c.gathered)
	c.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.receive(t) })
	c.pc.OnICEConnectionStateChange(c.iceChanged)
	c.pc.OnConnectionStateChange(c.stateChanged)
}

// iceChanged asks for a restart where media no longer gets through. If it is the
// own network that has changed, the way to the server is dead as well.
func (c *conn) iceChanged(s webrtc.ICEConnectionState) {
	if s == webrtc.ICEConnectionStateFailed || s == webrtc.ICEConnectionStateDisconnected {
		c.call.robot.client.Probe()
		c.call.pair.Stuck(c.number)
	}
}

func (c *conn) stateChanged(s webrtc.PeerConnectionState) {
	switch s {
	case webrtc.PeerConnectionStateConnected:
		c.setUp.Do(func() {
			c.mu.Lock()
			c.connected = time.Since(c.opened)
			c.mu.Unlock()
			close(c.up)
		})
		c.call.pair.Connected(c.number)
	case webrtc.PeerConnectionStateClosed:
		c.call.pair.Broken(c.number, "the connection was closed")
	case webrtc.PeerConnectionStateFailed:
		// ICE that failed can be restarted; DTLS that failed cannot.
		if c.pc.SCTP().Transport().State() == webrtc.DTLSTransportStateFailed {
			c.call.pair.Broken(c.number, "DTLS failed")
		}
	}
	c.call.robot.notify()
}

// gathered sends one own candidate, or the end of them. Pion tells the ufrag
// in the candidate line only, and not at all at the end.
func (c *conn) gathered(candidate *webrtc.ICECandidate) {
	if candidate == nil {
		c.mu.Lock()
		ufrag := c.ufrag
		c.mu.Unlock()
		c.call.pair.Gathered(c.number, ufrag, nil, true)
		return
	}
	line := client.Candidate(candidate.ToJSON())
	ufrag := line.Ufrag()
	c.mu.Lock()
	c.ufrag = ufrag
	c.mu.Unlock()
	c.call.pair.Gathered(c.number, ufrag, []client.Candidate{line}, false)
}

func (c *conn) add(candidate webrtc.ICECandidateInit) {
	if c.pc.AddICECandidate(candidate) != nil {
		c.rejected.Add(1) // one of many; those that are left may do
	}
}

// receive judges a track of the peer until it ends.
func (c *conn) receive(t *webrtc.TrackRemote) {
	in := incoming{id: t.ID(), receiver: media.NewReceiver(gate{t, c.call}, c.call.robot.config.Receiver)}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.receivers = append(c.receivers, in)
	c.receivers = c.receivers[max(0, len(c.receivers)-maxReceivers):]
	c.workers.Go(func() { _ = in.receiver.Run(c.ctx) }) // its report says that it ended
	c.mu.Unlock()
	c.call.robot.notify()
}

func (c *conn) received() []incoming {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]incoming(nil), c.receivers...)
}

func (c *conn) flows() bool {
	for _, in := range c.received() {
		if report := in.receiver.Report(); !report.Ended && time.Since(report.LastFrame) < flowing {
			return true
		}
	}
	return false
}

// configure has the next ICE restart use the newest servers.
func (c *conn) configure() error {
	c.configuring.Lock()
	defer c.configuring.Unlock()
	now := c.pc.GetConfiguration()
	now.ICEServers = c.call.robot.configuration(c.call.pair.Room()).ICEServers
	return c.pc.SetConfiguration(now)
}

func (c *conn) stats() webrtc.StatsReport {
	c.configuring.Lock()
	defer c.configuring.Unlock()
	return c.pc.GetStats()
}

// makeRoom has at least need m-lines of each kind that can receive. Without
// any m-line there would be no ICE, so that who sends nothing offers to receive.
func (c *conn) makeRoom(need client.Need) error {
	if len(c.pc.GetTransceivers()) == 0 {
		need.Audio, need.Video = max(need.Audio, 1), max(need.Video, 1)
	}
	have := map[webrtc.RTPCodecType]int{}
	for _, t := range c.pc.GetTransceivers() {
		switch t.Direction() {
		case webrtc.RTPTransceiverDirectionSendrecv, webrtc.RTPTransceiverDirectionRecvonly:
			have[t.Kind()]++
		}
	}
	for kind, n := range map[webrtc.RTPCodecType]int{webrtc.RTPCodecTypeAudio: need.Audio, webrtc.RTPCodecTypeVideo: need.Video} {
		for range n - have[kind] {
			_, err := c.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
			if err != nil {
				return fmt.Errorf("robot: m-line for %s: %w", kind, err)
			}
		}
	}
	return c.makeDataRoom(need.Data)
}

// dataChannel is the id of a channel that no side hears of: pion has an m-line
// for data only with a channel of its own.
const dataChannel = 1023

func (c *conn) makeDataRoom(n int) error {
	if n == 0 || c.data {
		return nil
	}
	negotiated, id := true, uint16(dataChannel)
	if _, err := c.pc.CreateDataChannel("", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id}); err != nil {
		return fmt.Errorf("robot: m-line for data: %w", err)
	}
	c.data = true
	return nil
}

// close ends the connection and waits for everything that worked on it.
func (c *conn) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	_ = c.pc.GracefulClose() // there is nothing left to do about an error
	c.workers.Wait()
}
