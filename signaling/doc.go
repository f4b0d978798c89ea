// Package signaling is the core of a WebRTC signaling server: sessions that
// outlive their connections, rooms, presence, and the relay of offers, answers
// and candidates between peers, as wire/PROTOCOL.md promises it. It reads and
// writes no connection. A transport, such as package ws, does that, and uses
// it like this:
//
//	link, err := srv.Admit(info)             // before the upgrade; a refusal has an HTTP status
//	link.Start(conn)                         // behind it; hello must follow in time
//	pause, err := link.Receive(msg, size)    // a frame from the client; an error: read no more
//	batch, more = link.Take(batch[:0], 100)  // whenever conn.Wake was called: what to write now
//	link.Detach(cause)                       // always, and last
//
// # Learning it
//
// There is an Example for each thing that one does with it, best read in this
// order: Connection, Events, PrivateMessages, OnlineUsers, Disconnect, Rooms,
// Namespaces, Broadcasting, Middleware, Acknowledgements, Errors, Reconnection,
// Heartbeat, Security; and Invitations, of users who ring each other.
//
// # Who may call what
//
// Methods of Server and App may be called from any goroutine. Of one Link,
// Receive and Malformed are for one caller at a time, which hands in the frames
// as they came; Take is for one caller at a time too, beside Receive; Detach is
// called once, when neither will be called any more. None of them blocks.
//
// The core calls Conn.Wake once, and again only when a Take has left nothing; a
// transport that empties a link on a goroutine of its own must therefore Take
// once more after it has said that it sleeps. Conn.Close may come at any time,
// also inside Receive. Both are called without locks, so a Conn may call
// Take inside them.
//
// How a connection ended is told by the cause of Detach. ErrLeft (WebSocket
// close code 1001, a closed page) ends the session, and others see
// peer-left{left}. A frame that was too big goes to Malformed, which ends the
// session. After anything else the session waits for Config.ResumeWindow to be
// resumed on another link, here or on another server of the cluster.
//
// # User code
//
// The functions in Config run without locks and never inside Receive: hello,
// and a request for ICE servers, go to a goroutine that lives only while the
// link's queue is not empty, and what comes behind waits there in its order.
// When 64 frames wait, Receive asks its caller to pause; when 128 do, the link
// is closed with rate_limited. A function that blocks or panics harms its own
// client only.
//
// So it is with middleware, hooks and handlers of an App (see Code): those of one
// peer run one at a time, in order, on a goroutine that lives while there are
// some to run. A client's event counts as done when it was taken in. All that
// this client sends behind it waits for the handler's answer, but for pong, ack,
// got, reply and bye: so a handler may Request its own peer, and of a client that
// says bye others see at once that it has left.
//
// A session may be resumed while its handler runs, here or on another node; the
// answer finds it there, and Call.Context ends with the session wherever that is.
// What a handler sends with Emit comes before its answer. Shutdown ends the
// contexts, and waits for the code and for hooks that come behind it, for as long
// as its own context holds.
//
// What moves with a session to another node: its identity, its rooms, and what it
// has still to be told. Hooks do not hear of a move: it is neither a disconnect nor a
// connect. What Peer.Set keeps does not move. A node that dies takes along what
// its hooks would have been told.
//
// # Order
//
// A change of a room is a Change that the Cluster puts, with its outcome, into the
// inboxes of all nodes with members there. What a node does with its inbox
// alone changes its copies of the rosters, under the room's lock, and under that
// lock goes what the members are told into their outboxes; so all members see
// one order, on however many nodes. Whether a peer may send to another is
// judged by the local copy.
//
// Nobody waits for a client that does not read. Its link is closed when what it
// has not read takes Config.Outbox bytes, which a resume repairs, and its history
// is given up at twice that.
//
// # Time
//
// There is no goroutine per connection and none that runs always: one timer
// per session, re-armed when it fires, does the heartbeat, the lone ack, the
// resume window and the renewal of ICE servers. So all of the package can be
// tested in a testing/synctest bubble. Only ranks and the age of resume tokens
// take the wall clock, through Config.Now.
package signaling
