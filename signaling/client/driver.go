package client

import (
	"context"
	"encoding/json"

	"github.com/seed-3a7b6cbd/signal/signaling/internal/negotiation"
)

// A Driver is what carries out a negotiation: one for each Pair, around one
// WebRTC connection at a time. Its methods are called one after the other on
// the pair's goroutine. They may block until ctx ends, which it does when the
// pair is over, and must return then. What happens in the connection goes to
// the Pair's methods.
type Driver interface {
	// Open makes a new connection, number pc. The one before has been closed.
	Open(ctx context.Context, pc uint64) error

	// MakeOffer has at least need m-lines of each kind that can receive, makes
	// an offer (with an ICE restart, if restart) and sets it.
	MakeOffer(ctx context.Context, restart bool, need Need) (sdp string, err error)

	// MakeAnswer sets the offer, attaches own tracks to m-lines that are free,
	// makes an answer and sets it. Need is what there is to send, if an own track
	// has found no m-line, and nil otherwise.
	MakeAnswer(ctx context.Context, offer string) (sdp string, need *Need, err error)

	// ApplyAnswer sets the answer to the last offer.
	ApplyAnswer(ctx context.Context, answer string) error

	// AddCandidates adds candidates of the peer, of one ufrag. After end none
	// come for it. One that is no good is the driver's to leave out.
	AddCandidates(ctx context.Context, ufrag string, list []Candidate, end bool)

	// Flows reports whether media or data arrives on the connection now.
	Flows() bool

	// Close ends the connection. It is called once for each Open.
	Close()
}

// Need is a number of m-lines of each kind that a side wants to send on, all
// told. Data is 0 or 1.
type Need struct{ Audio, Video, Data int }

// A Candidate is an RTCIceCandidateInit (W3C webrtc-pc §4.8.1.1).
type Candidate struct {
	Candidate        string  `json:"candidate"`
	SDPMid           *string `json:"sdpMid,omitempty"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex,omitempty"`
	UsernameFragment *string `json:"usernameFragment,omitempty"`
}

// parseCandidates reads an array of candidates. Elements that are none are
// left out: a peer's mistake in one must not cost the others.
func parseCandidates(data json.RawMessage) []Candidate {
	var raw []json.RawMessage
	if json.Unmarshal(data, &raw) != nil {
		return nil
	}
	list := make([]Candidate, 0, len(raw))
	for _, r := range raw {
		var c *Candidate
		if json.Unmarshal(r, &c) == nil && c != nil {
			list = append(list, *c)
		}
	}
	return list
}

// description is the data of an offer or an answer.
type description struct {
	Type string `json:"type"`
	SDP  string `json:"sdp"`
}

// encode is for the plain structs of this package, which always can be.
func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("client: " + err.Error())
	}
	return data
}

// Ufrag is the candidate's ICE generation, or "" if it does not tell: then it
// belongs to the description of its side.
func (c Candidate) Ufrag() string {
	fragment := ""
	if c.UsernameFragment != nil {
		fragment = *c.UsernameFragment
	}
	return negotiation.CandidateUfrag(fragment, c.Candidate)
}
