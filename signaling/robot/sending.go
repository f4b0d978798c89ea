package robot

import (
	"context"
	"fmt"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// A sending is one Track on one connection. Owned by the pair's goroutine.
type sending struct {
	local  *webrtc.TrackLocalStaticSample
	sender *webrtc.RTPSender
	stop   context.CancelFunc // ends its playing; nil before that has begun
}

// attach makes what is sent what should be. An answering side, for which room
// has the m-lines that its peer will receive on, can use no others; short says
// that they were too few.
//
// A track that takes the place of another of its kind takes over what is being
// sent, as it is the same clip. Two things of pion stand against anything
// else: its AddTrack cannot reuse an m-line before the removal of its track has
// been negotiated; and ReplaceTrack with a new TrackLocalStaticSample begins
// new sequence numbers on the old SSRC, which the receiver's SRTP takes for a
// replay in half of all cases.
func (c *conn) attach(tracks []*Track, room map[string]bool) (short bool, err error) {
	wanted := make(map[*Track]bool)
	for _, t := range tracks {
		wanted[t] = true
	}
	free := c.free(room)
	for _, t := range tracks {
		if c.sending[t] != nil {
			continue
		}
		if old := c.replaceable(t.kind, wanted); old != nil {
			c.sending[t] = c.sending[old]
			delete(c.sending, old)
			continue
		}
		if room != nil && free[t.kind] == 0 {
			short = true
			continue
		}
		free[t.kind]--
		if err := c.addTrack(t); err != nil {
			return false, fmt.Errorf("robot: send %s: %w", t.kind, err)
		}
	}
	for t, s := range c.sending {
		if wanted[t] {
			continue
		}
		delete(c.sending, t)
		s.end()
		if err := c.pc.RemoveTrack(s.sender); err != nil {
			return false, fmt.Errorf("robot: stop sending %s: %w", t.kind, err)
		}
	}
	return short, nil
}

// free counts the m-lines that an answering side can begin to send on.
func (c *conn) free(room map[string]bool) map[webrtc.RTPCodecType]int {
	free := make(map[webrtc.RTPCodecType]int)
	for _, t := range c.pc.GetTransceivers() {
		if t.Sender() == nil && room[t.Mid()] {
			free[t.Kind()]++
		}
	}
	return free
}

// replaceable is a track that is sent and should not be.
func (c *conn) replaceable(kind webrtc.RTPCodecType, wanted map[*Track]bool) *Track {
	for t := range c.sending {
		if t.kind == kind && !wanted[t] {
			return t
		}
	}
	return nil
}

func (c *conn) addTrack(t *Track) error {
	local, err := c.call.robot.player.NewTrack(t.kind)
	if err != nil {
		return err
	}
	sender, err := c.pc.AddTrack(local)
	if err != nil {
		return err
	}
	c.sending[t] = &sending{local: local, sender: sender}
	return nil
}

func (s *sending) end() {
	if s.stop != nil {
		s.stop()
	}
}

// play starts what has been negotiated, as soon as the connection is up.
func (c *conn) play() {
	for _, s := range c.sending {
		if s.stop != nil {
			continue
		}
		var ctx context.Context
		ctx, s.stop = context.WithCancel(c.ctx)
		local, sender := s.local, s.sender
		c.workers.Go(func() { _ = c.feedback.Run(sender) }) // ends with the sender
		c.workers.Go(func() {                               // ends with ctx
			select {
			case <-c.up:
				_ = c.call.robot.player.Play(ctx, local)
			case <-ctx.Done():
			}
		})
	}
}

// willReceive are the mids of a description whose side can receive on them.
func willReceive(d *sdp.SessionDescription) map[string]bool {
	mids := make(map[string]bool)
	for _, m := range d.MediaDescriptions {
		mid, _ := m.Attribute(sdp.AttrKeyMID)
		_, sendonly := m.Attribute(sdp.AttrKeySendOnly)
		_, inactive := m.Attribute(sdp.AttrKeyInactive)
		if !sendonly && !inactive && m.MediaName.Port.Value != 0 {
			mids[mid] = true
		}
	}
	return mids
}
