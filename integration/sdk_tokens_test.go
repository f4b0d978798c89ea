package integration

import (
	"context"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/jwt"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// shortLived has tokens of that name hold for two seconds from when they are shown,
// however long it took to show them.
func shortLived(c *signaling.Config) {
	judge := c.Authenticate
	c.Authenticate = func(ctx context.Context, h signaling.Hello) (signaling.Identity, error) {
		id, err := judge(ctx, h)
		if id.Name == "short-lived" {
			id.Expires = time.Now().Add(2 * time.Second)
		}
		return id, err
	}
}

// A session outlives its token, for a new one is shown in time; and who has none is
// out when the old one ends.
func TestSDKTokenIsRenewedBeforeItEnds(t *testing.T) {
	h := newHouse(t, shortLived)
	h.app().Handle("hello", func(c *signaling.Call) (any, error) { return c.Peer.User(), nil })
	short := func(c *jwt.Claims) { c.Name = "short-lived" }
	ana, eve := h.visitor("ana"), h.visitor("eve")
	eve.does(`come({ token: %q }).catch(({ code }) => { tell("client disconnected"); tell("error", code); })`, h.token("eve", short))
	ana.does(`tokens = [%q, %q];
		client = await come({ token: () => (tokens.length > 1 ? tokens.shift() : tokens[0]) });
		ends = Date.now() + 2000; room = await client.join("stage"); id = client.id`, h.token("ana", short), h.token("ana", nil))
	eve.hears("client disconnected", "error unauthenticated")
	ana.does(`await until(() => Date.now() > ends)`)
	ana.sees(`[await client.emit("hello"), tokens.length, client.id === id, room.state]`, `["ana",1,true,"connected"]`)
}

// A new token may grant more, and take back what the old one did; one of somebody
// else changes nothing.
func TestSDKRenewChangesWhatIsGranted(t *testing.T) {
	h := newHouse(t, nil)
	gus := h.gopher("gus", client.Config{})
	gus.enters("stage", client.JoinOptions{})
	granting := func(room string, role wire.Role) func(*jwt.Claims) {
		return func(c *jwt.Claims) { c.Grants = &signaling.Grants{Rooms: []string{room}, Role: role} }
	}
	ana := h.visitor("ana")
	ana.does(`token = %q; client = await come({ token: () => token }); room = hear(await client.join("stage", { name: "ana" }))`, h.token("ana", granting("stage", "")))
	gus.hears("participantjoined ana participant")
	ana.fails("forbidden", `await client.join("office")`)

	ana.does(`token = %q; await client.renew()`, h.token("ana", granting("stage", wire.RoleHost)))
	ana.hears("role host")
	gus.hears("participantchanged ana host")
	ana.fails("forbidden", `token = %q; await client.renew()`, h.token("eve", nil))
	ana.fails("unauthenticated", `token = "made up"; await client.renew()`)
	ana.sees(`[client.user, room.me.role, room.state]`, `["ana","host","connected"]`)

	ana.does(`token = %q; await client.renew()`, h.token("ana", granting("office", "")))
	ana.hears("error forbidden", "room disconnected forbidden")
	gus.hears("participantleft ana forbidden")
	ana.does(`await client.join("office")`)
}

// Where a user may be in a room once, the newer one takes the place of the older,
// or is refused, as the server says.
func TestSDKDuplicateIdentity(t *testing.T) {
	h := newHouse(t, nil)
	h.app().SetDuplicates(signaling.Duplicates{Max: 1, Replace: true})
	ana, gus := h.visitor("ana"), h.gopher("gus", client.Config{})
	ana.enters("stage", "")
	gus.enters("stage", client.JoinOptions{})
	ana.hears("participantjoined gus participant")
	gus.hears("participantjoined ana host")
	phone := h.visitor("phone")
	phone.does(`room = await enter("stage", { token: %q })`, h.token("ana", nil))
	ana.hears("room disconnected replaced")
	phone.sees(`room.me.role`, `"host"`) // it has the place of the other
	gus.hears("participantleft ana replaced", "participantjoined phone host")
	tablet := h.gopher("tablet", client.Config{Token: func(context.Context) (string, error) { return h.token("gus", nil), nil }})
	tablet.enters("stage", client.JoinOptions{})
	gus.hears("error replaced", "room disconnected replaced")
	phone.hears("participantleft gus replaced", "participantjoined tablet participant")

	h.app().SetDuplicates(signaling.Duplicates{Max: 1})
	ana.keptOut("duplicate_identity", "stage", "")
	wantCode(t, gus.enter("stage", client.JoinOptions{}), "duplicate_identity")
}
