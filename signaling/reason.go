package signaling

import "github.com/seed-3a7b6cbd/signal/signaling/wire"

// A DisconnectReason says why a session has ended.
type DisconnectReason string

// The reasons. More may come.
const (
	DisconnectClient  DisconnectReason = "client"  // it said bye, or closed its page
	DisconnectTimeout DisconnectReason = "timeout" // it lost its link, and did not come back within the resume window
	DisconnectServer  DisconnectReason = "server"  // Peer.Disconnect, or a rule of the server
	DisconnectBadLink DisconnectReason = "bad"     // it sent what ends a session: a frame that was too big
	DisconnectStolen  DisconnectReason = "stolen"  // its resume token was used twice
)

// disconnectReason is why a session ended, of which others were told reason,
// and its client code.
func disconnectReason(reason wire.Reason, code wire.Code) DisconnectReason {
	switch {
	case reason == wire.ReasonTimeout:
		return DisconnectTimeout
	case code == wire.CodeBye:
		return DisconnectClient
	case code == wire.CodeTooBig:
		return DisconnectBadLink
	case code == wire.CodeSessionGone:
		return DisconnectStolen
	}
	return DisconnectServer
}
