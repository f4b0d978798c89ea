package signaling

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// link makes a link.
func (c *client) link(role wire.Role, uses int, ttl time.Duration) string {
	c.t.Helper()
	m := c.ask(&wire.Message{Type: wire.TypeLink, Role: role, Mod: &wire.Moderation{Uses: uses, TTL: ttl.Milliseconds()}})
	var data struct {
		Link    string
		Expires int64
	}
	if err := json.Unmarshal(m.Data, &data); err != nil || ttl != 0 && data.Expires != ttl.Milliseconds() {
		c.t.Fatalf("ok has %s", m.Data)
	}
	return data.Link
}

func by(link string) *wire.Message {
	return &wire.Message{Type: wire.TypeJoin, Room: "room", Door: &wire.Door{Link: link}}
}

func TestLinkIsUsedOnce(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		bob.wantRefused(&wire.Message{Type: wire.TypeLink}, wire.CodeForbidden)
		word := "sesame"
		alice.rules(wire.RulesUpdate{Password: &word, Lobby: yes()})
		bob.want(wire.TypeRules)
		once := alice.link("", 1, time.Hour)
		guest := h.hello(t)
		guest.send(by(once))
		guest.want(wire.TypeJoined) // without a password, past the lobby
		guest.ack()
		guest.resume(0) // it counts once, also for one who has to join again
		guest.welcomed(false)
		guest.id = 0
		guest.send(by(once))
		guest.want(wire.TypeJoined)
		other := h.hello(t)
		other.wantRefused(by(once), wire.CodeLinkUsed)
		for _, c := range []*client{alice, bob, guest} {
			c.frames()
			c.send(&wire.Message{Type: wire.TypeLeave, Room: "room"})
			c.frames()
		}
		other.wantRefused(by(once), wire.CodeLinkUsed) // also when nobody is there any more
		time.Sleep(time.Hour)
		other.frames()
		other.wantRefused(by(once), wire.CodeLinkExpired)
		if h.cluster.keeps("room") {
			t.Error("the room is still there")
		}
	})
}

func TestLinkHasARoleAndARoom(t *testing.T) {
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.join("room")
		viewer, host, many := alice.link(wire.RoleViewer, 0, 0), alice.link(wire.RoleHost, 2, 0), alice.link("", 0, 0)
		alice.rules(wire.RulesUpdate{Locked: yes()})
		c := h.hello(t)
		c.wantRefused(by(viewer), wire.CodeRoomLocked)
		c.send(by(host)) // a host is not locked out
		if m := c.want(wire.TypeJoined); m.Role != wire.RoleHost {
			t.Errorf("got %+v", m)
		}
		alice.frames()
		alice.rules(wire.RulesUpdate{Locked: no()})
		c.frames()
		for range 3 {
			c := h.hello(t)
			c.send(by(many))
			if m := c.want(wire.TypeJoined); m.Role != "" {
				t.Errorf("got %+v", m)
			}
		}
		v := h.hello(t)
		v.send(by(viewer))
		if m := v.want(wire.TypeJoined); m.Role != wire.RoleViewer {
			t.Errorf("got %+v", m)
		}
		c.send(&wire.Message{Type: wire.TypeJoin, Room: "other", Door: &wire.Door{Link: many}})
		c.frames()
		bad := h.hello(t)
		for _, link := range []string{"x", many + "A", many[1:], strings.ToLower(many), alice.token, many[:len(many)-4] + "AAAA"} {
			bad.wantRefused(by(link), wire.CodeBadLink)
		}
		bad.send(&wire.Message{Type: wire.TypeJoin, Room: "other", Door: &wire.Door{Link: many}})
		bad.wantError(wire.CodeBadLink, bad.id)
	})
}

// TestOneTimeLinkMeetsTwo has two come by one link at once, on two servers.
func TestOneTimeLinkMeetsTwo(t *testing.T) {
	inBubble(t, 3, Config{}, func(t *testing.T, h *harness) {
		alice := h.hello(t)
		alice.join("room")
		once := alice.link("", 1, 0)
		var all []*client
		for range 6 {
			all = append(all, h.hello(t))
		}
		for _, c := range all {
			go c.send(by(once))
		}
		in := 0
		for _, c := range all {
			if m := c.frames()[0]; m.Type == wire.TypeJoined {
				in++
			} else if m.Code != wire.CodeLinkUsed {
				t.Errorf("got %+v", m)
			}
		}
		if in != 1 {
			t.Errorf("%d came in", in)
		}
	})
}

func FuzzRoomLink(f *testing.F) {
	key := []byte("a key")
	good := roomLink{app: "default", room: "room", LinkPass: LinkPass{ID: strings.Repeat("x", linkID), Role: wire.RoleHost, Uses: 3, Until: 1}}
	f.Add(good.sign(key), "room", 7)
	f.Fuzz(func(t *testing.T, text, room string, uses int) {
		if l, err := parseRoomLink(text, [][]byte{key}); err == nil && l.sign(key) != text {
			t.Errorf("%q is read as %+v, which is %q", text, l, l.sign(key))
		}
		if len(room) > 128 {
			return
		}
		l := good
		l.room, l.Uses = room, int(uint16(uses))
		again, err := parseRoomLink(l.sign(key), [][]byte{[]byte("another"), key})
		if err != nil || *again != l {
			t.Errorf("%+v became %+v: %v", l, again, err)
		}
		if _, err := parseRoomLink(l.sign(key), [][]byte{[]byte("another")}); err == nil {
			t.Error("a link under another key is taken")
		}
	})
}

// TestSignedThingsStayInTheirApp shows what was made in one app in another.
func TestSignedThingsStayInTheirApp(t *testing.T) {
	inBubble(t, 1, withUsers(Config{Apps: []string{"support"}}), func(t *testing.T, h *harness) {
		alice := h.as(t, "alice")
		alice.join("room")
		link := alice.link("", 0, 0)
		connect := (&connectToken{
			expires: time.Now().Add(time.Hour).UnixMilli(), caller: strings.Repeat("c", 40), app: "default", room: "room", user: "bob",
		}).sign(h.cfg.ResumeKeys[0])
		bob := h.client(t)
		bob.info.App = "support"
		bob.connect()
		bob.send(&wire.Message{Type: wire.TypeHello, Hello: &wire.Hello{Token: "bob"}})
		bob.welcomed(false)
		bob.wantRefused(by(link), wire.CodeBadLink)
		s := h.servers[0]
		if room := s.callRoom("default"); !s.isCallRoom("default", room) || s.isCallRoom("support", room) {
			t.Errorf("%s is open in another app, or not in its own", room)
		}
		for _, app := range []string{"default", "support"} {
			_, tok, err := (&Link{srv: s, app: app}).identify(t.Context(), connect)
			if (err == nil && tok.user == "bob") != (app == "default") {
				t.Errorf("in app %s the connect token is %+v, %v", app, tok, err)
			}
		}
		if _, err := parseRoomLink(strings.TrimPrefix(connect, connectPrefix), h.cfg.ResumeKeys); err == nil {
			t.Error("a connect token is a link")
		}
		if _, err := parseConnect(connectPrefix+link, h.cfg.ResumeKeys); err == nil {
			t.Error("a link is a connect token")
		}
	})
}
