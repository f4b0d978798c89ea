package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Identity is who somebody is, and what they may do. It goes into the resume
// token, signed but readable: nothing secret belongs into it.
type Identity struct {
	User    string    // at most 256 bytes; "": anonymous
	Name    string    // what people are shown, such as whom this user rings
	Grants  *Grants   // nil: what everybody may do who was let in
	Expires time.Time // when it has to be renewed, or the session ends; zero: never
}

// FromRequest is a Config.Authenticate for services that know their users by the
// request, as by a cookie session. Who somebody is has been found out before: it
// is the Identity that the transport was told to make of the request (see
// ws.Config.Context). Who has none, or one without User, is refused.
func FromRequest(_ context.Context, h Hello) (Identity, error) {
	id, _ := h.Context.(Identity)
	if id.User == "" {
		return Identity{}, wire.Refuse(wire.CodeUnauthenticated, "log in first")
	}
	return id, nil
}

// Grants are what somebody may do. With Identity.Name they may take 1 KiB of
// JSON.
type Grants struct {
	// Rooms are the rooms that may be joined, as patterns of path.Match. Nil: all.
	Rooms []string `json:"rooms,omitzero"`
	// Role is the role in these rooms. "": participant, or host of a room that
	// has none.
	Role wire.Role `json:"role,omitempty"`
	// Users are those whom one may watch, ring and write to without being in a
	// room with them, as patterns of path.Match. Nil: nobody.
	Users []string `json:"users,omitzero"`
	// Candidates is what the server strips from what this peer sends. "": what
	// the room and the app say; of several, the strictest holds.
	Candidates wire.Policy `json:"candidates,omitempty"`
}

// maxUser and maxIdentity are bounds in bytes; the second is of the JSON.
const (
	maxUser     = 256
	maxIdentity = 1024
)

// identityJSON is an Identity, without its user, as a resume token carries it.
type identityJSON struct {
	Name    string  `json:"name,omitempty"`
	Grants  *Grants `json:"grants,omitempty"`
	Expires int64   `json:"expires,omitempty"` // ms of the wall clock
}

// encode returns what a resume token carries of id beside its user.
func (id *Identity) encode() []byte {
	j := identityJSON{Name: id.Name, Grants: id.Grants}
	if !id.Expires.IsZero() {
		j.Expires = id.Expires.UnixMilli()
	}
	if j == (identityJSON{}) {
		return nil
	}
	b, _ := json.Marshal(j) // strings and a number: it cannot fail
	return b
}

func (id *Identity) decode(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	var j identityJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	id.Name, id.Grants = j.Name, j.Grants
	if j.Expires != 0 {
		id.Expires = time.UnixMilli(j.Expires)
	}
	return nil
}

// check is Check of what Authenticate gave.
func (id *Identity) check() error {
	if err := id.Check(); err != nil {
		return fmt.Errorf("signaling: Authenticate gave %w", err)
	}
	return nil
}

// Check reports what of id cannot be: something is too long, or none of those
// that there are. The server checks what Authenticate gives.
func (id *Identity) Check() error {
	if len(id.User) > maxUser {
		return fmt.Errorf("a user of %d bytes, more than %d", len(id.User), maxUser)
	}
	if n := len(id.encode()); n > maxIdentity {
		return fmt.Errorf("a name and grants of %d bytes, more than %d", n, maxIdentity)
	}
	if g := id.Grants; g != nil {
		for _, p := range append(g.Rooms[:len(g.Rooms):len(g.Rooms)], g.Users...) {
			if _, err := path.Match(p, ""); err != nil {
				return fmt.Errorf("the pattern %q: %w", p, err)
			}
		}
		switch g.Role {
		case "", wire.RoleHost, wire.RoleParticipant, wire.RoleViewer:
		default:
			return fmt.Errorf("the role %q, which is none", g.Role)
		}
		if !g.Candidates.Valid() {
			return fmt.Errorf("the candidate policy %q, which is none; use %q, %q or %q", g.Candidates, wire.PolicyAll, wire.PolicyNoHost, wire.PolicyRelay)
		}
	}
	return nil
}

// mayJoin reports whether id allows a room.
func (id *Identity) mayJoin(room string) bool {
	return id.Grants == nil || id.Grants.Rooms == nil || matches(id.Grants.Rooms, room)
}

// reaches reports whether id grants a user without a room in common.
func (id *Identity) reaches(user string) bool {
	return id.Grants != nil && matches(id.Grants.Users, user)
}

// role is the role that id has by its token.
func (id *Identity) role() MemberRole {
	if id.Grants == nil {
		return roleNone
	}
	return memberRole(id.Grants.Role)
}

func matches(patterns []string, s string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, s); ok {
			return true
		}
	}
	return false
}
