package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

func TestTwoClientsTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		if peers := b.room.Peers(); len(peers) != 1 || peers[0].ID != a.client.ID() || !peers[0].Offers {
			t.Errorf("b sees %+v, want a, who offers", peers)
		}
		a.send(b, 0, 20)
		b.send(a, 0, 20)
		if err := a.room.Broadcast(t.Context(), json.RawMessage(`"all"`)); err != nil {
			t.Error(err)
		}
		after(2 * time.Second)
		if got, want := b.had(a.client.ID()), numbers(20)+` "all"`; got != want {
			t.Errorf("b had %s, want %s", got, want)
		}
		if got := a.had(b.client.ID()); got != numbers(20) {
			t.Errorf("a had %s", got)
		}
		if err := a.room.Update(t.Context(), json.RawMessage(`{"name":"y"}`)); err != nil {
			t.Error(err)
		}
		b.close()
		synctest.Wait()
		if got, want := a.told(), "PeerJoined PeerLeft(left)"; got != want {
			t.Errorf("a was told %s, want %s", got, want)
		}
		a.close()
		if err := a.client.Err(); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// The connection of one side is cut at every point of a conversation.
// No connection holds for longer than some frames.
func TestFastSenderKeepsToTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		a.send(b, 0, 1500)
		after(60 * time.Second)
		if got := b.had(a.client.ID()); got != numbers(1500) {
			t.Errorf("b had %d bytes", len(got))
		}
		if s := a.client.Stats(); s.Links != 1 {
			t.Errorf("%+v: the server had to cut a", s)
		}
		a.close()
		b.close()
	})
}

func TestDataIsTheCallersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		h.block(true)
		h.cutAll()
		synctest.Wait()
		data := json.RawMessage(`1`)
		if err := a.room.Send(t.Context(), b.client.ID(), data); err != nil {
			t.Error(err)
		}
		data[0] = '2'
		if err := a.room.Broadcast(t.Context(), data); err != nil {
			t.Error(err)
		}
		data[0] = 'x'
		h.block(false)
		after(30 * time.Second)
		if got := b.had(a.client.ID()); got != "1 2" {
			t.Errorf("b had %q, want 1 2", got)
		}
		a.close()
		b.close()
	})
}

func TestSendWaitsForConfirmation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		h.last().Stall() // b hears nothing
		big := json.RawMessage(`"` + strings.Repeat("x", 30<<10) + `"`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sent := 0
		for ; sent < 100; sent++ {
			if err := a.room.Send(ctx, b.client.ID(), big); err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				break
			}
		}
		if sent != 8 {
			t.Errorf("took %d messages of 30 KiB without a confirmation, want 8", sent)
		}
		after(30 * time.Second)
		if err := a.room.Send(t.Context(), b.client.ID(), big); err != nil {
			t.Error(err)
		}
		a.close()
		b.close()
	})
}

func TestTooBigIsRefusedBeforeItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		synctest.Wait()
		data := json.RawMessage(`"` + strings.Repeat("x", 64<<10) + `"`)
		var e *wire.Error
		if err := a.room.Send(t.Context(), b.client.ID(), data); !errors.As(err, &e) || e.Code != wire.CodeTooBig {
			t.Errorf("%v, want too_big", err)
		}
		if err := a.room.Send(t.Context(), b.client.ID(), json.RawMessage(`{`)); !errors.As(err, &e) || e.Code != wire.CodeBadMessage {
			t.Errorf("%v, want bad_message", err)
		}
		// The largest that fits does.
		limit := a.client.Limits().Message
		m := &wire.Message{Type: wire.TypeMessage, Room: "r", To: b.client.ID()}
		fits := json.RawMessage(`"` + strings.Repeat("x", limit-sizeOf(m)-2) + `"`)
		if err := a.room.Send(t.Context(), b.client.ID(), fits); err != nil {
			t.Error(err)
		}
		after(time.Second)
		if got := b.had(a.client.ID()); got != string(fits) {
			t.Errorf("b had %d bytes", len(got))
		}
		a.close()
		b.close()
	})
}

func TestJoinIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{MaxPeers: 1})
		a := h.join(Config{})
		c, err := Dial(t.Context(), "ws://server/ws", Config{NetDial: h.dial})
		if err != nil {
			t.Fatal(err)
		}
		var e *wire.Error
		if _, err := c.Join(t.Context(), "r", nil); !errors.As(err, &e) || e.Code != wire.CodeRoomFull {
			t.Errorf("%v, want room_full", err)
		}
		if _, err := c.Join(t.Context(), "a/b", nil); !errors.As(err, &e) || e.Code != wire.CodeBadRoom {
			t.Errorf("%v, want bad_room", err)
		}
		other, err := c.Join(t.Context(), "other", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Join(t.Context(), "other", nil); !errors.Is(err, ErrJoined) {
			t.Errorf("%v, want ErrJoined", err)
		}
		if err := other.Leave(t.Context()); err != nil {
			t.Error(err)
		}
		if err := other.Broadcast(t.Context(), json.RawMessage(`1`)); !errors.Is(err, ErrLeft) {
			t.Errorf("%v, want ErrLeft", err)
		}
		if _, err := c.Join(t.Context(), "other", nil); err != nil {
			t.Errorf("join again: %v", err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
		a.close()
	})
}

func TestTokenIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		good := "one"
		h := newHarness(t, signaling.Config{Authenticate: func(_ context.Context, hello signaling.Hello) (signaling.Identity, error) {
			mu.Lock()
			defer mu.Unlock()
			if hello.Token != good {
				return signaling.Identity{}, wire.Refuse(wire.CodeUnauthenticated, "wrong token")
			}
			return signaling.Identity{User: "ada"}, nil
		}})
		calls := 0
		token := func(context.Context) (string, error) {
			calls++
			return map[int]string{1: "zero", 2: "one", 3: "one", 4: "two"}[calls], nil
		}
		var e *wire.Error
		if _, err := Dial(t.Context(), "ws://server/ws", Config{NetDial: h.dial, Token: token}); !errors.As(err, &e) || e.Code != wire.CodeUnauthenticated {
			t.Errorf("%v, want unauthenticated", err)
		}
		a := h.join(Config{Token: token})
		if got := a.client.User(); got != "ada" {
			t.Errorf("user %q", got)
		}
		a.close()
	})
}

func TestUnreadEventsEndTheClientLoudly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, signaling.Config{})
		a, b := h.join(Config{}), h.join(Config{})
		deaf, err := b.client.Join(t.Context(), "deaf", nil)
		if err != nil {
			t.Fatal(err)
		}
		talker, err := a.client.Join(t.Context(), "deaf", nil)
		if err != nil {
			t.Fatal(err)
		}
		big := json.RawMessage(`"` + strings.Repeat("x", 60<<10) + `"`)
		for range 300 {
			if err := talker.Send(t.Context(), b.client.ID(), big); err != nil {
				break // b is gone
			}
		}
		<-b.client.Done()
		if err := b.client.Err(); !errors.Is(err, ErrUnread) {
			t.Errorf("%v, want ErrUnread", err)
		}
		n := 0
		for range deaf.Events(t.Context()) {
			n++
		}
		if n < maxUnread/(61<<10) {
			t.Errorf("only %d events can still be read", n)
		}
		b.done.Wait()
		a.close()
	})
}

func TestICEServersAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		h := newHarness(t, signaling.Config{ICEServers: func(string, signaling.Identity) wire.ICE {
			n++
			return wire.ICE{List: []wire.ICEServer{{URLs: []string{fmt.Sprintf("turn:%d", n)}, Username: "u", Credential: "c"}}, TTL: 600_000}
		}})
		a := h.join(Config{})
		first := a.room.ICE().List[0].URLs[0]
		if got := a.client.ICE().List[0].URLs[0]; got != first {
			t.Errorf("the client has %s, the room %s", got, first)
		}
		ice, err := a.client.RefreshICE(t.Context())
		if err != nil || ice.List[0].URLs[0] == first {
			t.Errorf("asked for new ones: %+v, %v", ice, err)
		}
		after(20 * time.Minute)
		if got := a.room.ICE().List[0].URLs[0]; got == ice.List[0].URLs[0] {
			t.Error("no new ones came before the old ones ended")
		}
		a.close()
	})
}
