package robot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
)

// A Report is what a robot has seen, at one moment.
type Report struct {
	ID    string
	Name  string // of the clip that is sent
	Sent  media.Sent
	Peers []PeerReport // in the order in which their calls began, also those that left
}

// A PeerReport is what a robot has seen of one peer.
type PeerReport struct {
	ID          string
	Connections int           // made with it so far
	State       string        // of the newest one, as RTCPeerConnectionState
	Connected   time.Duration // from making the newest one to its being up; 0: not yet
	Path        Path          // of the newest one
	MLines      int           // of its descriptions
	Rejected    int64         // candidates that could not be used
	Feedback    media.FeedbackReport
	Tracks      []media.Report // that came from it, the oldest first
	Err         error          // why there is no connection, if it was given up
}

// A Path is the candidate pair that a connection uses. The zero Path: none.
type Path struct {
	Local, Remote webrtc.ICECandidateType
	LocalAddress  string // host:port, as is the other
	RemoteAddress string
	Protocol      string // of the local candidate: udp or tcp
	RelayProtocol string // how a relayed local candidate reaches its TURN server
}

// Relayed reports whether either end is relayed.
func (p Path) Relayed() bool {
	return p.Local == webrtc.ICECandidateTypeRelay || p.Remote == webrtc.ICECandidateTypeRelay
}

// Report returns what was seen so far.
func (r *Robot) Report() Report {
	r.mu.Lock()
	calls := append([]*call(nil), r.calls...)
	failed := make([]error, len(calls))
	for i, c := range calls {
		failed[i] = c.failed
	}
	r.mu.Unlock()
	report := Report{ID: r.ID(), Name: r.config.Name, Sent: r.player.Sent()}
	for i, c := range calls {
		peer := c.report()
		peer.Err = failed[i]
		report.Peers = append(report.Peers, peer)
	}
	return report
}

// Peer returns what was seen of one peer.
func (r *Robot) Peer(peer string) (PeerReport, error) {
	c, err := r.call(peer)
	if err != nil {
		return PeerReport{}, err
	}
	report := c.report()
	r.mu.Lock()
	defer r.mu.Unlock()
	report.Err = c.failed
	return report, nil
}

func (c *call) report() PeerReport {
	c.mu.Lock()
	conn, tracks := c.conn, append([]incoming(nil), c.over...)
	report := PeerReport{ID: c.pair.Peer().ID, Connections: c.conns}
	c.mu.Unlock()
	if conn != nil {
		tracks = append(tracks, conn.received()...)
		conn.report(&report)
	}
	for _, in := range tracks {
		report.Tracks = append(report.Tracks, in.receiver.Report())
	}
	return report
}

func (c *conn) report(into *PeerReport) {
	c.mu.Lock()
	into.Connected = c.connected
	c.mu.Unlock()
	into.State = c.pc.ConnectionState().String()
	into.MLines = len(c.pc.GetTransceivers())
	into.Rejected = c.rejected.Load()
	into.Feedback = c.feedback.Report()
	into.Path, _ = c.path()
}

// path is the selected pair, if there is one. Before the connection is up pion
// must not be asked: its ICETransport reads what Start writes without a lock.
func (c *conn) path() (Path, bool) {
	select {
	case <-c.up:
	default:
		return Path{}, false
	}
	pair, err := c.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return Path{}, false
	}
	return Path{
		Local: pair.Local.Typ, Remote: pair.Remote.Typ,
		LocalAddress:  address(pair.Local),
		RemoteAddress: address(pair.Remote),
		Protocol:      pair.Local.Protocol.String(),
		RelayProtocol: c.relayProtocol(pair.Local),
	}, true
}

func address(c *webrtc.ICECandidate) string {
	return net.JoinHostPort(c.Address, strconv.Itoa(int(c.Port)))
}

