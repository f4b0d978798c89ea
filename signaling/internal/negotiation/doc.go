// Package negotiation is section 7 of signaling/wire/PROTOCOL.md as a pure state
// machine: one Machine for each side of a negotiation (a room and a pair of
// peers). It has no clock, no goroutine and no I/O. The driver, which owns the
// RTCPeerConnection, the timer and the link, hands it events and carries out
// the actions that it gets back:
//
//	m := negotiation.New(offers)             // does this side offer?
//	actions := m.Handle(negotiation.Event{Kind: negotiation.Begin})
//	for _, a := range actions { … }          // in order
//
// What the driver promises:
//
//   - It calls Handle from one goroutine at a time, and hands in what the peer
//     sent in order, each once.
//   - It carries out the actions in order. MakeOffer, MakeAnswer and ApplyAnswer
//     take time, and end in exactly one Made, Applied or Failed with their PC
//     and Gen, unless that pc was closed in between; AddCandidates waits for
//     those before it.
//   - Events of one connection carry its PC, and none comes after its Close. It
//     says Needed once for each change of its own tracks while a connection is
//     open, and Connected each time one is. W3C negotiationneeded is as good,
//     beside tracks of an answering side that wait for an m-line; and what comes
//     while MakeOffer runs can be left out, since it comes again.
//   - It keeps an offering Machine as long as it knows the ids of both peers,
//     also after End: the pc numbers go on when the peer comes back.
//
// The rows of the table stand in the comments: // O6 is row O6. The same
// table is implemented in JavaScript, and both replay the traces in
// signaling/wire/testdata/negotiation.
package negotiation
