package ws

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

func TestSignalsReachTheOtherPeer(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		alice, bob, carol := h.join("standup"), h.join("standup"), h.join("standup")
		defer alice.Close()
		defer bob.Close()
		defer carol.Close()
		alice.want("peer-joined")
		alice.want("peer-joined")
		bob.want("peer-joined")

		data := `{"sdp" : "v=0\r\n…", "more":[1e3]}`
		alice.send(`"type":"offer","room":"standup","to":"` + bob.peer + `","pc":1,"gen":1,"data":` + data)
		if f := bob.want("offer"); f.From != alice.peer || string(f.Data) != data {
			t.Errorf("bob got %+v", f)
		}
		big := `"` + strings.Repeat("x", 60_000) + `"`
		bob.send(`"type":"message","room":"standup","data":` + big)
		for _, c := range []*client{alice, carol} {
			if f := c.want("message"); f.From != bob.peer || string(f.Data) != big {
				t.Errorf("got %d bytes from %s", len(f.Data), f.From)
			}
		}
	})
}

func TestFrameOfEveryLengthForm(t *testing.T) {
	bubble(t, signaling.Config{MaxMessage: 200_000}, Config{}, func(h *harness) {
		alice, bob := h.join("r"), h.join("r")
		defer alice.Close()
		defer bob.Close()
		alice.want("peer-joined")
		for _, n := range []int{0, 1, 30, 60, 61, 62, 63, 64, 65, 100, 65_440, 65_450, 65_460, 65_470, 65_480, 65_490, 65_536, 150_000} {
			data := `"` + strings.Repeat("x", n) + `"`
			bob.send(`"type":"message","room":"r","data":` + data)
			if f := alice.want("message"); string(f.Data) != data {
				t.Errorf("%d bytes came as %d", len(data), len(f.Data))
			}
		}
	})
}

func TestFragmentsAreOneMessage(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.dial()
		defer c.Close()
		for _, part := range []string{"\x01\x87", "\x00\x83", "\x80\x86"} { // text, continuation, the last one
			payload := map[string]string{"\x01\x87": `{"type"`, "\x00\x83": `:"h`, "\x80\x86": `ello"}`}[part]
			fmt.Fprint(c.wire, part+"\x00\x00\x00\x00"+payload) // masked with zeros
			synctest.Wait()
		}
		c.want("welcome")
	})
}

func TestSilentBeforeHello(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c, start := h.dial(), time.Now()
		c.wantClose(4408, "hello_timeout")
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("closed after %v, want 5s", d)
		}
	})
}

func TestSilentClientIsDropped(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.join("r")
		start := time.Now()
		for {
			_, _, err := c.ReadMessage() // and no pong
			if err == nil {
				continue
			}
			if !websocket.IsCloseError(err, 4407) || time.Since(start) != 25*time.Second {
				t.Errorf("%v after %v, want 4407 after 25s", err, time.Since(start))
			}
			break
		}
		c.Close()
	})
}

func TestPingIsAnswered(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.dial()
		defer c.Close()
		var pong string
		c.SetPongHandler(func(payload string) error { pong = payload; return nil })
		c.WriteControl(websocket.PingMessage, []byte("are you there"), time.Time{})
		c.say(`{"type":"hello"}`)
		c.want("welcome")
		if synctest.Wait(); pong != "are you there" {
			t.Errorf("pong %q", pong)
		}
	})
}

