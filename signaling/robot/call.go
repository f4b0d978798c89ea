package robot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

var errNotOpen = errors.New("robot: no connection is open")

// A call is everything with one peer: a client.Driver around one connection at
// a time.
type call struct {
	robot   *Robot
	pair    *client.Pair
	failed  error       // guarded by Robot.mu: why the pair gave up
	unheard atomic.Bool // the peer is a viewer: what it sends is not played

	mu    sync.Mutex // guards the following; the pair's goroutine alone writes
	conn  *conn      // nil while there is none
	conns int        // so far
	over  []incoming // of connections that are closed
}

// ended reports whether the pair is over.
func (c *call) ended() bool {
	select {
	case <-c.pair.Done():
		return true
	default:
		return false
	}
}

// tracks are what the peer is sent: nothing by a viewer.
func (c *call) tracks() []*Track {
	if c.pair.Room().Role() == wire.RoleViewer {
		return nil
	}
	return c.robot.Tracks()
}

// heedLocked notes whether the peer is a viewer. It is called with Robot.mu held.
func (c *call) heedLocked() {
	peer, here := c.pair.Room().Peer(c.pair.Peer().ID)
	c.unheard.Store(here && peer.Role == wire.RoleViewer)
}

func (c *call) current() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}

// Open implements client.Driver.
func (c *call) Open(_ context.Context, number uint64) error {
	pc, err := c.robot.api.NewPeerConnection(c.robot.configuration(c.pair.Room()))
	if err != nil {
		return fmt.Errorf("robot: new connection: %w", err)
	}
	conn := newConn(c, number, pc)
	c.mu.Lock()
	c.conn = conn
	c.conns++
	c.mu.Unlock()
	conn.listen()
	return nil
}

// Close implements client.Driver.
func (c *call) Close() {
	conn := c.current()
	if conn == nil {
		return
	}
	conn.close()
	c.mu.Lock()
	c.conn = nil
	c.over = append(c.over, conn.received()...)
	c.over = c.over[max(0, len(c.over)-maxReceivers):]
	c.mu.Unlock()
	c.robot.notify()
}

// MakeOffer implements client.Driver.
func (c *call) MakeOffer(_ context.Context, restart bool, need client.Need) (string, error) {
	conn := c.current()
	if conn == nil {
		return "", errNotOpen
	}
	if restart {
		// Whatever was wrong may have been the old servers' credentials.
		if err := conn.configure(); err != nil {
			return "", fmt.Errorf("robot: ICE servers: %w", err)
		}
	}
	if _, err := conn.attach(c.tracks(), nil); err != nil {
		return "", err
	}
	if err := conn.makeRoom(need); err != nil {
		return "", err
	}
	offer, err := conn.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err == nil {
		err = conn.pc.SetLocalDescription(offer)
	}
	if err != nil {
		return "", fmt.Errorf("robot: offer: %w", err)
	}
	return offer.SDP, nil
}

// MakeAnswer implements client.Driver.
func (c *call) MakeAnswer(_ context.Context, sdp string) (string, *client.Need, error) {
	conn := c.current()
	if conn == nil {
		return "", nil, errNotOpen
	}
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}
	parsed, err := offer.Unmarshal()
	if err != nil {
		return "", nil, fmt.Errorf("robot: offer: %w", err)
	}
	if conn.pc.RemoteDescription() != nil {
		if err := conn.configure(); err != nil { // it may be a restart
			return "", nil, fmt.Errorf("robot: ICE servers: %w", err)
		}
	}
	if err := conn.pc.SetRemoteDescription(offer); err != nil {
		return "", nil, fmt.Errorf("robot: offer: %w", err)
	}
	tracks := c.tracks()
	short, err := conn.attach(tracks, willReceive(parsed))
	if err != nil {
		return "", nil, err
	}
	answer, err := conn.pc.CreateAnswer(nil)
	if err == nil {
		err = conn.pc.SetLocalDescription(answer)
	}
	if err != nil {
		return "", nil, fmt.Errorf("robot: answer: %w", err)
	}
	conn.play()
	if short {
		return answer.SDP, needOf(tracks), nil
	}
	return answer.SDP, nil, nil
}

// ApplyAnswer implements client.Driver.
func (c *call) ApplyAnswer(_ context.Context, sdp string) error {
	conn := c.current()
	if conn == nil {
		return errNotOpen
	}
	answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}
	if err := conn.pc.SetRemoteDescription(answer); err != nil {
		return fmt.Errorf("robot: answer: %w", err)
	}
	conn.play()
	return nil
}

// AddCandidates implements client.Driver.
func (c *call) AddCandidates(_ context.Context, _ string, list []client.Candidate, end bool) {
	conn := c.current()
	if conn == nil {
		return
	}
	for _, candidate := range list {
		if candidate.Candidate == "" {
			continue // an older way to say what end says
		}
		conn.add(webrtc.ICECandidateInit(candidate))
	}
	if end {
		conn.add(webrtc.ICECandidateInit{})
	}
}

// Flows implements client.Driver.
func (c *call) Flows() bool {
	conn := c.current()
	return conn != nil && conn.flows()
}
