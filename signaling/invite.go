package signaling

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// An invitation is an entry of the caller in the roster of the user that is
// rung, and rings while it is there. Whoever ends it does so by a Change of that
// roster, of which the first has effect: so exactly one device accepts, and never
// one that was cancelled.

// ringing is what the caller's node keeps of an invitation beside its entry.
type ringing struct {
	end  time.Duration // when it has rung long enough; guarded by the session's lock; 0: asked for, or over
	told wire.Via      // what the caller was told; guarded by the room's lock
	push *pushing      // the hook that was called; guarded by the room's lock
}

// callRoomName is the length of the random part of a call's room, and of the part
// that proves who made it.
const callRoomName = 12

// callRoom makes the name of a room for a call. It cannot be guessed, and who knows
// it may join the room of that app, whatever rooms its token allows: so it is signed.
func (s *Server) callRoom(app string) string {
	name := make([]byte, callRoomName, 2*callRoomName)
	rand.Read(name)
	return callRoomPrefix + base64.RawURLEncoding.EncodeToString(append(name, callRoomMAC(s.cfg.ResumeKeys[0], app, name)...))
}

const callRoomPrefix = "call-"

func callRoomMAC(key []byte, app string, name []byte) []byte {
	return tokenMAC(key, append([]byte(callRoomPrefix+app+"\x00"), name...))[:callRoomName]
}

// isCallRoom reports whether a server that has one of our keys made this name, for
// that app.
func (s *Server) isCallRoom(app, room string) bool {
	text, ok := strings.CutPrefix(room, callRoomPrefix)
	b, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(b) != 2*callRoomName {
		return false
	}
	return slices.ContainsFunc(s.cfg.ResumeKeys, func(key []byte) bool {
		return hmac.Equal(callRoomMAC(key, app, b[:callRoomName]), b[callRoomName:])
	})
}

// allows reports whether id may join a room of an app.
func (s *Server) allows(id *Identity, app, room string) bool {
	return id.mayJoin(room) || s.isCallRoom(app, room)
}

// handleInvite rings a user.
func (s *session) handleInvite(l *Link, m *wire.Message) *wire.Error {
	c := &s.srv.cfg
	if len(m.Data) > c.MaxMetadata {
		s.srv.exceeded(LimitMetadata)
		return wire.Refuse(wire.CodeTooBig, "invite: data has %d bytes, more than %d", len(m.Data), c.MaxMetadata)
	}
	if limit := s.chargeJoin(l.src); limit != "" {
		return s.srv.refuseFor(limit)
	}
	id := s.who()
	if m.Room != "" && !s.srv.allows(id, s.app.name, m.Room) {
		return wire.Refuse(wire.CodeForbidden, "invite: your token does not allow room %q", m.Room)
	}
	s.mu.Lock()
	s.forgetMissedLocked()
	open := s.openLocked()
	s.mu.Unlock()
	if open >= c.MaxInvites {
		s.srv.exceeded(LimitInvites)
		return wire.Refuse(wire.CodeTooManyInvites, "invite: you ring %d users, and may not ring more", open)
	}
	roster := s.rosterOf(m.User)
	in := &Invitation{
		ID: newPeerID(), Name: id.Name, Room: cmp.Or(m.Room, s.srv.callRoom(s.app.name)), Data: m.Data, Anyway: m.Call != nil && m.Call.Anyway,
		Push:    c.Push != nil && roster[0] == userPrefix,
		Expires: c.Now().Add(c.RingTime).UnixMilli(),
	}
	s.srv.node.Change(Change{
		Kind: ChangeJoin, App: s.app.name, Room: roster, Req: s.request(answer{re: m.ID}),
		Member: Member{ID: s.peer + in.ID, Kind: KindCaller, User: s.user, Rank: s.rank, Call: in},
	})
	return nil
}

// openLocked counts the invitations that ring.
func (s *session) openLocked() (n int) {
	for _, m := range s.rooms {
		if m.Kind == KindCaller && !m.stale {
			n++
		}
	}
	return n
}

// forgetMissedLocked takes the oldest of what was missed back, where there are as
// many as may ring.
func (s *session) forgetMissedLocked() {
	n := 0
	for i := len(s.rooms) - 1; i >= 0; i-- {
		if m := s.rooms[i]; m.Kind == KindCaller && m.stale {
			if n++; n >= s.srv.cfg.MaxInvites {
				m.change(ChangeLeave, wire.ReasonGone)
			}
		}
	}
}

// notRung tells a caller that nobody was rung.
func (s *session) notRung(e *Event, fx *effects) {
	in := e.Change.Member.Call
	s.settle(e.Change.Req, func(a answer) *Body {
		s.putLockedMessage(inviteMade(a, in), fx)
		return &Body{Message: declined(in.ID, wire.Reason(e.Code))}
	}, fx)
}

func (s *session) putLockedMessage(m *wire.Message, fx *effects) {
	s.putLocked(&Body{Message: m}, sizeOf(m), fx)
}

func inviteMade(a answer, in *Invitation) *wire.Message {
	return &wire.Message{Type: wire.TypeOK, Re: a.re, Call: &wire.Call{Invite: in.ID}}
}

func declined(invite string, reason wire.Reason) *wire.Message {
	return &wire.Message{Type: wire.TypeDeclined, Reason: reason, Call: &wire.Call{Invite: invite}}
}

func cancelled(invite string, reason wire.Reason) *wire.Message {
	return &wire.Message{Type: wire.TypeCancelled, Reason: reason, Call: &wire.Call{Invite: invite}}
}

