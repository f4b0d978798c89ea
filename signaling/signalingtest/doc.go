// Package signalingtest starts whole servers on loopback, for tests of
// clients, in the manner of net/http/httptest.
//
//	func TestMyClient(t *testing.T) {
//		srv := signalingtest.NewServer(t)
//		myClient.Connect(srv.URL) // ws://127.0.0.1:40123/ws
//		srv.CutLinks()            // its network fails for a moment
//		srv.Restart()             // the node is killed and started again
//	}
//
// A Server is what `signal serve` runs: signaling.Server with the WebSocket of
// package ws at /ws, the call page at /, and a TURN server if it was asked for
// [WithTURN]. It ends with its test, and leaves no goroutine behind.
package signalingtest
