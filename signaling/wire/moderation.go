package wire

// Rules are what holds in a room, as its members are told: joined and rules.
type Rules struct {
	Locked     bool
	Lobby      bool // who comes waits until a host admits them
	Password   bool // there is one
	Capacity   int  // members; 0: as many as the server allows
	Candidates Policy
}

// A RulesUpdate changes some of the rules of a room: set-rules. What is nil
// stays as it is.
type RulesUpdate struct {
	Locked     *bool
	Lobby      *bool
	Password   *string // "": none
	Capacity   *int    // 0: as many as the server allows
	Candidates *Policy // "": none of the room's own
}

// Door is what opens a room that has rules: join.
type Door struct {
	Password string
	Link     string // that a link request made
}

// Moderation is what only requests of hosts have.
type Moderation struct {
	For  int64        // ban: ms; 0: an hour
	Set  *RulesUpdate // set-rules
	Uses int          // link: how many may come by it; 0: any number
	TTL  int64        // link: ms; 0: a day
}

// Bounds of what moderates.
const (
	MaxText     = 256                        // bytes of a reason for people
	MaxPassword = 128                        // bytes
	MaxLink     = 1024                       // bytes
	MaxUses     = 1000                       // of a link
	MaxCapacity = 100_000                    // members
	MaxBan      = 30 * 24 * 3_600_000        // ms
	MaxTTL      = int64(30 * 24 * 3_600_000) // ms of a link
)

// checkModeration checks what a host asks for, behind checkRoom.
func (m *Message) checkModeration() *Error {
	if len(m.Text) > MaxText {
		return Refuse(CodeBadMessage, "%s: text has %d bytes, more than %d", m.Type, len(m.Text), MaxText)
	}
	mod := m.Mod
	if mod == nil {
		mod = &Moderation{}
	}
	switch m.Type {
	case TypeBan, TypeUnban:
		if (m.To == "") == (m.User == "") || m.To != "" && !ValidPeer(m.To) || len(m.User) > MaxUser {
			return Refuse(CodeBadMessage, "%s: needs either to, the id of a peer, or user, of 1 to %d bytes", m.Type, MaxUser)
		}
		if mod.For > MaxBan {
			return Refuse(CodeBadMessage, "ban: for is %d ms, more than %d", mod.For, int64(MaxBan))
		}
	case TypeKick, TypeAdmit, TypeDeny, TypeSetRole:
		if !ValidPeer(m.To) {
			return Refuse(CodeBadMessage, "%s: to is %q, want the id of a peer", m.Type, short([]byte(m.To)))
		}
		if m.Type == TypeSetRole && !m.Role.Valid() {
			return Refuse(CodeBadMessage, "set-role: role is %q, want host, participant or viewer", short([]byte(m.Role)))
		}
	case TypeSetRules:
		return mod.Set.check()
	case TypeLink:
		return m.checkLink(mod)
	}
	return nil
}

func (m *Message) checkLink(mod *Moderation) *Error {
	switch {
	case m.Role != "" && !m.Role.Valid():
		return Refuse(CodeBadMessage, "link: role is %q, want host, participant or viewer", short([]byte(m.Role)))
	case mod.Uses > MaxUses:
		return Refuse(CodeBadMessage, "link: uses is %d, more than %d", mod.Uses, MaxUses)
	case mod.TTL > MaxTTL:
		return Refuse(CodeBadMessage, "link: ttl is %d ms, more than %d", mod.TTL, MaxTTL)
	}
	return nil
}

func (u *RulesUpdate) check() *Error {
	switch {
	case u == nil:
		return Refuse(CodeBadMessage, "set-rules: rules is missing")
	case u.Password != nil && len(*u.Password) > MaxPassword:
		return Refuse(CodeBadMessage, "set-rules: password has %d bytes, more than %d", len(*u.Password), MaxPassword)
	case u.Capacity != nil && *u.Capacity > MaxCapacity:
		return Refuse(CodeBadMessage, "set-rules: capacity is %d, more than %d", *u.Capacity, MaxCapacity)
	case u.Candidates != nil && *u.Candidates != "" && !u.Candidates.Valid():
		return Refuse(CodeBadMessage, "set-rules: candidates is %q, want all, no-host or relay", short([]byte(*u.Candidates)))
	}
	return nil
}

func (d *Door) check() *Error {
	switch {
	case d == nil:
	case len(d.Password) > MaxPassword:
		return Refuse(CodeBadMessage, "join: password has %d bytes, more than %d", len(d.Password), MaxPassword)
	case len(d.Link) > MaxLink:
		return Refuse(CodeBadMessage, "join: link has %d bytes, more than %d", len(d.Link), MaxLink)
	}
	return nil
}

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool {
	return r == RoleHost || r == RoleParticipant || r == RoleViewer
}

