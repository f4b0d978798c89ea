//go:build linux

package nat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/robot"
	"github.com/seed-3a7b6cbd/signal/signaling/robot/media"
)

// A peerConfig is what a peer's process is told, at its standard input.
type peerConfig struct {
	URL    string // of the WebSocket
	Room   string
	Name   string // of its clip
	Family family
	// RelayOnly leaves all other paths out.
	RelayOnly bool
	// RelayWait is how long a direct path is waited for while a relayed one would
	// do. On a busy machine it is not the better one that is there first.
	RelayWait time.Duration
}

// maxChecks is how often a pair of candidates is tried. Pion's 7 are over after
// 1.4 s, in which the other end has to begin.
const maxChecks = 50

// A peerReport is what a peer's process has seen of the other, at its standard
// output.
type peerReport struct {
	Connected   time.Duration // from making the connection to its being up; 0: not yet
	Connections int
	State       string
	Path        string // kinds and addresses of both ends, to read
	Relay       string // how the own end reaches its relay: udp, tcp or nothing
	Pictures    int    // frames that are in the clip of the other
	Sound       int
	Harmed      int // frames that are not
	Err         string
}

// runPeer is what a peer's process does: it is in the room until its standard
// input ends, so that none outlives the test.
func runPeer() error {
	var cfg peerConfig
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&cfg); err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := robot.Join(ctx, cfg.URL, cfg.Room, cfg.robot(notify))
	if err != nil {
		return err
	}
	go func() { // ends with the input
		_, _ = io.Copy(io.Discard, os.Stdin) // an end is an end
		cancel()
	}()
	now := time.NewTicker(500 * time.Millisecond) // the state may change without a frame
	defer now.Stop()
	for out := json.NewEncoder(os.Stdout); ; {
		if err := out.Encode(reportOf(r)); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-now.C:
		case <-r.Client().Done():
			return fmt.Errorf("the client has ended: %w", r.Client().Err())
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			return r.Close(ctx)
		}
	}
}

// robot is the configuration of a robot that calls notify for some of what it
// gets.
func (c peerConfig) robot(notify func()) robot.Config {
	var frames atomic.Int64
	cfg := robot.Config{Name: c.Name, RelayOnly: c.RelayOnly, OnEvent: func(client.Event) { notify() }}
	cfg.Receiver.OnFrame = func(media.Frame) {
		if frames.Add(1)%8 == 0 { // a report asks a lot each time
			notify()
		}
	}
	cfg.Settings = func(e *webrtc.SettingEngine) {
		network := map[family]webrtc.NetworkType{ipv4: webrtc.NetworkTypeUDP4, ipv6: webrtc.NetworkTypeUDP6}
		e.SetNetworkTypes([]webrtc.NetworkType{network[c.Family]})
		e.SetIncludeLoopbackCandidate(false)
		e.SetICEMaxBindingRequests(maxChecks)
		if c.RelayWait > 0 {
			e.SetRelayAcceptanceMinWait(c.RelayWait)
		}
	}
	return cfg
}

// reportOf is about the one other that has come.
func reportOf(r *robot.Robot) (report peerReport) {
	for _, p := range r.Report().Peers {
		report.Connected, report.Connections, report.State = p.Connected, p.Connections, p.State
		report.Relay = p.Path.RelayProtocol
		if to := p.Path; to != (robot.Path{}) {
			report.Path = fmt.Sprintf("%s %s %s to %s %s", to.Local, to.LocalAddress, to.RelayProtocol, to.Remote, to.RemoteAddress)
		}
		for _, track := range p.Tracks {
			if track.Kind == webrtc.RTPCodecTypeVideo {
				report.Pictures += track.Matched
			} else {
				report.Sound += track.Matched
			}
			report.Harmed += track.Mixed + track.Corrupt + track.Foreign
		}
		if p.Err != nil {
			report.Err = p.Err.Error()
		}
	}
	return report
}
