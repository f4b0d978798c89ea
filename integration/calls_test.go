package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/seed-3a7b6cbd/signal/signaling/robot"
)

// calling waits until everybody gets media of these kinds from everybody.
func (s *scene) calling(kinds ...webrtc.RTPCodecType) {
	s.t.Helper()
	for _, a := range s.actors {
		for _, b := range s.actors {
			if a != b {
				a.waitCall(b, kinds...)
			}
		}
	}
}

func (a *actor) waitCall(b *actor, kinds ...webrtc.RTPCodecType) {
	a.scene.t.Helper()
	err := a.WaitConnected(a.scene.ctx, b.ID())
	if err == nil {
		err = a.WaitMedia(a.scene.ctx, b.ID(), kinds...)
	}
	if err != nil {
		a.scene.t.Fatalf("%s: %v\n%s", a.name, err, a.scene.dump())
	}
}

// peer is what the robot has seen of another.
func (a *actor) peer(b *actor) robot.PeerReport {
	a.scene.t.Helper()
	report, err := a.Peer(b.ID())
	if err != nil {
		a.scene.t.Fatalf("%s: %v", a.name, err)
	}
	return report
}

// moreFrames waits until n more frames have come on each track that goes on,
// from everybody to everybody.
func (s *scene) moreFrames(n int) {
	s.t.Helper()
	type direction struct{ to, from *actor }
	before := map[direction][]int{}
	for _, a := range s.actors {
		for _, b := range s.actors {
			if a != b {
				for _, track := range a.peer(b).Tracks {
					before[direction{a, b}] = append(before[direction{a, b}], track.Frames)
				}
			}
		}
	}
	for d, frames := range before {
		s.until(fmt.Sprintf("%s gets %d more frames of %s", d.to.name, n, d.from.name), func() bool {
			for i, track := range d.to.peer(d.from).Tracks {
				if i < len(frames) && !track.Ended && track.Frames < frames[i]+n {
					return false
				}
			}
			return true
		})
	}
}

// wantIntact wants at least one track of each of these kinds from another, and
// all that came on all of them unharmed, without a frame missing. It returns
// the longest time between two frames of a track.
func (a *actor) wantIntact(b *actor, kinds ...webrtc.RTPCodecType) (gap time.Duration) {
	a.scene.t.Helper()
	seen := map[webrtc.RTPCodecType]bool{}
	for _, track := range a.peer(b).Tracks {
		seen[track.Kind] = true
		gap = max(gap, track.MaxGap)
		if err := track.Intact(); err != nil {
			a.scene.t.Errorf("%s gets %s of %s: %v: %+v\n%s", a.name, track.Kind, b.name, err, track, a.scene.dump())
		}
		if track.Sender != b.name {
			a.scene.t.Errorf("%s gets the clip of %q from %s", a.name, track.Sender, b.name)
		}
	}
	for _, k := range kinds {
		if !seen[k] {
			a.scene.t.Errorf("%s gets no %s of %s", a.name, k, b.name)
		}
	}
	return gap
}

// allIntact is wantIntact for everybody from everybody, on the one connection
// that each pair has made. It records the longest gap.
func (s *scene) allIntact(kinds ...webrtc.RTPCodecType) {
	s.t.Helper()
	var gap time.Duration
	for _, a := range s.actors {
		for _, b := range s.actors {
			if a == b {
				continue
			}
			gap = max(gap, a.wantIntact(b, kinds...))
			if report := a.peer(b); report.Connections != 1 || report.Err != nil {
				s.t.Errorf("%s to %s: %d connections, want 1; error %v", a.name, b.name, report.Connections, report.Err)
			}
		}
	}
	record(s.t, "largest-gap", gap)
}

// record puts a figure into the test's output.
func record(t *testing.T, name string, value any) {
	t.Attr(name, fmt.Sprint(value))
}

// wantPath compares how two robots reach each other, from this one's side.
func (a *actor) wantPath(b *actor, kind webrtc.ICECandidateType, relayProtocol string) {
	a.scene.t.Helper()
	path, err := a.SelectedPair(b.ID())
	if err != nil || path.Local != kind || path.Remote != kind || path.RelayProtocol != relayProtocol {
		a.scene.t.Errorf("%s to %s: path %+v, %v; want %s at both ends, relay over %q", a.name, b.name, path, err, kind, relayProtocol)
	}
}
