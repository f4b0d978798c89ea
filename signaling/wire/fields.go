package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// fields collects the fields of one frame. Field order is free, so what
// depends on the type is kept raw until the end; and a field of a wrong type
// does not end the scan, so that id is found behind it.
type fields struct {
	m   *Message
	bad error // the first field of a wrong type

	versions, nonce                       []byte
	resume, resumed, peer                 []byte
	expires, rules                        []byte
	limits, heartbeat, ice, peers, policy []byte
	userFields
}

// scan takes the value of one field of the envelope.
func (f *fields) scan(s *scanner, key []byte) error {
	from := s.i
	elements, err := s.value()
	if err != nil {
		return err
	}
	v := s.b[from:s.i:s.i]
	if bytes.IndexByte(key, '\\') >= 0 {
		if name, ok := unescape(key); ok {
			key = []byte(name)
		}
	}
	if err := f.set(string(key), v, elements); err != nil && f.bad == nil {
		f.bad = fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// set takes one field; unknown ones are ignored.
func (f *fields) set(key string, v []byte, elements int) error {
	m := f.m
	switch key {
	case "type":
		return f.setType(v)
	case "id":
		return setNumber(&m.ID, v)
	case "seq":
		return setNumber(&m.Seq, v)
	case "ack":
		return setNumber(&m.Ack, v)
	case "re":
		return setNumber(&m.Re, v)
	case "room":
		return setString(&m.Room, v)
	case "to":
		return setString(&m.To, v)
	case "from":
		return setString(&m.From, v)
	case "pc":
		return setNumber(&m.PC, v)
	case "gen":
		return setNumber(&m.Gen, v)
	case "n":
		return setNumber(&m.N, v)
	case "got":
		return setNumber(&m.Got, v)
	case "base":
		return setNumber(&m.Base, v)
	case "rid":
		return setString(&m.RID, v)
	case "ufrag":
		return setString(&m.Ufrag, v)
	case "end":
		return setBool(&m.End, v)
	case "data":
		m.Data, m.Elements = v, elements
		return nil
	}
	return f.setRare(key, v)
}

// setRare takes the fields that only few messages have.
func (f *fields) setRare(key string, v []byte) error {
	m := f.m
	switch key {
	case "token":
		f.hello().Token = ""
		return setString(&f.hello().Token, v)
	case "nonce":
		f.nonce = v
	case "reason":
		return setString((*string)(&m.Reason), v)
	case "code":
		return setString((*string)(&m.Code), v)
	case "text":
		return setString(&m.Text, v)
	case "after":
		return setInt(&m.After, v)
	case "expires":
		f.expires = v
	case "versions":
		f.versions = v
	case "resume":
		f.resume = v
	case "resumed":
		f.resumed = v
	case "peer":
		f.peer = v
	case "peers":
		f.peers = v
	case "limits":
		f.limits = v
	case "heartbeat":
		f.heartbeat = v
	case "ice":
		f.ice = v
	case "candidates":
		f.policy = v
	default:
		f.userFields.set(key, v)
	}
	return f.setModeration(key, v)
}

func (f *fields) hello() *Hello {
	if f.m.Hello == nil {
		f.m.Hello = &Hello{}
	}
	return f.m.Hello
}

// finish reads what was kept, now that the type is known.
func (f *fields) finish() error {
	m := f.m
	if f.bad == nil {
		switch m.Type {
		case "":
			f.bad = fmt.Errorf("type: missing")
		case TypeHello:
			f.bad = f.finishHello()
		case TypeWelcome:
			f.bad = f.finishWelcome()
		case TypePeerJoined, TypePeerUpdated, TypeKnock:
			m.Peer = &Peer{}
			f.bad = decode("peer", f.peer, m.Peer)
		case TypePeerBack:
			f.bad = decode("resumed", f.resumed, &m.Resumed)
		case TypeJoined:
			f.bad = decode("peers", f.peers, &m.Peers)
		case TypeOK:
			if f.bad = decode("expires", f.expires, &m.Expires); f.bad == nil {
				f.bad = f.userFields.finish(m, f.peers)
			}
		default:
			f.bad = f.userFields.finish(m, f.peers)
		}
	}
	if m.Type == TypeToken {
		m.Token = f.hello().Token
	}
	if m.Type != TypeHello {
		m.Hello = nil
	}
	if err := f.finishModeration(); f.bad == nil {
		f.bad = err
	}
	if f.ice != nil && f.bad == nil && (m.Type == TypeJoined || m.Type == TypeWaiting || m.Type == TypeICEServers) {
		m.ICE = &ICE{}
		f.bad = decode("ice", f.ice, m.ICE)
	}
	return f.bad
}

func (f *fields) finishHello() error {
	h := f.hello()
	if f.versions != nil {
		var err error
		if h.Versions, err = scanStrings(f.versions); err != nil {
			return fmt.Errorf("versions: %w", err)
		}
	}
	if f.nonce != nil {
		if err := named("nonce", setString(&h.Nonce, f.nonce)); err != nil {
			return err
		}
	}
	if f.resume == nil {
		return nil
	}
	h.Resume = &Resume{}
	return named("resume", eachField(f.resume, func(key string, v []byte) error {
		switch key {
		case "token":
			return setString(&h.Resume.Token, v)
		case "seq":
			return setNumber(&h.Resume.Seq, v)
		case "nonce":
			return setString(&h.Resume.Nonce, v)
		}
		return nil
	}))
}

// scanStrings reads an array of strings.
func scanStrings(raw []byte) ([]string, error) {
	s := scanner{b: raw}
	if s.peek() != '[' {
		return nil, fmt.Errorf("want an array of strings, have %s", short(raw))
	}
	list := []string{}
	err := s.list(']', func() error {
		from := s.i
		if _, err := s.value(); err != nil {
			return err
		}
		list = append(list, "")
		return setString(&list[len(list)-1], s.b[from:s.i])
	})
	return list, err
}

func (f *fields) finishWelcome() error {
	w := &Welcome{}
	f.m.Welcome = w
	var resume struct {
		Token  string `json:"token"`
		Window int64  `json:"window"`
	}
	var heartbeat struct {
		Ping int64 `json:"ping"`
		Dead int64 `json:"dead"`
	}
	for _, part := range []struct {
		name string
		raw  []byte
		into any
	}{
		{"peer", f.peer, &w.Peer}, {"user", f.user, &w.User}, {"expires", f.expires, &w.Expires},
		{"resumed", f.resumed, &w.Resumed}, {"resume", f.resume, &resume},
		{"limits", f.limits, &w.Limits}, {"heartbeat", f.heartbeat, &heartbeat}, {"ice", f.ice, &w.ICE},
		{"candidates", f.policy, &w.Candidates},
	} {
		if err := decode(part.name, part.raw, part.into); err != nil {
			return err
		}
	}
	w.Token, w.Window, w.Ping, w.Dead = resume.Token, resume.Window, heartbeat.Ping, heartbeat.Dead
	return nil
}

// decode reads the groups that only a server sends, and only once per link or
// room; an absent one stays zero.
func decode(name string, raw []byte, into any) error {
	if raw == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (f *fields) setType(v []byte) error {
	var name string
	if err := setString(&name, v); err != nil {
		return err
	}
	f.m.Type = Type(name)
	return nil
}

func setNumber(to *uint64, v []byte) error {
	var n uint64
	for i, c := range v {
		if c-'0' > 9 || i == 16 {
			return fmt.Errorf("want a whole number up to 2^53-1, have %s", short(v))
		}
		n = n*10 + uint64(c-'0')
	}
	if n > MaxNumber {
		return fmt.Errorf("want a whole number up to 2^53-1, have %s", short(v))
	}
	*to = n
	return nil
}

// setInt is setNumber for a number of milliseconds.
func setInt(to *int64, v []byte) error {
	var n uint64
	err := setNumber(&n, v)
	*to = int64(n)
	return err
}

// setSmall is setNumber for a number of things.
func setSmall(to *int, v []byte) error {
	var n uint64
	if err := setNumber(&n, v); err != nil {
		return err
	}
	if n > math.MaxInt32 {
		return fmt.Errorf("want a whole number up to %d, have %s", math.MaxInt32, short(v))
	}
	*to = int(n)
	return nil
}

// eachField calls set with each field of an object that has been scanned.
func eachField(raw []byte, set func(key string, v []byte) error) error {
	s := scanner{b: raw}
	if s.peek() != '{' {
		return fmt.Errorf("want an object, have %s", short(raw))
	}
	return s.object(func(key []byte) error {
		from := s.i
		if _, err := s.value(); err != nil {
			return err
		}
		return named(string(key), set(string(key), s.b[from:s.i]))
	})
}

func setBool(to *bool, v []byte) error {
	if v[0] != 't' && v[0] != 'f' {
		return fmt.Errorf("want true or false, have %s", short(v))
	}
	*to = v[0] == 't'
	return nil
}

func setString(to *string, v []byte) error {
	if v[0] != '"' {
		return fmt.Errorf("want a string, have %s", short(v))
	}
	s, ok := unescape(v[1 : len(v)-1])
	if !ok {
		return fmt.Errorf("a lone surrogate in %s", short(v))
	}
	*to = s
	return nil
}

// unescape reads the inside of a string that has been scanned. It fails on a
// lone surrogate, which no UTF-8 can stand for.
func unescape(b []byte) (string, bool) {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b), true
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		i++
		if b[i] != 'u' {
			out = append(out, escapes[b[i]])
			continue
		}
		r, _ := hex4(b[i+1:])
		i += 4
		if utf16.IsSurrogate(r) {
			if i+6 >= len(b) || b[i+1] != '\\' || b[i+2] != 'u' {
				return "", false
			}
			low, _ := hex4(b[i+3:])
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return "", false
			}
			i += 6
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out), true
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// short cuts a value for the text of an error.
func short(v []byte) string {
	if len(v) <= 40 {
		return string(v)
	}
	cut := 40
	for cut > 0 && !utf8.RuneStart(v[cut]) {
		cut--
	}
	return string(v[:cut]) + "…"
}
