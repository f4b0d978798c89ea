package negotiation

import (
	"encoding/json"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// An EventKind names what happened to one side.
type EventKind string

// The events. In the comment: the fields that count beside Kind.
const (
	// From the application.
	Begin  EventKind = "begin"  // the peer appears, or the user tries again after GiveUp
	End    EventKind = "end"    // the peer has left
	Needed EventKind = "needed" // Need (answering side: of all own tracks): own tracks changed

	// From the wire: the messages of these names.
	Offer      EventKind = "offer"      // PC, Gen, Data
	Answer     EventKind = "answer"     // PC, Gen, Data
	Candidates EventKind = "candidates" // PC, Ufrag, End, Data
	Negotiate  EventKind = "negotiate"  // PC, Gen, Data
	Reject     EventKind = "reject"     // PC, Gen, Data

	// From the connection.
	Made      EventKind = "made"      // PC, Gen, Data {"type","sdp"}: MakeOffer or MakeAnswer is done; Need (of all own tracks) if one of them found no m-line to answer with
	Applied   EventKind = "applied"   // PC, Gen: ApplyAnswer is done
	Failed    EventKind = "failed"    // PC, Gen, Reason: one of the three cannot be done
	Gathered  EventKind = "gathered"  // PC, Ufrag, End, Data: own candidates, as on the wire
	Connected EventKind = "connected" // PC: ICE and DTLS are up
	Stuck     EventKind = "stuck"     // PC: ICE failed, or no bytes; a restart may help
	Broken    EventKind = "broken"    // PC: closed, or failed for good

	// From the clock and the link.
	Timer    EventKind = "timer"     // Flows
	PeerAway EventKind = "peer-away" // the peer's link is lost
	PeerBack EventKind = "peer-back"
	LinkDown EventKind = "link-down" // the own one is
	LinkUp   EventKind = "link-up"
)

// An Event is something that a Machine has to know. Its JSON form is the one
// of the shared traces.
type Event struct {
	Kind   EventKind       `json:"kind"`
	PC     uint64          `json:"pc,omitempty"`
	Gen    uint64          `json:"gen,omitempty"`
	Ufrag  string          `json:"ufrag,omitempty"`
	End    bool            `json:"end,omitempty"`    // of the candidates of Ufrag
	Flows  bool            `json:"flows,omitempty"`  // media flows on this pc
	Need   *Need           `json:"need,omitempty"`   // nil: nothing
	Reason string          `json:"reason,omitempty"` // for people
	Data   json.RawMessage `json:"data,omitempty"`   // as on the wire; actions may alias it
}

// Need is a number of m-lines of each kind that one side wants to send on, all
// told, and not only those that are new. Data is 0 or 1.
type Need struct {
	Audio int `json:"audio"`
	Video int `json:"video"`
	Data  int `json:"data"`
}

// An ActionKind names what a driver has to do.
type ActionKind string

// The actions. In the comment: the fields that count beside Kind.
const (
	Open          ActionKind = "open"           // PC: make a connection
	Close         ActionKind = "close"          // PC: close it; nothing of it counts any more
	MakeOffer     ActionKind = "make-offer"     // PC, Gen, Restart, Need: ends in Made or Failed
	MakeAnswer    ActionKind = "make-answer"    // PC, Gen, Data of the offer: ends in Made or Failed
	ApplyAnswer   ActionKind = "apply-answer"   // PC, Gen, Data of the answer: ends in Applied or Failed
	AddCandidates ActionKind = "add-candidates" // PC, Ufrag, Data, End
	Send          ActionKind = "send"           // Type, PC, Gen, Ufrag, End, Data: a message to the peer
	StartTimer    ActionKind = "start-timer"    // Timer follows after Patience; it was not running
	StopTimer     ActionKind = "stop-timer"     // it was running
	GiveUp        ActionKind = "give-up"        // Reason: the pair cannot negotiate; Begin tries again
)

// An Action is something that the driver has to do. Its JSON form is the one
// of the shared traces.
type Action struct {
	Kind    ActionKind      `json:"kind"`
	Type    wire.Type       `json:"type,omitempty"`
	PC      uint64          `json:"pc,omitempty"`
	Gen     uint64          `json:"gen,omitempty"`
	Restart bool            `json:"restart,omitempty"` // with an ICE restart
	Need    *Need           `json:"need,omitempty"`    // at least so many m-lines that can receive; nil: none
	Ufrag   string          `json:"ufrag,omitempty"`
	End     bool            `json:"end,omitempty"` // no more candidates come for Ufrag
	Data    json.RawMessage `json:"data,omitempty"`
	Reason  string          `json:"reason,omitempty"`
}
