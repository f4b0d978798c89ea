package wire

// fromClient are the messages that a client may send.
var fromClient = map[Type]bool{
	TypeHello: true, TypePing: true, TypePong: true, TypeAck: true, TypeBye: true, TypeToken: true,
	TypeJoin: true, TypeLeave: true, TypeUpdate: true, TypeICE: true, TypeEvent: true, TypeReply: true,
	TypeOffer: true, TypeAnswer: true, TypeCandidates: true, TypeNegotiate: true, TypeReject: true, TypeMessage: true, TypeGot: true,
	TypeWatch: true, TypeUnwatch: true, TypeStatus: true, TypeInvite: true, TypeAccept: true, TypeDecline: true, TypeCancel: true,
	TypeKick: true, TypeBan: true, TypeUnban: true, TypeSetRules: true, TypeAdmit: true, TypeDeny: true, TypeEnd: true,
	TypeSetRole: true, TypeLink: true, TypeMuteRequest: true,
}

// Numbered reports whether a client's frame of type t carries an id.
func (t Type) Numbered() bool {
	switch t {
	case TypeHello, TypePing, TypePong, TypeAck:
		return false
	}
	return true
}

// Relayed reports whether t goes from client to client.
func (t Type) Relayed() bool {
	switch t {
	case TypeOffer, TypeAnswer, TypeCandidates, TypeNegotiate, TypeReject, TypeMessage, TypeGot, TypeMuteRequest:
		return true
	}
	return false
}

// Moderates reports whether t is a request that only hosts may make.
func (t Type) Moderates() bool {
	switch t {
	case TypeKick, TypeBan, TypeUnban, TypeSetRules, TypeAdmit, TypeDeny, TypeEnd, TypeSetRole, TypeLink:
		return true
	}
	return false
}

// Check checks that a client's frame, as Scan returned it, has the fields that
// its type needs, with values that can be. What depends on the session, such
// as limits and membership, is the server's. A refusal has CodeUnknownType,
// CodeBadRoom or CodeBadMessage.
func (m *Message) Check() *Error {
	if !fromClient[m.Type] {
		return Refuse(CodeUnknownType, "no message from a client has the type %q", short([]byte(m.Type)))
	}
	if m.Type.Numbered() != (m.ID != 0) {
		if m.ID == 0 {
			return Refuse(CodeBadMessage, "%s: id is missing: number the frames of a session 1, 2, 3 …", m.Type)
		}
		return Refuse(CodeBadMessage, "%s: has an id, and must not", m.Type)
	}
	switch m.Type {
	case TypeJoin, TypeLeave, TypeUpdate:
		if err := m.checkRoom(); err != nil {
			return err
		}
		return m.Door.check()
	case TypeHello:
		return m.Hello.check()
	case TypeToken:
		return m.checkToken()
	case TypeEvent:
		if !ValidEvent(m.Name) {
			return Refuse(CodeBadMessage, "event: name has %d bytes, want 1 to %d", len(m.Name), maxEventName)
		}
	case TypeReply:
		return m.checkReply()
	}
	if m.Type.Relayed() && (m.Type != TypeMessage || m.User == "") {
		return m.checkRelayed()
	}
	if m.Type.Moderates() {
		if err := m.checkRoom(); err != nil {
			return err
		}
		return m.checkModeration()
	}
	return m.checkUsers()
}

func (m *Message) checkRoom() *Error {
	if m.Room == "" {
		return Refuse(CodeBadMessage, "%s: room is missing", m.Type)
	}
	if !ValidRoom(m.Room) {
		return Refuse(CodeBadRoom, "%s: %q is not a room: use 1 to 128 of A-Z a-z 0-9 _ . ~ -", m.Type, short([]byte(m.Room)))
	}
	if m.Type == TypeUpdate && m.Data == nil {
		return Refuse(CodeBadMessage, "update: data is missing")
	}
	return nil
}

// maxToken bounds a credential, in bytes.
const maxToken = 4096