// ringLocked lets the devices here ring for m, and its session, if that is here,
// know that they do.
func (r *room) ringLocked(e *Event, m *member, fx *effects) {
	if s := m.sess; s != nil {
		m.ring = &ringing{}
		s.settle(e.Change.Req, func(a answer) *Body {
			m.ring.end = s.srv.now() + s.srv.cfg.RingTime
			s.armLocked(m.ring.end)
			return &Body{Message: inviteMade(a, m.Call)}
		}, fx)
		if m.Call.Woke {
			m.pushLocked(fx)
		}
	}
	b := &Body{Message: r.invited(&m.Member)}
	for _, d := range r.members {
		if d.Kind == KindDevice && d.sess != nil && d.ID != peerOf(m.ID) {
			d.deliver(b, sizeOf(b.Message), fx)
		}
	}
}

// invited tells a device of an invitation.
func (r *room) invited(m *Member) *wire.Message {
	in := m.Call
	return &wire.Message{
		Type: wire.TypeInvited, From: peerOf(m.ID), Room: in.Room, User: m.User, Data: in.Data,
		Call: &wire.Call{Invite: in.ID, Name: in.Name, TTL: max(1, in.Expires-r.app.srv.cfg.Now().UnixMilli())},
	}
}

// ringDeviceLocked tells a new device of what rings already.
func (r *room) ringDeviceLocked(d *member, fx *effects) {
	for _, m := range r.members {
		if m.Kind == KindCaller && m.Call.Missed == 0 && peerOf(m.ID) != d.ID {
			d.sess.putMessage(r.invited(&m.Member), fx)
		}
	}
}

// tellRingingLocked tells the callers that are here what has changed of how they
// are heard.
func (r *room) tellRingingLocked(fx *effects) {
	if !isUser(r.name) {
		return
	}
	for _, m := range r.members {
		if m.ring == nil || m.Call.Missed != 0 || m.ring.told == wire.ViaDevice {
			continue
		}
		if via := r.viaLocked(m); via != m.ring.told {
			m.ring.told = via
			msg := &wire.Message{Type: wire.TypeRinging, Call: &wire.Call{Invite: m.Call.ID, Via: via}}
			m.deliver(&Body{Message: msg}, sizeOf(msg), fx)
		}
	}
}

func (r *room) viaLocked(m *member) wire.Via {
	switch {
	case slices.ContainsFunc(r.members, func(d *member) bool { return d.hears(m.ID) }):
		return wire.ViaDevice
	case m.Call.Sent:
		return wire.ViaPush
	}
	return ""
}

// goOnRingingLocked takes over what the node kept from which m has moved here.
func (m *member) goOnRingingLocked() {
	if m.Kind != KindCaller || m.sess == nil {
		return
	}
	m.ring = &ringing{told: m.room.viaLocked(m)}
	s := m.sess
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Call.Missed != 0 {
		m.stale = true
		return
	}
	left := time.Duration(m.Call.Expires-s.srv.cfg.Now().UnixMilli()) * time.Millisecond
	m.ring.end = max(1, s.srv.now()+left)
}

// tickRingingLocked ends what has rung long enough, and arms the timer for the
// rest.
func (s *session) tickRingingLocked(now time.Duration) {
	for _, m := range s.rooms {
		if m.ring == nil || m.ring.end == 0 {
			continue
		}
		if now < m.ring.end {
			s.armLocked(m.ring.end)
			continue
		}
		m.ring.end = 0
		s.srv.node.Change(Change{
			Kind: ChangeAnswer, App: s.app.name, Room: m.room.name, Reason: wire.ReasonTimeout, By: s.peer, Member: Member{ID: m.ID},
		})
	}
}

// handleAnswer accepts or declines what rings on this device.
func (s *session) handleAnswer(m *wire.Message) *wire.Error {
	reason := wire.ReasonAccepted
	if m.Type == wire.TypeDecline {
		reason = cmp.Or(m.Reason, wire.ReasonDeclined)
	}
	s.mu.Lock()
	i := slices.IndexFunc(s.rooms, func(own *member) bool { return own.Kind == KindDevice })
	var r *room
	if i >= 0 {
		r = s.rooms[i].room
	}
	s.mu.Unlock()
	caller := ""
	if r != nil {
		caller = r.callerOf(m.Call.Invite)
	}
	if caller == "" || peerOf(caller) == s.peer {
		return inviteOver(m)
	}
	s.srv.node.Change(Change{
		Kind: ChangeAnswer, App: s.app.name, Room: r.name, Reason: reason, By: s.peer, Member: Member{ID: caller},
		Req: s.request(answer{re: m.ID}),
	})
	return nil
}

func inviteOver(m *wire.Message) *wire.Error {
	return wire.Refuse(wire.CodeInviteOver, "%s: that invitation is over, or not yours", m.Type)
}

// callerOf finds the entry of an invitation that rings.
func (r *room) callerOf(invite string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		if m.Kind == KindCaller && m.Call.ID == invite && m.Call.Missed == 0 {
			return m.ID
		}
	}
	return ""
}

// handleCancel ends an invitation of one's own.
func (s *session) handleCancel(m *wire.Message) *wire.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.rooms, func(own *member) bool {
		return own.Kind == KindCaller && !own.stale && own.ID == s.peer+m.Call.Invite
	})
	if i < 0 {
		return inviteOver(m)
	}
	s.srv.node.Change(Change{
		Kind: ChangeAnswer, App: s.app.name, Room: s.rooms[i].room.name, Reason: wire.ReasonCancelled, By: s.peer,
		Member: Member{ID: s.rooms[i].ID}, Req: s.requestLocked(answer{re: m.ID}),
	})
	return nil
}
