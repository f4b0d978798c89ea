package wire

import (
	"fmt"
	"strconv"
)

// The messages about users: who is there, and who rings whom.
const (
	TypeWatch    Type = "watch"    // c: users, whose presence is told from now on; answered by presence of each, then ok.
	TypeUnwatch  Type = "unwatch"  // c: answered by ok.
	TypePresence Type = "presence" // s: of a user that is watched.
	TypeStatus   Type = "status"   // c: whether this device is busy; answered by ok or error.

	TypeInvite    Type = "invite"    // c: rings a user; answered by ok with the invitation's id, or error.
	TypeInvited   Type = "invited"   // s: to the devices of a user that is rung.
	TypeRinging   Type = "ringing"   // s: to the caller.
	TypeAccept    Type = "accept"    // c: answered by ok or error.
	TypeAccepted  Type = "accepted"  // s: to the caller.
	TypeDecline   Type = "decline"   // c: answered by ok or error.
	TypeDeclined  Type = "declined"  // s: to the caller: nobody answered, and why.
	TypeCancel    Type = "cancel"    // c: answered by ok or error.
	TypeCancelled Type = "cancelled" // s: to the devices: it rings no more, and why.
	TypeMissed    Type = "missed"    // s: to a device that came too late.
)

// The reasons of declined and cancelled, beside ReasonTimeout: nobody answered.
const (
	ReasonAccepted  Reason = "accepted"           // on no frame
	ReasonDeclined  Reason = "declined"           // by one of the devices
	ReasonBusy      Reason = "busy"               // declined: the user is
	ReasonOffline   Reason = "offline"            // declined: nobody could be rung
	ReasonElsewhere Reason = "answered_elsewhere" // cancelled: another device has answered
	ReasonCancelled Reason = "cancelled"          // by the caller
	ReasonGone      Reason = "gone"               // cancelled: the caller is
	ReasonCrossed   Reason = "crossed"            // both rang each other, and the other invitation holds
)

// Via says how a user is rung.
type Via string

// The ways.
const (
	ViaDevice Via = "device" // at least one device rings
	ViaPush   Via = "push"   // none is connected; one may be woken
)

// Call is what messages about an invitation carry.
type Call struct {
	Invite string // its id
	Name   string // invited, missed: the caller's, for people
	Via    Via    // ringing
	Anyway bool   // invite: ring a user that is busy, too
	TTL    int64  // invited: ms for which it rings; missed: ms since it ended
}

// Presence is what is known of a user.
type Presence struct {
	Online bool // a device is connected
	Busy   bool // a device says so
	Peers  int  // devices that are connected
}

// MaxUser is the longest name of a user, in bytes.
const MaxUser = 256

// userFields are the fields of these messages, raw until the type is known.
type userFields struct {
	user, users, invite, name, via, anyway, ttl, online, busy []byte
}

func (f *userFields) set(key string, v []byte) {
	switch key {
	case "user":
		f.user = v
	case "users":
		f.users = v
	case "invite":
		f.invite = v
	case "name":
		f.name = v
	case "via":
		f.via = v
	case "anyway":
		f.anyway = v
	case "ttl":
		f.ttl = v
	case "online":
		f.online = v
	case "busy":
		f.busy = v
	}
}

// finish reads what m's type has.
func (f *userFields) finish(m *Message, peers []byte) (err error) {
	switch m.Type {
	case TypeWatch, TypeUnwatch:
		if f.users != nil {
			m.Users, err = scanStrings(f.users)
			return named("users", err)
		}
	case TypePresence, TypeStatus:
		p := &Presence{}
		m.Presence = p
		if err := f.takeBools(field{"online", f.online}, &p.Online, field{"busy", f.busy}, &p.Busy); err != nil {
			return err
		}
		if m.Type == TypeStatus {
			return nil
		}
		if err := decode("peers", peers, &p.Peers); err != nil {
			return err
		}
	case TypeInvite, TypeInvited, TypeRinging, TypeAccept, TypeAccepted, TypeDecline, TypeDeclined, TypeCancel, TypeCancelled, TypeMissed:
		if err := f.finishCall(m); err != nil {
			return err
		}
	case TypeOK:
		if f.invite == nil {
			return nil
		}
		return f.finishCall(m)
	case TypeEvent:
		if f.name == nil {
			return nil
		}
		return named("name", setString(&m.Name, f.name))
	case TypeMessage, TypeBan, TypeUnban:
	default:
		return nil
	}
	if f.user != nil {
		return named("user", setString(&m.User, f.user))
	}
	return nil
}