func (m *Message) checkToken() *Error {
	switch n := len(m.Token); {
	case n == 0:
		return Refuse(CodeBadMessage, "token: token is missing")
	case n > maxToken:
		return Refuse(CodeBadMessage, "token: token has %d bytes, more than %d", n, maxToken)
	}
	return nil
}

func (h *Hello) check() *Error {
	if len(h.Token) > maxToken {
		return Refuse(CodeBadMessage, "hello: token has %d bytes, more than %d", len(h.Token), maxToken)
	}
	if h.Nonce != "" && !validNonce(h.Nonce) {
		return Refuse(CodeBadMessage, "hello: nonce is %q, want 16 to 64 of A-Z a-z 0-9 _ -", short([]byte(h.Nonce)))
	}
	if h.Resume != nil && !validNonce(h.Resume.Nonce) {
		return Refuse(CodeBadMessage, "hello: resume.nonce is %q, want 16 to 64 of A-Z a-z 0-9 _ -", short([]byte(h.Resume.Nonce)))
	}
	return nil
}

func (m *Message) checkRelayed() *Error {
	if err := m.checkRoom(); err != nil {
		return err
	}
	if !ValidPeer(m.To) && (m.To != "" || m.Type != TypeMessage) {
		return Refuse(CodeBadMessage, "%s: to is %q, want the id of a peer", m.Type, short([]byte(m.To)))
	}
	if m.Data == nil && m.Type != TypeGot && m.Type != TypeMuteRequest && (m.Type != TypeCandidates || !m.End) {
		return Refuse(CodeBadMessage, "%s: data is missing", m.Type)
	}
	switch m.Type {
	case TypeGot:
		if m.N != 0 || m.Got == 0 && m.Base == 0 {
			return Refuse(CodeBadMessage, "got: has got or base, and no n")
		}
	case TypeOffer, TypeAnswer:
		if m.PC == 0 || m.Gen == 0 {
			return Refuse(CodeBadMessage, "%s: pc and gen must be 1 or more", m.Type)
		}
	case TypeNegotiate, TypeReject:
		if m.PC == 0 {
			return Refuse(CodeBadMessage, "%s: pc must be 1 or more", m.Type)
		}
	case TypeCandidates:
		if m.PC == 0 || m.Ufrag == "" || len(m.Ufrag) > 256 {
			return Refuse(CodeBadMessage, "candidates: pc must be 1 or more, and ufrag 1 to 256 characters")
		}
		if m.Data != nil && m.Data[0] != '[' {
			return Refuse(CodeBadMessage, "candidates: data must be an array")
		}
	}
	return nil
}

func (m *Message) checkReply() *Error {
	switch {
	case m.RID == "" || len(m.RID) > maxRID:
		return Refuse(CodeBadMessage, "reply: rid has %d bytes, want that of an event", len(m.RID))
	case len(m.Code) > maxCode:
		return Refuse(CodeBadMessage, "reply: code has %d bytes, more than %d", len(m.Code), maxCode)
	case m.Code != "" && m.Data != nil:
		return Refuse(CodeBadMessage, "reply: has data and code, want one of them")
	}
	return nil
}

// Bounds in bytes. A rid is the server's, which has room for a node's name and
// a number.
const (
	maxEventName = 128
	maxRID       = 128
	maxCode      = 64
)

// ValidEvent reports whether s can name an event.
func ValidEvent(s string) bool { return s != "" && len(s) <= maxEventName }

// ValidRoom reports whether s can name a room or an app.
func ValidRoom(s string) bool {
	if s == "" || len(s) > 128 || s == "." || s == ".." {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '_' && c != '.' && c != '~' && c != '-' {
			return false
		}
	}
	return true
}

// ValidPeer reports whether s has the form of a peer's id.
func ValidPeer(s string) bool {
	if len(s) != 20 {
		return false
	}
	for i := range len(s) {
		if !alphanumeric(s[i]) {
			return false
		}
	}
	return true
}

func validNonce(s string) bool {
	if len(s) < 16 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z'
}
