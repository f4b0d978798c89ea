package integration

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
)

// What a client emits is answered by the application of the server: with a value,
// with a refusal in its own code, or not at all because nobody handles it.
func TestSDKEventsAreAnsweredByTheServer(t *testing.T) {
	h := newHouse(t, nil)
	signaling.Handle(h.app(), "double", func(_ *signaling.Call, n int) (any, error) { return 2 * n, nil })
	h.app().Handle("refuse", func(*signaling.Call) (any, error) { return nil, signaling.Refuse("shop.closed", "come back tomorrow") })
	h.app().Handle("quiet", func(*signaling.Call) (any, error) { return nil, nil })
	ana := h.visitor("ana")
	ana.does(`client = await come({ token: %q })`, h.token("ana", nil))
	ana.sees(`client.emit("double", 21)`, `42`)
	ana.sees(`typeof await client.emit("quiet")`, `"undefined"`)
	ana.fails("shop.closed", `await client.emit("refuse")`)
	ana.fails("unknown_event", `await client.emit("unheard")`)
	ana.fails("bad_message", `await client.emit("double", "x")`)
	ana.sees(`Promise.all([1, 2, 3].map((n) => client.emit("double", n)))`, `[2,4,6]`)
}

// What the server asks a client is answered by the client's handler; what comes
// right behind the welcome is handled, too.
func TestSDKAnswersTheServer(t *testing.T) {
	h := newHouse(t, nil)
	h.app().OnConnect(func(p *signaling.Peer) error { return p.Emit("motd", "hello") })
	ana := h.visitor("ana")
	ana.does(`client = await come({ token: %q, handlers: { motd: ({ name, data }) => tell(name, data) } })`, h.token("ana", nil))
	ana.hears("motd hello")
	ana.does(`client.handle("add", async ({ data: [a, b] }) => a + b);
		client.handle("refuse", () => { throw new SignalError("busy", "not now"); });
		client.handle("fail", () => { throw new Error("secret"); });
		client.handle("gone", () => 1)();`)
	peer := h.app().Peer(ana.asks("client.id"))
	if sum, err := peer.Request(h.ctx, "add", []int{1, 2}); string(sum) != "3" || err != nil {
		t.Errorf("add: %s, %v", sum, err)
	}
	for name, code := range map[string]string{"refuse": "busy", "fail": "internal", "gone": "unknown_event"} {
		_, err := peer.Request(h.ctx, name, nil)
		wantCode(t, err, code)
	}
}