type field struct {
	name string
	raw  []byte
}

func (f *userFields) takeBools(a field, intoA *bool, b field, intoB *bool) error {
	for _, x := range []struct {
		field
		into *bool
	}{{a, intoA}, {b, intoB}} {
		if x.raw == nil {
			continue
		}
		if err := setBool(x.into, x.raw); err != nil {
			return named(x.name, err)
		}
	}
	return nil
}

func (f *userFields) finishCall(m *Message) error {
	c := &Call{}
	m.Call = c
	for _, x := range []struct {
		field
		into *string
	}{{field{"invite", f.invite}, &c.Invite}, {field{"name", f.name}, &c.Name}, {field{"via", f.via}, (*string)(&c.Via)}} {
		if x.raw == nil {
			continue
		}
		if err := setString(x.into, x.raw); err != nil {
			return named(x.name, err)
		}
	}
	if f.ttl != nil {
		var n uint64
		if err := setNumber(&n, f.ttl); err != nil {
			return named("ttl", err)
		}
		c.TTL = int64(n)
	}
	if f.anyway != nil {
		return named("anyway", setBool(&c.Anyway, f.anyway))
	}
	return nil
}

func named(name string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return err
}

// appendUsers appends the fields of the messages about users.
func (m *Message) appendUsers(b []byte) []byte {
	b = appendText(b, "user", m.User)
	if m.Users != nil {
		b = appendStrings(append(b, `,"users":`...), m.Users)
	}
	if c := m.Call; c != nil {
		b = appendText(b, "invite", c.Invite)
		b = appendText(b, "name", c.Name)
		b = appendText(b, "via", string(c.Via))
		b = appendNumber(b, "ttl", uint64(c.TTL))
		if c.Anyway {
			b = append(b, `,"anyway":true`...)
		}
	}
	if p := m.Presence; p != nil {
		if m.Type == TypePresence {
			b = strconv.AppendBool(append(b, `,"online":`...), p.Online)
		}
		b = strconv.AppendBool(append(b, `,"busy":`...), p.Busy)
		if m.Type == TypePresence {
			b = strconv.AppendInt(append(b, `,"peers":`...), int64(p.Peers), 10)
		}
	}
	switch m.Type {
	case TypeDecline, TypeDeclined, TypeCancelled:
		b = appendText(b, "reason", string(m.Reason))
	}
	return b
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

// checkUsers judges what a client says about users.
func (m *Message) checkUsers() *Error {
	switch m.Type {
	case TypeWatch, TypeUnwatch:
		if len(m.Users) == 0 {
			return Refuse(CodeBadMessage, "%s: users is missing or empty", m.Type)
		}
		for _, u := range m.Users {
			if err := m.checkUser(u); err != nil {
				return err
			}
		}
	case TypeInvite:
		if m.Room != "" && !ValidRoom(m.Room) {
			return m.checkRoom()
		}
		return m.checkUser(m.User)
	case TypeAccept, TypeDecline, TypeCancel:
		if m.Call == nil || !ValidPeer(m.Call.Invite) {
			return Refuse(CodeBadMessage, "%s: invite is missing or not the id of an invitation", m.Type)
		}
		switch m.Reason {
		case "", ReasonDeclined, ReasonBusy:
		default:
			return Refuse(CodeBadMessage, "%s: reason is %q, want declined or busy", m.Type, short([]byte(m.Reason)))
		}
	case TypeMessage: // to a user
		if m.Room != "" || m.To != "" || m.N != 0 || m.Data == nil {
			return Refuse(CodeBadMessage, "message: one to a user has data, and neither room, to nor n")
		}
		return m.checkUser(m.User)
	}
	return nil
}

func (m *Message) checkUser(u string) *Error {
	if u == "" || len(u) > MaxUser {
		return Refuse(CodeBadMessage, "%s: a user has 1 to %d bytes, and this one %d", m.Type, MaxUser, len(u))
	}
	return nil
}