func TestHowALinkEndsDecidesWhatOthersSee(t *testing.T) {
	tests := []struct {
		name  string
		leave func(c *client)
		then  string // what the others are told
		after time.Duration
	}{
		{"close 1001", func(c *client) {
			c.WriteControl(websocket.CloseMessage, closeFrame(1001, "")[2:], time.Time{})
		}, "peer-left", 0},
		{"bye", func(c *client) { c.send(`"type":"bye"`) }, "peer-left", 0},
		{"close 1000", func(c *client) {
			c.WriteControl(websocket.CloseMessage, closeFrame(1000, "")[2:], time.Time{})
		}, "peer-away", time.Second},
		{"close without status", func(c *client) {
			c.WriteControl(websocket.CloseMessage, nil, time.Time{})
		}, "peer-away", time.Second},
		{"TCP closed", func(c *client) { c.wire.Close() }, "peer-away", time.Second},
		{"TCP reset", func(c *client) { c.wire.Cut() }, "peer-away", time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, signaling.Config{}, Config{}, func(h *harness) {
				alice, bob := h.join("r"), h.join("r")
				defer alice.Close()
				alice.want("peer-joined")
				start := time.Now()
				tt.leave(bob)
				go func() { // reads the answer, and closes
					bob.next()
					bob.Close()
				}()
				if f := alice.want(tt.then); f.From != bob.peer || time.Since(start) != tt.after {
					t.Errorf("%+v after %v, want %v", f, time.Since(start), tt.after)
				}
				if synctest.Wait(); h.open.Load() != 1 {
					t.Errorf("%d connections are served, want alice's", h.open.Load())
				}
			})
		})
	}
}

func TestCloseIsAnsweredWithItsStatus(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.join("r")
		c.WriteControl(websocket.CloseMessage, closeFrame(1000, "over")[2:], time.Time{})
		c.wantClose(1000, "")
	})
}

func TestByeIsClosedWith1000(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.join("r")
		c.send(`"type":"bye"`)
		c.wantClose(1000, "bye")
	})
}

// TestCloseIsForTheClient: the server says that it has written all, and reads
// on, so that no reset overtakes its close frame; but not for ever.
// TestGoodbyeComesLast lets a client that reads late say bye while more is left
// than one batch.
func TestGoodbyeComesLast(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		alice, bob := h.join("room"), h.join("room")
		alice.want("peer-joined")
		big := strings.Repeat("x", 3000)
		for range 100 { // more than is on the way at once
			bob.send(`"type":"message","room":"room","data":"` + big + `"`)
		}
		synctest.Wait()
		alice.send(`"type":"bye"`)
		synctest.Wait()
		for range 100 {
			alice.want("message")
		}
		alice.wantClose(1000, "bye")
	})
}

func TestCloseIsForTheClient(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.join("r")
		start := time.Now()
		c.send(`"type":"bye"`)
		if got, err := io.ReadAll(c.wire); err != nil || !bytes.HasSuffix(got, closeFrame(1000, "bye")) || time.Since(start) != 0 {
			t.Errorf("%q, %v after %v, want the close frame and the end at once", got, err, time.Since(start))
		}
		if _, err := c.wire.Write([]byte("on its way")); err != nil {
			t.Errorf("the server reads no more: %v", err)
		}
		if synctest.Wait(); h.open.Load() != 1 {
			t.Error("the server has closed first")
		}
		time.Sleep(closeTime)
		if synctest.Wait(); h.open.Load() != 0 {
			t.Error("the server waits for ever")
		}
	})
}

// TestStalledClientIsCutByTheWriteDeadline: a client whose network takes
// nothing any more is found by its first write that does not end.
func TestStalledClientIsCutByTheWriteDeadline(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		alice, bob := h.join("r"), h.join("r")
		defer alice.Close()
		alice.want("peer-joined")
		start := time.Now()
		for range 4 { // more than what is between the two
			alice.send(`"type":"message","room":"r","data":"` + strings.Repeat("x", 30_000) + `"`)
		}
		f := alice.want("peer-away")
		if d := time.Since(start); f.From != bob.peer || d != 6*time.Second {
			t.Errorf("%+v after %v, want peer-away 1s behind the deadline of 5s", f, d)
		}
		bob.Close()
	})
}

