package signaling

import (
	"context"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A Cluster is what several Servers share: who is where, who is in which room,
// and a way for the nodes to reach each other.
type Cluster interface {
	// Attach makes a node and gives it an inbox, whose entries deliver gets one
	// at a time, in order. deliver is never called by a method of Node, on the
	// caller's goroutine. window is how long sessions outlive their links.
	Attach(window time.Duration, deliver func(*Event)) Node
}

// A Node is one Server's place in a Cluster. All methods but Claim return at
// once, whatever the state of the engine behind them, and may be called under
// locks.
//
// A Change, with its outcome, goes into the inboxes of all nodes that have
// members in the room, in one step and in one order for all of them, and what
// is sent by a node that has handled it comes behind it in every inbox. So no
// offer overtakes the peer-joined that it needs.
type Node interface {
	Name() string // never used again by another node
	// Change changes a roster. Without effect (the member is not there, or on
	// another node) it is dropped; if it has a Req, the node that asked gets an
	// EventRefused.
	Change(c Change)
	// Send puts e into the inbox of a node. If that node is gone, e is lost.
	Send(node string, e *Event)
	// SendAll puts e into the inboxes of nodes, or of all nodes if that is nil,
	// in one step: what else goes to several of them is before it in all, or
	// behind it. It returns how many these are.
	SendAll(nodes []string, e *Event) int
	// Tell puts e into the inbox of the node that has a session, as the directory
	// knows. If it does not, e goes into the inbox of this node.
	Tell(peer string, e *Event)
	// Register tells the directory that this node has the session, with this
	// epoch, for a link of that age. A lower epoch than it knows is ignored.
	Register(peer string, epoch uint64, age time.Duration)
	// Forget tells the directory that the session has ended.
	Forget(peer string)
	// Claim asks for a session that this node does not have. It may block.
	Claim(ctx context.Context, c Claim) (owner string, err error)
	// Close ends the node's lease.
	Close()
}

// A Claim asks the directory for a session. If a live node has it, its name is
// the answer, and nothing changes. Otherwise the claim succeeds if the
// session's node has been gone, or the directory has existed, for one
// window at the longest, and if the directory knows no higher epoch than
// Epoch+1, which it has then; the answer is "". A claim that does not succeed is
// refused with session_gone, and the session ends for good. But if the session
// has had a link that began later, it is refused with replaced, and nothing
// changes: see session.judgeLocked.
type Claim struct {
	Peer  string
	Epoch uint64        // of the resume token
	Age   time.Duration // of the link that said hello
	Force string        // a node that did not answer, and whose session is taken
	Look  bool          // only asks who has it: nothing changes, and "" says that nobody does
}

// A ChangeKind says what a Change does.
type ChangeKind string

// The changes of a roster.
const (
	ChangeJoin   ChangeKind = "join" // takes the place of an entry with that id
	ChangeLeave  ChangeKind = "leave"
	ChangeUpdate ChangeKind = "update"
	ChangeAway   ChangeKind = "away"
	ChangeBack   ChangeKind = "back"
	ChangeMove   ChangeKind = "move"   // to another node, by a resume
	ChangeAnswer ChangeKind = "answer" // of an invitation, by whom it is for or whose it is: ends it with Reason
	ChangePushed ChangeKind = "pushed" // of an invitation: somebody was told by push
	ChangeTell   ChangeKind = "tell"   // nothing of the roster: Body goes to all members, in the order of changes
	ChangeGrant  ChangeKind = "grant"  // a member's token says another role

	// By a host of the room, whose id is Host, or by the server, where that is "".
	ChangeKick  ChangeKind = "kick"
	ChangeBan   ChangeKind = "ban" // the member, its user, or a user, until Until; 0 lifts it
	ChangeRules ChangeKind = "rules"
	ChangeAdmit ChangeKind = "admit" // a knocker
	ChangeDeny  ChangeKind = "deny"  // a knocker
	ChangeEnd   ChangeKind = "end"   // all leave
	ChangeRole  ChangeKind = "role"
)

// A Change of one roster.
type Change struct {
	Kind      ChangeKind
	App, Room string
	Member    Member // the id; join: all of it; update: Data. Node: where it must be, "" is here. Since: if not 0, must be the same
	To        string // move: the new node
	Stale     bool   // move: of before a resumed:false, and not joined again
	Limit     int    // join, rules, admit: members that the room may have
	Entry     *Entry // join: what opens the doors of a room that has rules; nil: it has none
	Reason    wire.Reason
	Text      string            // kick, ban, deny, end: for those whom it hits
	Role      wire.Role         // role
	Until     int64             // ban: ms of the wall clock
	Source    string            // kick, ban, join by a link: the address of the client that asks; "": code does, or it is not known
	Update    *wire.RulesUpdate // rules; the password is its hash
	Host      string            // who asks for what a host may
	Body      *Body             // tell
	Except    []string          // tell: ids of members that do not get it
	Req       uint64            // comes back in the Event; 0: nobody waits
	By        string            // answer: the peer that does it
	Crossed   string            // answer: why, where two users rang each other; see glare.go
	Ticket    *Ticket           // join of a device: by a connect token
	Re        uint64            // tell to a user: the frame of Member that asks for it
}

// An EventKind says what an Event is.
type EventKind string

// The entries of an inbox.
const (
	EventChange  EventKind = "change"  // a roster was changed
	EventRefused EventKind = "refused" // the Change with this Req was not done
	EventSignal  EventKind = "signal"  // a message to one member, or to all that are here
	EventTake    EventKind = "take"    // asks for a session
	EventHand    EventKind = "hand"    // answers it
	EventDown    EventKind = "down"    // the lease of Node has ended
	EventExpire  EventKind = "expire"  // to itself: forget that To moved, with this version
	EventFlush   EventKind = "flush"   // Node sends To its signals where it has moved, from here on
	EventTell    EventKind = "tell"    // what code has for the peer To, or for many
	EventFinish  EventKind = "finish"  // what code has said about a frame of the peer To
	EventReport  EventKind = "report"  // who got the tell that asks, of those on Node
	EventReply   EventKind = "reply"   // the answer of the peer From
	EventGone    EventKind = "gone"    // the session of the peer From, which Node has asked something, has ended
	EventStop    EventKind = "stop"    // nobody waits for what code says about a frame any more
)

// An Event is an entry of an inbox. It is immutable.
type Event struct {
	Kind      EventKind
	Node      string // whose it is
	App, Room string
	Version   uint64 // of the roster, behind the change; signals: as the sender's node had it

	Change Change  // as it was asked for
	Steps  []Step  // change: what it did
	Roster *Roster // change: the whole roster behind it, for a node that had no member there
	Code   wire.Code

	From      string
	To        string // signal: "" is all members that are on this node
	Body      *Body
	Forwarded bool // by the node from which To moved

	Take   *Take
	Hand   *Hand
	Tell   *Tell
	Finish *Finish
	Report *Report
}

// Take asks the owner for a session.
type Take struct {
	Peer  string
	Req   uint64
	Epoch uint64 // of the resume token
	Nonce string
	Age   time.Duration // of the link that said hello
	Fresh bool          // it had a good token: the session may have expired
}

// Debts are how long it takes until nothing counts any more of what a session has
// sent, and how long it has been held back for that.
type Debts struct{ Frames, Bytes, Held time.Duration }

// Hand answers Take. The roster entries have been moved before.
type Hand struct {
	Peer  string
	Req   uint64
	Code  wire.Code // "": handed over
	Node  string    // ask there instead
	Gone  bool      // not here, any more: whom it was handed to may have died with it
	Epoch uint64    // of the next resume token
	Nonce string
	Done  uint64 // the highest id done
	Acked uint64 // the highest seq acknowledged; Frames are those behind it
	Away  bool
	Lost  bool // the history was given up

	Pace  Debts         // of its frames
	Joins time.Duration // until it may join as much as a new session
	Tries time.Duration // until it may try as many passwords

	Step   uint64 // what the session waits for: code; 0: nothing
	StepAt string // the node that runs it
	Re     uint64 // the id of its frame

	Askers []string // the nodes that have asked the client something

	Identity *Identity // as it is by now: the resume token may be older
	Frames   []*Body
}
