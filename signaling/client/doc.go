// Package client is a client of signal.v1 in Go: one session with a signaling
// server that outlives its connections. It knows nothing of WebRTC itself;
// package robot joins it to pion/webrtc.
//
// # Use
//
//	c, err := client.Dial(ctx, "wss://example.org/ws", client.Config{Token: token})
//	room, err := c.Join(ctx, "standup", json.RawMessage(`{"name":"Ada"}`))
//	for e := range room.Events(ctx) {
//		switch e := e.(type) {
//		case client.PeerJoined:
//			err = room.Send(ctx, e.Peer.ID, json.RawMessage(`"hello"`))
//		case client.Message:
//			fmt.Println(e.From, string(e.Data))
//		}
//	}
//	err = c.Close(ctx)
//
// # Connections
//
// Dial makes one attempt. From then on the client reconnects by itself, at
// once and then with doubling, jittered delays, and resumes: nothing is lost,
// doubled or reordered between it and the server. It does so until the resume
// window has passed or the server says that there is no point; then the client
// ends, Done is closed and Err says why. A new Dial is then a new peer.
//
// If the server has lost the session (resumed: false), the client keeps its
// id, joins its rooms again, compares the rosters, and sends again what its
// peers have not confirmed. Requests that were under way fail with
// CodeOutcomeUnknown, except for those whose outcome is the same either way.
//
// # Rooms with rules
//
// JoinWith brings a password or a link, and waits in a lobby as long as its ctx
// does; who is not let in gets *Denied. Room.Role and Room.Rules say what holds,
// RoleChanged and RulesChanged that it has changed. Hosts have requests such as
// Kick, Admit and SetRules. A client that is taken out gets *Removed, as the last
// event and as the error of its Room. Its pairs end with it, and so does, at
// once, the pair with any other that is.
//
// # Delivery
//
// Send delivers each message exactly once and in order while both peers live,
// whatever dies between them (PROTOCOL.md section 6). Broadcast has the
// guarantee of a single server. The client keeps to the server's limits of
// size and rate by itself: what is too big is refused before it is sent, and
// what is too fast waits.
//
// # Negotiation
//
// With Config.Connect the client keeps a Pair for each peer in each room, and
// runs the offer/answer exchange of PROTOCOL.md section 7 on a Driver, which
// has the connection. There is neither glare nor rollback.
//
// # Concurrency
//
// Everything may be called from any goroutine. The application's code runs
// only where it called in, and in Config.Token and Config.Connect and a Driver,
// on goroutines that end with the connection attempt or the pair; no lock is
// held then. Close waits until all goroutines of the client have ended.
package client
