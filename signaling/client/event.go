package client

import (
	"encoding/json"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A Peer is a member of a room, as the client is told of it.
type Peer = wire.Peer

// An Event is a change in a room or a message from a peer: PeerJoined,
// PeerUpdated, PeerAway, PeerBack, PeerLeft, Message, Undelivered, PairFailed,
// RoleChanged, RulesChanged, Knock, KnockEnded, MuteRequest, Waiting, Denied or
// Removed.
type Event interface{ event() }

// PeerJoined says that a peer is in the room: those that were there before
// come first. It comes before anything else about or from that peer.
type PeerJoined struct{ Peer Peer }

// PeerUpdated says that a peer has new metadata or another role.
type PeerUpdated struct{ Peer Peer }

// PeerAway says that a peer has lost its connection to the server, or is not
// in the room of a server that replaced ours. It may come back; media goes on.
type PeerAway struct{ Peer Peer }

// PeerBack says that a peer is there again. Resumed is false when its or our
// server has lost what was under way; the client has sent again what was. Such
// a PeerBack can come without a PeerAway before it.
type PeerBack struct {
	Peer    Peer
	Resumed bool
}

// PeerLeft says that a peer has left for good.
type PeerLeft struct {
	Peer   Peer
	Reason wire.Reason
}

// Message is data from a peer: of Send or of Broadcast.
type Message struct {
	From string
	Data json.RawMessage
}

// Undelivered says that a message of Send was refused by the server after Send
// had taken it, such as to a peer that was just leaving. No other message to
// that peer is held up by it.
type Undelivered struct {
	To   string
	Data json.RawMessage
	Err  error // a *wire.Error
}

// PairFailed says that the negotiation with a peer was given up. Pair.Retry
// begins again, unless the pair is over as well (its Done): then Connect had
// failed, or the peer flooded it.
type PairFailed struct {
	Peer Peer
	Err  error
}

func (PeerJoined) event()  {}
func (PeerUpdated) event() {}
func (PeerAway) event()    {}
func (PeerBack) event()    {}
func (PeerLeft) event()    {}
func (Message) event()     {}
func (Undelivered) event() {}
func (PairFailed) event()  {}
