// Package robot is a headless peer: package client joined to pion/webrtc. A
// Robot enters a room, calls everybody in it, sends a clip whose every frame
// is known, and judges each frame that it gets. It is for tests, probes and
// load, and an example of a client.Driver.
//
//	r, err := robot.Join(ctx, "ws://localhost:8080/ws", "standup", robot.Config{Name: "ben"})
//	peer, err := r.WaitPeer(ctx)
//	err = r.WaitMedia(ctx, peer, webrtc.RTPCodecTypeVideo)
//	fmt.Println(r.Report().Peers[0].Path)
//	err = r.Close(ctx)
//
// There is one connection for each peer in the room, made anew when it has
// failed for good. What is sent may change while the call goes on: AddTrack
// and RemoveTrack. A removed track leaves its m-line to the next one, so that
// the descriptions do not grow beyond the most tracks there were at a time.
//
// A robot that is a viewer sends nothing, and what a viewer sends it does not
// play. Where the candidate policy of the server, the room or the token is relay,
// new connections use nothing else.
//
// All methods may be called from any goroutine. Close ends every goroutine and
// connection, and waits for them.
package robot