func (m *Message) door() *Door {
	if m.Door == nil {
		m.Door = &Door{}
	}
	return m.Door
}

func (m *Message) mod() *Moderation {
	if m.Mod == nil {
		m.Mod = &Moderation{}
	}
	return m.Mod
}

// setModeration takes the fields that only rooms with rules have.
func (f *fields) setModeration(key string, v []byte) error {
	m := f.m
	switch key {
	case "role":
		return setString((*string)(&m.Role), v)
	case "password":
		return setString(&m.door().Password, v)
	case "link":
		return setString(&m.door().Link, v)
	case "for":
		return setInt(&m.mod().For, v)
	case "ttl":
		return setInt(&m.mod().TTL, v)
	case "uses":
		return setSmall(&m.mod().Uses, v)
	case "rules":
		f.rules = v
	}
	return nil
}

// finishModeration reads what has another meaning in another type, and drops
// what has none in this one.
func (f *fields) finishModeration() (err error) {
	m := f.m
	switch m.Type {
	case TypeSetRules:
		if f.rules != nil {
			m.mod().Set = &RulesUpdate{}
			err = named("rules", m.Mod.Set.scan(f.rules))
		}
	case TypeJoined, TypeRules:
		if f.rules != nil {
			m.Rules = &Rules{}
			err = named("rules", m.Rules.scan(f.rules))
		}
	}
	if m.Type != TypeJoin {
		m.Door = nil
	}
	switch m.Type {
	case TypeBan, TypeSetRules, TypeLink:
	default:
		m.Mod = nil
	}
	return err
}

func (u *RulesUpdate) scan(raw []byte) error {
	return eachField(raw, func(key string, v []byte) error {
		switch key {
		case "locked":
			u.Locked = new(bool)
			return setBool(u.Locked, v)
		case "lobby":
			u.Lobby = new(bool)
			return setBool(u.Lobby, v)
		case "password":
			u.Password = new(string)
			return setString(u.Password, v)
		case "capacity":
			u.Capacity = new(int)
			return setSmall(u.Capacity, v)
		case "candidates":
			u.Candidates = new(Policy)
			return setString((*string)(u.Candidates), v)
		}
		return nil
	})
}

func (r *Rules) scan(raw []byte) error {
	return eachField(raw, func(key string, v []byte) error {
		switch key {
		case "locked":
			return setBool(&r.Locked, v)
		case "lobby":
			return setBool(&r.Lobby, v)
		case "password":
			return setBool(&r.Password, v)
		case "capacity":
			return setSmall(&r.Capacity, v)
		case "candidates":
			return setString((*string)(&r.Candidates), v)
		}
		return nil
	})
}

// appendModeration appends the fields of requests that moderate.
func (m *Message) appendModeration(b []byte) []byte {
	if m.Mod != nil {
		b = appendNumber(b, "for", uint64(m.Mod.For))
	}
	b = appendText(b, "role", string(m.Role))
	if m.Mod != nil {
		b = appendNumber(b, "uses", uint64(m.Mod.Uses))
		b = appendNumber(b, "ttl", uint64(m.Mod.TTL))
		if m.Mod.Set != nil {
			b = m.Mod.Set.append(append(b, `,"rules":`...))
		}
	}
	return appendText(b, "text", m.Text)
}

func (u *RulesUpdate) append(b []byte) []byte {
	from := len(b)
	if u.Locked != nil {
		b = appendBool(b, "locked", *u.Locked)
	}
	if u.Lobby != nil {
		b = appendBool(b, "lobby", *u.Lobby)
	}
	if u.Password != nil {
		b = appendString(append(b, `,"password":`...), *u.Password)
	}
	if u.Capacity != nil {
		b = appendInt(b, "capacity", *u.Capacity)
	}
	if u.Candidates != nil {
		b = appendString(append(b, `,"candidates":`...), string(*u.Candidates))
	}
	return closeObject(b, from)
}

func (r *Rules) append(b []byte) []byte {
	from := len(b)
	if r.Locked {
		b = appendBool(b, "locked", true)
	}
	if r.Lobby {
		b = appendBool(b, "lobby", true)
	}
	if r.Password {
		b = appendBool(b, "password", true)
	}
	b = appendNumber(b, "capacity", uint64(r.Capacity))
	b = appendText(b, "candidates", string(r.Candidates))
	return closeObject(b, from)
}
