// Package ws carries signal.v1 over WebSocket.
//
//	srv := signaling.New(signaling.Config{})
//	http.Handle("/ws", ws.Handler(srv, ws.Config{}))
//
// [Handler] can be mounted in any mux, under any path, behind any middleware
// that leaves the connection reachable (http.ResponseController). It upgrades
// a GET that offers the subprotocol signal.v1, and answers everything else
// with the right status and an RFC 9457 problem body that says what to do.
//
// A browser hides from a page why an upgrade was refused. Therefore a plain GET
// with "Accept: application/problem+json" runs the same checks, creates
// nothing, and answers 204 or the refusal, readable from every origin.
//
// A connection costs two goroutines, one that reads and one that writes. Both
// end before ServeHTTP returns, which is when the connection has ended.
// http.Server.Shutdown does not know upgraded connections: stop them with
// signaling.Server.Shutdown.
package ws