// TestNobodyWaitsForAClientThatDoesNotRead fills one client's outbox while
// two others talk in another room: no round trip of theirs takes any time.
func TestNobodyWaitsForAClientThatDoesNotRead(t *testing.T) {
	bubble(t, signaling.Config{Rate: 1 << 20, Burst: 1 << 20, Bytes: 1 << 30}, Config{}, func(h *harness) {
		alice, deaf := h.join("r"), h.join("r")
		ben, cem := h.join("other"), h.join("other")
		defer alice.Close()
		defer ben.Close()
		defer cem.Close()
		alice.want("peer-joined")
		ben.want("peer-joined")
		start := time.Now()
		for range 40 {
			alice.send(`"type":"message","room":"r","data":"` + strings.Repeat("x", 60_000) + `"`)
			ben.send(`"type":"message","room":"other","data":"ping"`)
			cem.want("message")
			cem.send(`"type":"message","room":"other","data":"pong"`)
			ben.want("message")
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("40 round trips took %v beside a client that does not read", d)
		}
		alice.want("peer-away") // slow_consumer, or the deadline
		deaf.Close()
	})
}

// TestStopDoesNotWaitForAClientThatDoesNotRead: Close has one second.
func TestStopDoesNotWaitForAClientThatDoesNotRead(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		alice, deaf := h.join("r"), h.join("r")
		defer deaf.Close()
		alice.want("peer-joined")
		for range 4 {
			alice.send(`"type":"message","room":"r","data":"` + strings.Repeat("x", 30_000) + `"`)
		}
		synctest.Wait()
		start := time.Now()
		go alice.wantClose(1012, "going_away")
		h.stop()
		if d := time.Since(start); d != time.Second {
			t.Errorf("stopped after %v, want 1s", d)
		}
		if synctest.Wait(); h.open.Load() != 0 {
			t.Errorf("%d connections are served after the stop", h.open.Load())
		}
	})
}

func TestStopTellsClientsFirst(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.join("r")
		go h.stop()
		c.want("going-away")
		c.wantClose(1012, "going_away")
	})
}

// TestFastClientIsReadMoreSlowly: behind the burst, frames come through at the
// rate, and nothing is refused.
func TestFastClientIsReadMoreSlowly(t *testing.T) {
	bubble(t, signaling.Config{Rate: 10, Burst: 10}, Config{}, func(h *harness) {
		alice, bob := h.join("r"), h.join("r")
		defer alice.Close()
		defer bob.Close()
		alice.want("peer-joined")
		start := time.Now()
		for range 14 { // hello and join were two of the burst
			bob.send(`"type":"message","room":"r","data":1`)
		}
		for range 14 {
			alice.want("message")
		}
		if d := time.Since(start); d < 300*time.Millisecond || d > 700*time.Millisecond {
			t.Errorf("14 frames came through in %v", d)
		}
		bob.send(`"type":"join","room":"r"`)
		bob.want("joined")
	})
}

func TestTooFastClientIsClosed(t *testing.T) {
	bubble(t, signaling.Config{Rate: 10, Burst: 10}, Config{}, func(h *harness) {
		c := h.join("r")
		go func() {
			for c.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)) == nil {
			}
		}()
		c.wantClose(4429, "rate_limited")
	})
}

func TestCutDuringAPauseEndsAtOnce(t *testing.T) {
	bubble(t, signaling.Config{Rate: 1, Burst: 2}, Config{}, func(h *harness) {
		c := h.join("r")
		c.send(`"type":"message","room":"r","data":1`)
		synctest.Wait()
		c.wire.Cut()
		start := time.Now()
		for h.open.Load() > 0 {
			time.Sleep(10 * time.Millisecond)
			if time.Since(start) > 2*time.Second {
				t.Fatal("the connection is still served")
			}
		}
	})
}

func TestReplacedLinkIsClosed(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		old := h.dial()
		old.say(`{"type":"hello"}`)
		_, welcome, err := old.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(string(welcome), `"token":"`)
		token, _, _ = strings.Cut(token, `"`)
		c := h.dial()
		defer c.Close()
		c.say(`{"type":"hello","resume":{"token":"` + token + `","seq":0,"nonce":"0123456789abcdef"}}`)
		c.want("welcome")
		old.wantClose(4409, "replaced")
	})
}

func TestWriteFailureIsTheCause(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.dial()
		c.say(`{"type":"hello"}`)
		c.want("welcome")
		c.wire.Cut()
		if _, err := c.next(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v", err)
		}
		if synctest.Wait(); h.open.Load() != 0 {
			t.Error("the connection is still served")
		}
	})
}
