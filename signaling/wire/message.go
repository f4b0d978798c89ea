package wire

import "encoding/json"

// A Type names a message of signal.v1. PROTOCOL.md has a table with the fields
// of each.
type Type string

// The messages, by group. In the comment: who sends it (c client, s server).
const (
	TypeHello     Type = "hello"      // c: the first frame of a link. Answered by welcome or error.
	TypeWelcome   Type = "welcome"    // s: the first frame of a link.
	TypePing      Type = "ping"       // c s: answered by pong at once.
	TypePong      Type = "pong"       // c s
	TypeAck       Type = "ack"        // c s: when nothing else carries the ack.
	TypeOK        Type = "ok"         // s: the request re was done.
	TypeError     Type = "error"      // s: the frame re was refused.
	TypeGoingAway Type = "going-away" // s: the server stops.
	TypeToken     Type = "token"      // c: a new credential for the session; answered by ok or error.
	TypeBye       Type = "bye"        // c: ends the session at once.

	TypeJoin        Type = "join"         // c: answered by joined or error.
	TypeJoined      Type = "joined"       // s: the snapshot of the room.
	TypeLeave       Type = "leave"        // c: answered by ok or error.
	TypeUpdate      Type = "update"       // c: replaces own metadata; answered by ok or error.
	TypePeerJoined  Type = "peer-joined"  // s
	TypePeerUpdated Type = "peer-updated" // s
	TypePeerAway    Type = "peer-away"    // s: its link was lost.
	TypePeerBack    Type = "peer-back"    // s: and is there again.
	TypePeerLeft    Type = "peer-left"    // s: for good.

	TypeOffer      Type = "offer"      // c s: relayed, from the side that offers.
	TypeAnswer     Type = "answer"     // c s: relayed, from the other side.
	TypeCandidates Type = "candidates" // c s: relayed
	TypeNegotiate  Type = "negotiate"  // c s: relayed, asks the side that offers for an offer.
	TypeReject     Type = "reject"     // c s: relayed, this offer cannot be applied.
	TypeMessage    Type = "message"    // c s: relayed to one peer, to all others in the room, or to the devices of a user.
	TypeGot        Type = "got"        // c s: relayed, confirms n alone.

	TypeEvent       Type = "event"        // c s: for the application; a client's is answered by ok or error.
	TypeReply       Type = "reply"        // c: answers an event that has a rid.
	TypeKick        Type = "kick"         // c: takes a peer out.
	TypeBan         Type = "ban"          // c: takes a peer or user out, for a time.
	TypeUnban       Type = "unban"        // c
	TypeSetRules    Type = "set-rules"    // c: lock, lobby, password, capacity, candidates.
	TypeAdmit       Type = "admit"        // c: lets a peer in that waits.
	TypeDeny        Type = "deny"         // c: refuses it.
	TypeEnd         Type = "end"          // c: takes everybody out.
	TypeSetRole     Type = "set-role"     // c
	TypeLink        Type = "link"         // c: makes a link; answered by ok with data.
	TypeMuteRequest Type = "mute-request" // c s: relayed, from a host to one peer: please mute.
	TypeWaiting     Type = "waiting"      // s: join was taken to the lobby; joined or denied follows.
	TypeDenied      Type = "denied"       // s: out of the lobby.
	TypeKnock       Type = "knock"        // s: to hosts: a peer waits in the lobby.
	TypeKnockEnded  Type = "knock-ended"  // s: to hosts: and does no more, without having come in.
	TypeRole        Type = "role"         // s: you have another role.
	TypeRules       Type = "rules"        // s: the rules are others.

	TypeICE        Type = "ice"         // c: answered by ice-servers.
	TypeICEServers Type = "ice-servers" // s: also pushed before the old ones end.
)