// relayProtocol is how a relayed local end is reached. Only pion's GetStats
// knows, which races with the Close that a peer's goodbye causes inside pion:
// so it is asked once for each such end, when the connection is young.
func (c *conn) relayProtocol(local *webrtc.ICECandidate) string {
	if local.Typ != webrtc.ICECandidateTypeRelay {
		return ""
	}
	c.mu.Lock()
	protocol, known := c.relays[address(local)]
	c.mu.Unlock()
	if known {
		return protocol
	}
	stats := c.stats()
	for _, s := range stats {
		pair, ok := s.(webrtc.ICECandidatePairStats)
		if !ok || !pair.Nominated {
			continue
		}
		if found, ok := stats[pair.LocalCandidateID].(webrtc.ICECandidateStats); ok && found.RelayProtocol != "" {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.relays[address(local)] = found.RelayProtocol
			return found.RelayProtocol
		}
	}
	return ""
}

// SelectedPair returns the path to a peer. It fails if there is none yet.
func (r *Robot) SelectedPair(peer string) (Path, error) {
	c, err := r.call(peer)
	if err != nil {
		return Path{}, err
	}
	if conn := c.current(); conn != nil {
		if path, ok := conn.path(); ok {
			return path, nil
		}
	}
	return Path{}, fmt.Errorf("robot: no path to %q yet", peer)
}

// wait blocks until done says so, looking after each change.
func (r *Robot) wait(ctx context.Context, done func() (bool, error)) error {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-r.client.Done():
			return r.client.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// WaitPeer waits until somebody else is in the room, and returns who has been
// there for longest.
func (r *Robot) WaitPeer(ctx context.Context) (string, error) {
	var id string
	err := r.wait(ctx, func() (bool, error) {
		if peers := r.room.Peers(); len(peers) > 0 {
			id = peers[0].ID
			if _, err := r.call(id); err == nil {
				return true, nil
			}
		}
		return false, nil
	})
	return id, err
}

// WaitConnected waits until there is a connection with a peer. It fails if the
// attempt is given up.
func (r *Robot) WaitConnected(ctx context.Context, peer string) error {
	err := r.wait(ctx, func() (bool, error) {
		report, err := r.Peer(peer)
		if err != nil {
			return false, nil // not seen as yet
		}
		return report.State == webrtc.PeerConnectionStateConnected.String(), report.Err
	})
	if err != nil {
		return fmt.Errorf("robot: connect with %q: %w", peer, err)
	}
	return nil
}

// WaitMedia waits until a frame of each of these kinds has come from a peer on
// a track that goes on; without kinds, of any.
func (r *Robot) WaitMedia(ctx context.Context, peer string, kinds ...webrtc.RTPCodecType) error {
	if len(kinds) == 0 {
		kinds = []webrtc.RTPCodecType{0}
	}
	for _, kind := range kinds {
		if err := r.waitFrame(ctx, peer, kind); err != nil {
			return fmt.Errorf("robot: %s from %q: %w", kind, peer, err)
		}
	}
	return nil
}

// waitFrame waits for a track of that kind, then for a frame on the newest.
func (r *Robot) waitFrame(ctx context.Context, peer string, kind webrtc.RTPCodecType) error {
	for {
		var newest *media.Receiver
		err := r.wait(ctx, func() (bool, error) {
			newest = r.newest(peer, kind)
			return newest != nil, nil
		})
		if err != nil {
			return err
		}
		if _, err = newest.FirstFrame(ctx); !errors.Is(err, media.ErrEnded) {
			return err
		}
	}
}

// newest is the newest track of that kind, or of any if kind is 0, that goes on.
func (r *Robot) newest(peer string, kind webrtc.RTPCodecType) *media.Receiver {
	c, err := r.call(peer)
	if err != nil {
		return nil
	}
	conn := c.current()
	if conn == nil {
		return nil
	}
	var newest *media.Receiver
	for _, in := range conn.received() {
		if report := in.receiver.Report(); !report.Ended && (kind == 0 || report.Kind == kind) {
			newest = in.receiver
		}
	}
	return newest
}
