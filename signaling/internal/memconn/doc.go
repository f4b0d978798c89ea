// Package memconn is a network in memory, for tests in testing/synctest
// bubbles: connections, a listener and a dialer that never touch a socket, and
// block only where a bubble's clock can move on.
//
// A connection is a buffered pipe, as TCP is: a Write returns when the bytes
// are in the buffer, and waits while that is full, so that a peer that does
// not read is simply one that does not call Read. Deadlines and half-close
// work as those of a *net.TCPConn do. What a network can do to a connection is
// done with Cut (a reset, without a word) and Stall (nothing arrives any
// more, and nobody is told).
package memconn

// DefaultBuffer is how many bytes one direction holds. It is about what a
// kernel holds for a connection on loopback before the writer has to wait.
const DefaultBuffer = 64 << 10