// A Message is one frame of signal.v1 in memory: the flat envelope, with the
// rarer groups of fields behind pointers. A Message that is on its way to more
// than one client is immutable.
//
// ID, Seq and Ack belong to one link's delivery: on what the core hands to a
// transport they are zero, and the transport puts the head of the frame
// together (see AppendServer).
type Message struct {
	Type Type
	ID   uint64 // client to server; 0: none
	Seq  uint64 // server to client; 0: not sequenced
	Ack  uint64 // 0: says nothing
	Re   uint64 // server to client: the id that this answers

	Room string
	To   string // client to server
	From string // server to client, stamped by the server

	PC   uint64
	Gen  uint64
	N    uint64
	Got  uint64
	Base uint64

	Name string // event
	RID  string // event, reply: which of the server's questions this is about

	Ufrag string
	End   bool
	// Elements is the number of elements of Data where that is an array, else
	// 0. Scan counts it; it is not on the wire.
	Elements int

	// Data is raw JSON, relayed byte for byte; nil when absent. It aliases the
	// frame that was scanned.
	Data json.RawMessage
	// Blobs are binary values that Data refers to as {"$bin":0}, by index. On
	// the wire they stand in Data, as {"$bin":"<base64>"}: see Inline. Scan
	// makes none.
	Blobs [][]byte

	Token   string   // token: a credential for Config.Authenticate
	Expires int64    // ok to token: ms for which the credential holds; 0: for ever
	Hello   *Hello   // hello
	Welcome *Welcome // welcome
	Peer    *Peer    // peer-joined, peer-updated, knock
	Peers   []Peer   // joined
	ICE     *ICE     // joined, ice-servers
	Resumed bool     // peer-back
	Reason  Reason   // peer-left, decline, declined, cancelled, knock-ended, denied

	User     string    // who is meant (client to server), or who it is about (server to client)
	Users    []string  // watch, unwatch
	Call     *Call     // messages about an invitation
	Presence *Presence // presence, status

	Role  Role        // joined, role, set-role, link; joined: "" is participant
	Rules *Rules      // joined, rules; nil: those that a new room has
	Door  *Door       // join
	Mod   *Moderation // ban, set-rules, link

	Code  Code   // error, reply
	Text  string // error, reply, kick, ban, deny, end, denied, peer-left: for people
	After int64  // error, going-away, waiting: milliseconds
}

// Hello is what a client says of itself.
type Hello struct {
	Versions []string // nil: signal.v1
	Token    string   // a credential for Config.Authenticate
	Nonce    string   // stays the same for a token until a welcome came; a connect token may be repeated with it
	Resume   *Resume  // nil: a new session
}

// Resume asks for a session that exists.
type Resume struct {
	Token string // of the newest welcome
	Seq   uint64 // the highest seq that the client has, with all below
	Nonce string // stays the same for a token until a welcome came
}

// Welcome is what the server grants to a link.
type Welcome struct {
	Peer    string
	User    string // "": anonymous
	Resumed bool   // Ack says what the server has
	Token   string // the resume token; "": this session cannot be resumed
	Expires int64  // ms after which the token has to be renewed; 0: never
	Window  int64  // ms that the session outlives its link
	Ping    int64  // ms of silence after which the server pings
	Dead    int64  // ms of silence after which a side takes the link as dead
	Limits  Limits
	ICE     ICE

	// Candidates is what the server lets through of what this client sends;
	// "" and PolicyAll are the same, and absent on the wire.
	Candidates Policy
}

// Limits are the limits that a client must know. PROTOCOL.md section 9.
type Limits struct {
	Message    int `json:"message"`
	SDP        int `json:"sdp"`
	Metadata   int `json:"metadata"`
	Candidates int `json:"candidates"`
	Peers      int `json:"peers"`
	Rooms      int `json:"rooms"`
	Rate       int `json:"rate"`
	Burst      int `json:"burst"`
	Bytes      int `json:"bytes"`
}

// A Peer is one entry of a roster, as one of the other members is told of it.
type Peer struct {
	ID     string          `json:"id"`
	Offers bool            `json:"offers"` // that peer offers to the receiver
	User   string          `json:"user,omitempty"`
	Role   Role            `json:"role,omitempty"` // "": participant
	Away   bool            `json:"away,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
}

// ICE is a list of ICE servers with the time for which its credentials hold.
type ICE struct {
	List []ICEServer `json:"list"`
	TTL  int64       `json:"ttl"` // ms; 0: for ever
}

// An ICEServer is one entry of RTCConfiguration.iceServers (W3C webrtc-pc).
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// A Reason says why a peer left a room, or does not wait any more.
type Reason string

// The reasons of peer-left, knock-ended, denied and kicked.
const (
	ReasonLeft    Reason = "left"    // leave, bye, or a closed page
	ReasonTimeout Reason = "timeout" // did not come back within the resume window, or waited too long

	// Who is out for one of these has not asked for it, and is told as well.
	ReasonForbidden Reason = "forbidden" // its new token does not allow the room
	ReasonKicked    Reason = "kicked"    // by a host
	ReasonBanned    Reason = "banned"    // by a host, for a time
	ReasonEnded     Reason = "ended"     // a host has ended the room for all; in the lobby: nobody is in the room any more
	ReasonReplaced  Reason = "replaced"  // by a newer peer of the same user
	ReasonDenied    Reason = "denied"    // by a host
)

// A Role says what a member may do in a room.
type Role string

// The roles.
const (
	RoleHost        Role = "host"        // moderates
	RoleParticipant Role = "participant" // the usual one
	RoleViewer      Role = "viewer"      // sends no media
)

// A Policy says which candidates of a peer the server lets others have.
type Policy string

// The policies, from the loosest to the strictest.
const (
	PolicyAll    Policy = "all"
	PolicyNoHost Policy = "no-host"
	PolicyRelay  Policy = "relay"
)
