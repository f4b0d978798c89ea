// Package jsep is a model of an RTCPeerConnection for tests: it keeps the
// rules of JSEP (RFC 9429) and of W3C webrtc-pc that a negotiation can break,
// and nothing else. It has no network, no clock and no goroutine, and cannot
// roll back, as pion cannot.
//
// A Conn knows signaling states; m-lines, which keep their order and kind and
// are never removed; transceivers, their directions and which tracks they
// send; ICE ufrags, which are new on the first description and on a restart
// and the same otherwise; and candidates, which need a remote description with
// their ufrag. What is illegal is not done, returned as an error and kept in
// Violations, so that a test can let its driver go on and look at the end.
//
// Each method is one step of an operation that is asynchronous in a browser;
// a test puts other things between them: CreateOffer is the moment at which
// the description is taken, SetLocalDescription the one at which it counts.
//
// Simplifications: a connection is one ICE transport; both sides are always
// ready to receive; an m-line for data is treated as one of media.
package jsep
