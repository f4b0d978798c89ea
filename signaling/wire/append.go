package wire

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// AppendServer appends a server's frame: its head (seq and ack, where they are
// not zero) and a body made by AppendBody. The head stands first so that the
// rest is encoded once for all receivers, and so that a client can acknowledge
// a frame whose data its parser does not like.
func AppendServer(b []byte, seq, ack uint64, body []byte) []byte {
	return appendFrame(b, "seq", seq, ack, body)
}

// AppendClient appends a client's frame: its head (id and ack, where they are
// not zero) and a body made by AppendBody.
func AppendClient(b []byte, id, ack uint64, body []byte) []byte {
	return appendFrame(b, "id", id, ack, body)
}

func appendFrame(b []byte, name string, number, ack uint64, body []byte) []byte {
	b = append(b, '{')
	if number != 0 {
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, `":`...)
		b = append(strconv.AppendUint(b, number, 10), ',')
	}
	if ack != 0 {
		b = append(b, `"ack":`...)
		b = append(strconv.AppendUint(b, ack, 10), ',')
	}
	return append(b, body...)
}

// AppendBody appends m behind its head: from `"type":` to the closing brace.
// Data goes in byte for byte and must be JSON. ID, Seq and Ack are the head's.
func (m *Message) AppendBody(b []byte) []byte {
	b = append(b, `"type":`...)
	b = appendString(b, string(m.Type))
	b = appendNumber(b, "re", m.Re)
	b = appendText(b, "room", m.Room)
	b = appendText(b, "to", m.To)
	b = appendText(b, "from", m.From)
	b = appendNumber(b, "pc", m.PC)
	b = appendNumber(b, "gen", m.Gen)
	b = appendNumber(b, "n", m.N)
	b = appendNumber(b, "got", m.Got)
	b = appendNumber(b, "base", m.Base)
	b = appendText(b, "name", m.Name)
	b = appendText(b, "rid", m.RID)
	b = appendText(b, "ufrag", m.Ufrag)
	if m.End {
		b = append(b, `,"end":true`...)
	}
	b = m.appendRare(b)
	if m.Data != nil {
		b = m.appendData(append(b, `,"data":`...))
	}
	return append(b, '}')
}

// appendRare appends the fields that only few messages have.
func (m *Message) appendRare(b []byte) []byte {
	switch m.Type {
	case TypeHello:
		if m.Hello != nil {
			b = m.Hello.append(b)
		}
	case TypeWelcome:
		if m.Welcome != nil {
			b = m.Welcome.append(b)
		}
	case TypeJoin:
		if m.Door != nil {
			b = appendText(appendText(b, "password", m.Door.Password), "link", m.Door.Link)
		}
	case TypePeerJoined, TypePeerUpdated, TypeKnock:
		if m.Peer != nil {
			b = m.Peer.append(append(b, `,"peer":`...))
		}
	case TypeJoined:
		b = appendText(b, "role", string(m.Role))
		b = append(b, `,"peers":[`...)
		for i := range m.Peers {
			if i > 0 {
				b = append(b, ',')
			}
			b = m.Peers[i].append(b)
		}
		b = append(b, ']')
		if m.Rules != nil {
			b = m.Rules.append(append(b, `,"rules":`...))
		}
	case TypePeerBack:
		b = strconv.AppendBool(append(b, `,"resumed":`...), m.Resumed)
	case TypePeerLeft, TypeKnockEnded, TypeDenied:
		b = appendText(b, "reason", string(m.Reason))
		b = appendText(b, "text", m.Text)
	case TypeRules:
		if m.Rules != nil {
			b = m.Rules.append(append(b, `,"rules":`...))
		}
	case TypeKick, TypeBan, TypeUnban, TypeSetRules, TypeDeny, TypeEnd, TypeSetRole, TypeLink, TypeRole:
		b = m.appendModeration(b)
	case TypeToken:
		b = appendText(b, "token", m.Token)
	case TypeOK:
		b = appendNumber(b, "expires", uint64(m.Expires))
	case TypeError, TypeReply, TypeGoingAway, TypeWaiting:
		b = appendText(b, "code", string(m.Code))
		b = appendText(b, "text", m.Text)
		b = appendNumber(b, "after", uint64(m.After))
	}
	if m.ICE != nil {
		b = m.ICE.append(append(b, `,"ice":`...))
	}
	return m.appendUsers(b)
}

