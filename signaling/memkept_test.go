package signaling

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// leavesBanned opens a room, bans a user there, and leaves it empty.
func (c *client) leavesBanned(room, user string) {
	c.t.Helper()
	c.join(room)
	for _, m := range []*wire.Message{{Type: wire.TypeBan, User: user}, {Type: wire.TypeLeave}} {
		m.Room = room
		c.send(m)
	}
	synctest.Wait()
	c.frames()
	c.ack()
}

// TestFloodOfBansPushesOutItsOwn has one address fill what is kept of empty
// rooms, with many rooms and with long names.
func TestFloodOfBansPushesOutItsOwn(t *testing.T) {
	cfg := Config{JoinRate: -1, IPRoomRate: -1, Rate: 1e6, Burst: 1e6, Bytes: 1 << 30}
	eachTopology(t, withUsers(cfg), func(t *testing.T, h *harness) {
		kept := &h.cluster.kept
		kept.most = 40_000
		ana, eve := h.client(t), h.client(t)
		for i, c := range []*client{ana, eve} {
			c.info = from(fmt.Sprintf("192.0.2.%d", i+1))
			c.connect()
			c.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: []string{"ana", "eve"}[i]}})
			c.welcomed(false)
		}
		for i := range 3 {
			ana.leavesBanned(fmt.Sprint("ana-", i), "bob")
		}
		for i := range 200 {
			eve.leavesBanned(fmt.Sprint("eve-", i), strings.Repeat("x", 1+i))
			h.cluster.mu.Lock()
			if bytes := kept.bytes; bytes > kept.most || i > 100 && bytes < kept.most/2 {
				t.Errorf("%d bytes are kept, want at most %d", bytes, kept.most)
			}
			h.cluster.mu.Unlock()
		}
		if h.cluster.keeps("eve-0") || !h.cluster.keeps("eve-199") {
			t.Error("not the oldest rooms were dropped")
		}
		bob := h.as(t, "bob")
		for i := range 3 {
			bob.send(&wire.Message{Type: wire.TypeJoin, Room: fmt.Sprint("ana-", i)})
			bob.wantError(wire.CodeBanned, bob.id)
		}
		time.Sleep(2 * time.Hour)
		h.cluster.mu.Lock()
		defer h.cluster.mu.Unlock()
		if kept.bytes != 0 || len(kept.rooms) != 0 || len(kept.sources) != 0 || len(kept.heaviest) != 0 {
			t.Errorf("%d bytes of %d rooms are kept when all bans are over", kept.bytes, len(kept.rooms))
		}
	})
}

// TestWhoComesByALinkDoesNotTakeARoomOver has somebody try to have a room counted
// for another address, so that it is dropped with what that has filled.
func TestWhoComesByALinkDoesNotTakeARoomOver(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	pass := &LinkPass{ID: "link", Uses: 9, Until: now.Add(time.Hour).UnixMilli()}
	r, _ := (*Rules)(nil).use(pass, "eve", now)
	if r.Source != "eve" {
		t.Errorf("the uses are of %q", r.Source)
	}
	r = r.ban(Ban{User: "bob", Until: now.Add(time.Hour).UnixMilli()}, "ana", now)
	if r, _ = r.use(pass, "eve", now); r.lasting(now).Source != "ana" {
		t.Errorf("the ban is of %q", r.Source)
	}
	if r = r.ban(Ban{User: "carl"}, "eve", now); r.Source != "ana" { // lifts one
		t.Errorf("the ban is of %q", r.Source)
	}
}
