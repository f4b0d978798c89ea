package signaling

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// What a host gets who says nothing about it.
const (
	usualBan = time.Hour
	usualTTL = 24 * time.Hour // of a link
)

// moderation is the change that each request of a host asks for.
var moderation = map[wire.Type]ChangeKind{
	wire.TypeKick: ChangeKick, wire.TypeBan: ChangeBan, wire.TypeUnban: ChangeBan, wire.TypeSetRules: ChangeRules,
	wire.TypeAdmit: ChangeAdmit, wire.TypeDeny: ChangeDeny, wire.TypeEnd: ChangeEnd, wire.TypeSetRole: ChangeRole,
}

// handleHost asks the cluster for what a host wants; there it is judged whether it
// is one.
func (s *session) handleHost(m *wire.Message, fx *effects) *wire.Error {
	own := s.member(m.Room)
	if own == nil {
		return notInRoom(m)
	}
	if m.Type == wire.TypeLink {
		return s.handleLink(own, m, fx)
	}
	kind, ok := moderation[m.Type]
	if !ok {
		return unknownType(m)
	}
	c := Change{
		Kind: kind, App: s.app.name, Room: m.Room, Host: s.peer, Limit: s.srv.cfg.MaxPeers,
		Member: Member{ID: m.To, User: m.User}, Role: m.Role, Text: m.Text, Source: s.address(),
	}
	switch m.Type {
	case wire.TypeDeny:
		c.Reason = wire.ReasonDenied
	case wire.TypeBan:
		lasts := usualBan
		if m.Mod != nil && m.Mod.For > 0 {
			lasts = time.Duration(m.Mod.For) * time.Millisecond
		}
		c.Until = s.srv.cfg.Now().Add(lasts).UnixMilli()
	case wire.TypeSetRules:
		c.Update = s.hashed(m.Room, m.Mod.Set)
	}
	c.Req = s.request(answer{re: m.ID})
	s.srv.node.Change(c)
	return nil
}

// hashed is u with a hash for the password.
func (s *session) hashed(room string, u *wire.RulesUpdate) *wire.RulesUpdate {
	after := *u
	if u.Password != nil && *u.Password != "" {
		hash := passwordHash(s.srv.cfg.ResumeKeys[0], s.app.name, room, *u.Password)
		after.Password = &hash
	}
	return &after
}

// handleLink makes a link to the room.
func (s *session) handleLink(own *member, m *wire.Message, fx *effects) *wire.Error {
	r := own.room
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !own.inside():
		return notInRoom(m)
	case own.Role != roleHost:
		return wire.Refuse(wire.CodeForbidden, "link: only a host of the room may do that")
	}
	l := roomLink{app: s.app.name, room: m.Room, LinkPass: LinkPass{ID: rand.Text()[:linkID], Role: m.Role}}
	lasts := usualTTL
	if mod := m.Mod; mod != nil {
		l.Uses = mod.Uses
		if mod.TTL > 0 {
			lasts = time.Duration(mod.TTL) * time.Millisecond
		}
	}
	l.Until = s.srv.cfg.Now().Add(lasts).UnixMilli()
	data, _ := json.Marshal(struct { // strings and numbers: it cannot fail
		Link    string `json:"link"`
		Expires int64  `json:"expires"`
	}{l.sign(s.srv.cfg.ResumeKeys[0]), lasts.Milliseconds()})
	b := &Body{Message: &wire.Message{Type: wire.TypeOK, Re: m.ID, Data: data}}
	s.put(b, sizeOf(b.Message), fx)
	return nil
}
