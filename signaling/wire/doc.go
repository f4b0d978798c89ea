// Package wire has the messages and codes of signal.v1, the protocol between
// a client and a signal server: no network, no clock. PROTOCOL.md beside it is
// the specification, and the vectors in testdata hold for every
// implementation.
//
// A frame is read in two steps. [Scan] takes it apart and checks that it is JSON and UTF-8;
// (*[Message]).Check then tells whether a client's message has the fields it
// needs. A frame is written as a head, which belongs to one link, and a body,
// which is encoded once for all its receivers: see [AppendServer].
//
// Everything here may be called from any goroutine; a Message is not to be
// changed once it is shared.
package wire