func (h *Hello) append(b []byte) []byte {
	if h.Versions != nil {
		b = appendStrings(append(b, `,"versions":`...), h.Versions)
	}
	b = appendText(b, "token", h.Token)
	b = appendText(b, "nonce", h.Nonce)
	if r := h.Resume; r != nil {
		b = appendString(append(b, `,"resume":{"token":`...), r.Token)
		b = strconv.AppendUint(append(b, `,"seq":`...), r.Seq, 10)
		b = append(appendText(b, "nonce", r.Nonce), '}')
	}
	return b
}

func (w *Welcome) append(b []byte) []byte {
	b = appendText(b, "peer", w.Peer)
	b = appendText(b, "user", w.User)
	b = strconv.AppendBool(append(b, `,"resumed":`...), w.Resumed)
	b = appendNumber(b, "expires", uint64(w.Expires))
	if w.Token != "" {
		b = appendString(append(b, `,"resume":{"token":`...), w.Token)
		b = append(strconv.AppendInt(append(b, `,"window":`...), w.Window, 10), '}')
	}
	b = strconv.AppendInt(append(b, `,"heartbeat":{"ping":`...), w.Ping, 10)
	b = append(strconv.AppendInt(append(b, `,"dead":`...), w.Dead, 10), '}')
	b = w.Limits.append(append(b, `,"limits":`...))
	if w.Candidates != PolicyAll {
		b = appendText(b, "candidates", string(w.Candidates))
	}
	return w.ICE.append(append(b, `,"ice":`...))
}

func (l *Limits) append(b []byte) []byte {
	// Ten whole numbers: they cannot fail to encode.
	text, _ := json.Marshal(l)
	return append(b, text...)
}

func (p *Peer) append(b []byte) []byte {
	b = appendString(append(b, `{"id":`...), p.ID)
	b = strconv.AppendBool(append(b, `,"offers":`...), p.Offers)
	b = appendText(b, "user", p.User)
	b = appendText(b, "role", string(p.Role))
	if p.Away {
		b = append(b, `,"away":true`...)
	}
	if p.Data != nil {
		b = append(append(b, `,"data":`...), p.Data...)
	}
	return append(b, '}')
}

func (i *ICE) append(b []byte) []byte {
	b = append(b, `{"list":[`...)
	for k, s := range i.List {
		if k > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"urls":[`...)
		for j, u := range s.URLs {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendString(b, u)
		}
		b = append(b, ']')
		b = appendText(b, "username", s.Username)
		b = append(appendText(b, "credential", s.Credential), '}')
	}
	b = append(b, `],"ttl":`...)
	return append(strconv.AppendInt(b, i.TTL, 10), '}')
}

// appendNumber appends a field; zero is the same as absent.
func appendNumber(b []byte, name string, n uint64) []byte {
	if n == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendUint(b, n, 10)
}

// appendText appends a field; the empty string is the same as absent.
func appendText(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return appendString(b, s)
}

func appendBool(b []byte, name string, v bool) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendBool(b, v)
}

// appendInt is appendNumber for a field in which zero says something.
func appendInt(b []byte, name string, n int) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendInt(b, int64(n), 10)
}

// closeObject makes the fields from there on, each behind its comma, an object.
func closeObject(b []byte, from int) []byte {
	if len(b) == from {
		return append(b, "{}"...)
	}
	b[from] = '{'
	return append(b, '}')
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}