// The server tells a room, and asks everybody in it, on whichever client.
func TestSDKAndGoClientHearTheSameBroadcast(t *testing.T) {
	h := newHouse(t, nil)
	ana := h.visitor("ana")
	gus := h.gopher("gus", client.Config{})
	gus.enters("stage", client.JoinOptions{})
	ana.does(`client = await come({ token: %q });
		client.handle("news", ({ data, room }) => tell("news", data, room));
		client.handle("who", () => "ana");
		hear(await client.join("stage", { name: "ana" }))`, h.token("ana", nil))
	gus.hears("participantjoined ana participant")
	gus.client.On("news", func(_ context.Context, e *client.ServerEvent) (any, error) {
		var news string
		err := e.Bind(&news)
		gus.tell("news", news, e.Room)
		return nil, err
	})
	gus.client.On("who", func(context.Context, *client.ServerEvent) (any, error) { return "gus", nil })
	if err := h.app().To("stage").Emit("news", "it rains"); err != nil {
		t.Fatal(err)
	}
	ana.hears("news it rains stage")
	gus.hears("news it rains stage")

	replies, err := h.app().To("stage").Request(h.ctx, "who", nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range replies {
		var name string
		if err := r.Bind(&name); err != nil {
			t.Error(err)
		}
		names = append(names, name)
	}
	if slices.Sort(names); fmt.Sprint(names) != "[ana gus]" {
		t.Errorf("%q have answered", names)
	}
	if err := h.app().To("stage").Except(gus.client.ID()).Emit("news", "to one"); err != nil {
		t.Fatal(err)
	}
	ana.hears("news to one stage")
}

// An answer that the server gives while the connection is lost comes with the next
// one, and the event is handled once.
func TestSDKAnswerOutlivesTheConnection(t *testing.T) {
	h := newHouse(t, nil)
	begun, finish := make(chan int, 2), make(chan struct{})
	signaling.Handle(h.app(), "slow", func(c *signaling.Call, n int) (any, error) {
		begun <- n
		<-finish
		return n + 1, nil
	})
	ana := h.visitor("ana")
	ana.does(`client = await come({ token: %q }); answer = client.emit("slow", 1)`, h.token("ana", nil))
	<-begun
	h.srv.CutLinks()
	ana.hears("client reconnecting")
	close(finish)
	ana.hears("client connected")
	ana.sees("answer", "2")
	if len(begun) != 0 {
		t.Error("it was handled again")
	}
}

// A room that was joined by itself has a connection that does the rest.
func TestSDKRoomHasAClient(t *testing.T) {
	h := newHouse(t, nil)
	signaling.Handle(h.app(), "double", func(_ *signaling.Call, n int) (any, error) { return 2 * n, nil })
	ana, gus := h.visitor("ana"), h.gopher("gus", client.Config{})
	ana.enters("stage", "")
	ana.sees(`room.client.emit("double", 21)`, `42`)
	ana.does(`room.client.handle("news", ({ data }) => tell("news", data)); await hear(room.client).watch(["gus"])`)
	ana.hears("presence gus online peers=1")
	if err := h.app().To("stage").Emit("news", "it rains"); err != nil {
		t.Fatal(err)
	}
	ana.hears("news it rains")
	gus.must(gus.client.SendUser(h.ctx, "ana", []byte(`"hello"`)))
	ana.hears(`usermessage gus "hello"`)
}

// Bytes go both ways, as answers too, and between the two clients.
func TestSDKBinaryValues(t *testing.T) {
	h, ana, _, gus := stage(t)
	signaling.Handle(h.app(), "turn", func(_ *signaling.Call, b signaling.Binary) (any, error) {
		slices.Reverse(b)
		return map[string]signaling.Binary{"turned": b}, nil
	})
	ana.sees(`[...bytes((await room.client.emit("turn", binary(new Uint8Array([0, 128, 255])))).turned)]`, `[255,128,0]`)
	ana.does(`room.client.handle("sum", ({ data }) => bytes(data).reduce((a, b) => a + b)); room.client.handle("same", ({ data }) => binary(bytes(data)))`)
	peer := h.app().Peer(ana.asks("room.me.id"))
	if sum, err := peer.Request(h.ctx, "sum", signaling.Binary{1, 2, 250}); string(sum) != "253" || err != nil {
		t.Errorf("sum: %s, %v", sum, err)
	}
	if same, err := peer.Request(h.ctx, "same", signaling.Binary{0, 254}); string(same) != `{"$bin":"AP4="}` || err != nil {
		t.Errorf("same: %s, %v", same, err)
	}
	_, err := peer.Request(h.ctx, "sum", "no bytes")
	wantCode(t, err, "bad_message")
	ana.does(`room.send(binary(new Uint8Array([0, 254])), { to: find("gus") })`)
	gus.hears(`message ana {"$bin":"AP4="}`)
}

// Who is made to join by the server is in that room if the application wants it,
// and leaves it again if not.
func TestSDKIsMadeToJoin(t *testing.T) {
	h := newHouse(t, nil)
	h.app().OnConnect(func(p *signaling.Peer) error { return p.Join("welcome") })
	ana, ben := h.visitor("ana"), h.visitor("ben")
	gus := h.gopher("gus", client.Config{Joined: func(*client.Room) {}})
	ana.does(`client = await come({ token: %q, joined: (made) => { room = hear(made); room.me.update({ name: "ana" }); tell(room.name, room.state); } })`, h.token("ana", nil))
	ana.hears("welcome connected")
	ana.sees(`[room.participants.size, room.client === client, client.rooms.get("welcome") === room]`, `[1,true,true]`)
	ben.does(`client = await come({ token: %q, name: "ben" })`, h.token("ben", nil))
	ana.hears("participantjoined participant", "participantleft left") // it had no time to say its name
	ben.sees(`client.rooms.size`, `0`)
	h.app().Peer(ana.asks("client.id")).Leave("welcome")
	ana.hears("error forbidden", "room disconnected forbidden")
	gus.must(gus.client.Close(h.ctx))
}
