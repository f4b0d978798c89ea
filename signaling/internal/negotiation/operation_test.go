package negotiation

import (
	"encoding/json"
	"strconv"

	"github.com/seed-3a7b6cbd/signal/signaling/internal/jsep"
)

// sdpData is the data of a description; the machine needs the SDP alone.
func sdpData(sdp string) json.RawMessage {
	return json.RawMessage(append(strconv.AppendQuote([]byte(`{"sdp":`), sdp), '}'))
}

// advance does the next step of the operation that is on its way, and tells
// the machine when it is through.
func (s *side) advance() bool {
	if s.op == nil {
		return false
	}
	o := s.op
	o.stage++
	var err error
	var result Event
	switch o.Kind {
	case MakeOffer:
		result, err = s.makeOffer(o)
	case MakeAnswer:
		result, err = s.makeAnswer(o)
	default:
		result, err = s.applyAnswer(o)
	}
	switch {
	case err != nil:
		s.fail()
	case result.Kind != "":
		s.op = nil
		result.PC, result.Gen = o.PC, o.Gen
		s.handle(result)
	}
	return true
}

// fail ends the operation that is on its way.
func (s *side) fail() {
	if o := s.op; o != nil {
		s.op = nil
		s.causes++
		s.handle(Event{Kind: Failed, PC: o.PC, Gen: o.Gen, Reason: "x"})
	}
}

func (s *side) makeOffer(o *op) (result Event, err error) {
	switch o.stage {
	case 1:
		if n := o.Need; n != nil {
			s.conn.Receive(jsep.Audio, n.Audio)
			s.conn.Receive(jsep.Video, n.Video)
			s.conn.Receive(jsep.Data, n.Data)
		}
		o.sdp, err = s.conn.CreateOffer(o.Restart)
	case 2:
		err = s.conn.SetLocalDescription(o.sdp)
	case 3:
		result = Event{Kind: Made, Data: sdpData(o.sdp)}
	}
	return result, err
}

func (s *side) makeAnswer(o *op) (result Event, err error) {
	switch o.stage {
	case 1:
		err = s.conn.SetRemoteDescription(description(o.Data))
	case 2:
		s.attachAll()
		o.sdp, err = s.conn.CreateAnswer()
	case 3:
		err = s.conn.SetLocalDescription(o.sdp)
		s.becameStable()
	case 4:
		result = Event{Kind: Made, Data: sdpData(o.sdp)}
		if s.waits() {
			s.causes++
			result.Need = s.need()
		}
	}
	return result, err
}

func (s *side) applyAnswer(o *op) (result Event, err error) {
	switch o.stage {
	case 1:
		err = s.conn.SetRemoteDescription(description(o.Data))
		s.becameStable()
	case 2:
		result = Event{Kind: Applied}
	}
	return result, err
}

// checkNeeded is "update the negotiation-needed flag" of W3C webrtc-pc.
func (s *side) checkNeeded() {
	if !s.eager && s.conn != nil && s.conn.State() == jsep.Stable && !s.flagged {
		s.queued = true
	}
}

func (s *side) becameStable() {
	s.flagged = false
	s.checkNeeded()
}

// fireNeeded is the task that checkNeeded has queued.
func (s *side) fireNeeded() bool {
	if !s.queued {
		return false
	}
	s.queued = false
	if s.conn.State() == jsep.Stable && !s.flagged && s.conn.NegotiationNeeded() {
		s.flagged = true
		s.needed()
	}
	return true
}

// gather gathers n candidates, which the machine hears of later; the last one
// with the end if end.
func (s *side) gather(n int, end bool) {
	if s.conn == nil {
		return
	}
	for i := range n {
		ufrag, candidate, ok := s.conn.Gather()
		if !ok {
			return
		}
		last := end && i == n-1
		if last {
			s.conn.EndGathering(ufrag)
		}
		s.late = append(s.late, Event{
			Kind: Gathered, PC: s.pc, Ufrag: ufrag, End: last,
			Data: json.RawMessage(`["` + candidate + `"]`),
		})
	}
}

func (s *side) tellGathered() bool {
	if len(s.late) == 0 {
		return false
	}
	ev := s.late[0]
	s.late = s.late[1:]
	s.handle(ev)
	return true
}
