package jsep

import (
	"strings"
	"testing"
)

// must fails the test on a violation.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// negotiate takes two connections through one offer and its answer.
func negotiate(t *testing.T, a, b *Conn, restart bool) {
	t.Helper()
	offer, err := a.CreateOffer(restart)
	must(t, err)
	must(t, a.SetLocalDescription(offer))
	must(t, b.SetRemoteDescription(offer))
	answer, err := b.CreateAnswer()
	must(t, err)
	must(t, b.SetLocalDescription(answer))
	must(t, a.SetRemoteDescription(answer))
}

func TestCall(t *testing.T) {
	a, b := New("a"), New("b")
	a.AddTrack(Audio, 1)
	a.Receive(Video, 1)
	if !a.NegotiationNeeded() {
		t.Error("a new track needs no negotiation")
	}
	negotiate(t, a, b, false)
	if !a.Sends(1) || a.NegotiationNeeded() || b.NegotiationNeeded() {
		t.Errorf("sends %v, needed %v and %v", a.Sends(1), a.NegotiationNeeded(), b.NegotiationNeeded())
	}
	if !b.Attach(Video, 1) || !b.NegotiationNeeded() || b.Attach(Video, 2) {
		t.Error("one free m-line for video is there for one track")
	}
	negotiate(t, a, b, false)
	if !b.Sends(1) || b.NegotiationNeeded() {
		t.Error("the answering side's track is not sent")
	}
	b.RemoveTrack(1)
	negotiate(t, a, b, false)
	if b.Idle() || b.Lines(Video) != 1 {
		t.Errorf("idle %v, %d m-lines for video, want the old one, unused", b.Idle(), b.Lines(Video))
	}
}

func TestUfragsChangeOnRestartOnly(t *testing.T) {
	a, b := New("a"), New("b")
	a.AddTrack(Audio, 1)
	for _, c := range []struct {
		restart       bool
		local, remote string
	}{{false, "a-1", "b-1"}, {false, "a-1", "b-1"}, {true, "a-2", "b-2"}, {false, "a-2", "b-2"}} {
		negotiate(t, a, b, c.restart)
		if local, remote := a.Ufrags(); local != c.local || remote != c.remote {
			t.Errorf("restart %v: ufrags %s and %s, want %s and %s", c.restart, local, remote, c.local, c.remote)
		}
	}
}

// TestViolations: each of these is an error in its state, and is kept.
func TestViolations(t *testing.T) {
	const offer = "v=0\r\nm=audio 9 X 0\r\na=sendrecv\r\na=ice-ufrag:x\r\n"
	for _, c := range []struct {
		name string
		do   func(a, b *Conn) error // a and b have negotiated audio once
		want string
	}{
		{"offer over offer", func(a, _ *Conn) error { out(a); _, err := a.CreateOffer(false); return err }, "createOffer"},
		{"remote offer over own offer", func(a, _ *Conn) error { out(a); return a.SetRemoteDescription("v=0\r\na=ice-ufrag:x\r\n") }, "an answer with 0"},
		{"answer without offer", func(_, b *Conn) error { _, err := b.CreateAnswer(); return err }, "createAnswer"},
		{"fewer m-lines", func(_, b *Conn) error { return b.SetRemoteDescription("v=0\r\na=ice-ufrag:x\r\n") }, "an offer with 0"},
		{"another kind", func(_, b *Conn) error { return b.SetRemoteDescription(strings.Replace(offer, "audio", "video", 1)) }, "m-line 0 was audio"},
		{"two offers", func(_, b *Conn) error { _ = b.SetRemoteDescription(offer); return b.SetRemoteDescription(offer) }, "setRemoteDescription"},
		{"what was not created", func(a, _ *Conn) error { return a.SetLocalDescription(offer) }, "not created last"},
		{"own m-line of the answering side", func(_, b *Conn) error { b.AddTrack(Video, 9); return b.SetRemoteDescription(offer) }, "has made an m-line"},
		{"answered restart without one", func(a, _ *Conn) error { out(a); return a.SetRemoteDescription(offer) }, "ufrag x after"},
		{"candidate of another ufrag", func(a, _ *Conn) error { return a.AddCandidate("x", "c") }, "candidate c of ufrag x"},
		{"candidate after the end", func(a, _ *Conn) error { a.EndCandidates("b-1"); return a.AddCandidate("b-1", "c") }, "after the end"},
		{"after close", func(a, _ *Conn) error { a.Close(); return a.AddCandidate("b-1", "c") }, "closed"},
		{"no description", func(a, _ *Conn) error { return a.SetRemoteDescription("v=0") }, "setRemoteDescription with"},
		{"unknown kind", func(a, _ *Conn) error { return a.SetRemoteDescription("v=0\r\nm=smell 9\r\na=ice-ufrag:x") }, "smell"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := New("a"), New("b")
			a.AddTrack(Audio, 1)
			negotiate(t, a, b, false)
			conn := a
			err := c.do(a, b)
			if len(a.Violations()) == 0 {
				conn = b
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || len(conn.Violations()) != 1 {
				t.Errorf("error %v, violations %q, want one with %q", err, conn.Violations(), c.want)
			}
		})
	}
}

// out puts an own offer out.
func out(c *Conn) {
	sdp, _ := c.CreateOffer(false)
	_ = c.SetLocalDescription(sdp)
}

func TestCandidatesNeedTheirDescription(t *testing.T) {
	a, b := New("a"), New("b")
	if _, _, ok := a.Gather(); ok {
		t.Error("gathers without a description")
	}
	a.AddTrack(Audio, 1)
	negotiate(t, a, b, false)
	ufrag, candidate, ok := a.Gather()
	if !ok || ufrag != "a-1" || a.Gathered() != 1 {
		t.Fatalf("gathered %s of %s, %v", candidate, ufrag, ok)
	}
	must(t, b.AddCandidate(ufrag, candidate))
	a.EndGathering(ufrag)
	b.EndCandidates(ufrag)
	if _, _, ok := a.Gather(); ok || !a.GatheredAll() || !b.AddedAll() || len(b.Added()) != 1 {
		t.Errorf("after the end: gathers %v, all gathered %v, added %v: %q", ok, a.GatheredAll(), b.AddedAll(), b.Added())
	}
}
