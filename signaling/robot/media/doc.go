// Package media is the half of a headless peer that sends and checks what a
// call is for: pictures and sound. It proves that a call works, not only that
// it connects: every frame that arrives is compared, byte by byte, with the
// frame that was sent.
//
// # Clips
//
// Six senders (ana, ben, cem, dee, eva, fin: [Clips]) have a clip each, four
// seconds long and built into the binary: VP8 at 20 frames a second with a
// keyframe each second, and Opus in packets of 20 ms, a tone of 400 Hz plus
// 150 Hz per sender (400, 550, … 1150) that swells and fades. Both are
// loops without a seam, since they begin with a keyframe. No two frames of
// all the clips are the same bytes, so a frame's hash says whose it is and
// which ([Identify]).
//
// A frame says the same to the eye, and to a program that has only the decoded
// picture, such as a test that draws a <video> to a canvas: the bottom sixteen
// of the 144 rows are a strip of sixteen blocks of 16 by 16 pixels. With
// block i at x = 16i … 16i+15, y = 128 … 143, and white (luminance over 128,
// sampled at the middle, x = 16i+8, y = 136) as 1:
//
//	blocks  0–3   the sender, 0 = ana … 5 = fin, the highest bit first
//	blocks  4–13  the frame's number in the clip, 0 … 79, the highest bit first
//	block   14    makes the number of ones in blocks 0, 2, … 14 odd
//	block   15    makes the number of ones in blocks 1, 3, … 15 odd
//
// The odd parity refuses the pictures that are nobody's: all black, all white.
// In a scaled picture the coordinates scale with it. [ReadStrip] is this in Go.
//
// # Sending
//
// A [Player] is one sender's clip running since a start; the clock alone says
// which frame is due. [Player.Play] feeds one track until its context ends, so
// a mesh is one Player and a call of Play per connection, and all of them get
// the same frame at the same time. [Feedback.Run] reads the RTCP that comes
// back, without which pion answers no NACK.
//
// # Receiving
//
// A [Receiver] reads one remote track: puts packets in order, takes frames out
// of them, identifies them, and keeps a [Report] that may be asked for, or
// waited for ([Receiver.Wait]), from any goroutine. It takes any sender: what
// is no clip, such as a browser's camera, is counted as foreign.
//
// Every blocking method takes a context or says what ends it. Nothing here
// starts a goroutine that outlives the call that started it.
package media

//go:generate go run ./generate
