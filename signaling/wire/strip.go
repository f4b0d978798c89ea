package wire

import (
	"errors"
	"net/netip"
	"strconv"
)

// rank orders the policies. What is none is taken for the strictest: a slip in
// a configuration must not show addresses.
func (p Policy) rank() int {
	switch p {
	case "", PolicyAll:
		return 0
	case PolicyNoHost:
		return 1
	}
	return 2
}

// Valid reports whether p is a policy, or "", which is the same as PolicyAll.
func (p Policy) Valid() bool {
	return p == "" || p == PolicyAll || p == PolicyNoHost || p == PolicyRelay
}

// Strictest returns the policy that holds when all of these do.
func Strictest(policies ...Policy) Policy {
	strictest := PolicyAll
	for _, p := range policies {
		if p.rank() > strictest.rank() {
			strictest = p
		}
	}
	return strictest
}

// A Stripper takes the addresses that a Policy forbids out of what one peer
// sends to another. It does not look for addresses, since there are too many
// ways to write one: it reads the negotiation frames as PROTOCOL.md (Candidate
// policy) defines them, and builds them anew from what it has understood.
type Stripper struct {
	// Relays is where relayed candidates can be. One elsewhere is not relayed,
	// whatever it says. Nil: anywhere.
	Relays []netip.Prefix
	// Salt keeps secret what a candidate's foundation is made of, which may be
	// its address. It should be random.
	Salt string
}

// Strip makes m, a relayed frame that has passed Check, what p lets through.
// With PolicyAll it does nothing. The data of a message is its users' own
// affair, and stays as it is. A frame that it cannot read is refused with
// CodeCandidatePolicy, and m is as it was.
func (s *Stripper) Strip(p Policy, m *Message) *Error {
	if p.rank() == 0 {
		return nil
	}
	w := work{Stripper: s, policy: p, message: m.Type}
	var err error
	data, elements, ufrag := m.Data, m.Elements, ""
	switch m.Type {
	case TypeOffer, TypeAnswer:
		data, err = w.description(m.Data)
	case TypeCandidates:
		if ufrag = m.Ufrag; !iceChars(ufrag) {
			err = errUfrag
		} else if m.Data != nil {
			data, elements, err = w.candidates(m.Data)
		}
	case TypeNegotiate:
		data, err = ask(m.Data)
	case TypeReject:
		data, err = rejection(m.Data)
	case TypeGot:
		data, elements = nil, 0
	}
	if err != nil {
		return Refuse(CodeCandidatePolicy, "%s: the candidate policy here is %q, so the server has to read what you send, and cannot: %v", m.Type, p, err)
	}
	m.Data, m.Elements, m.Ufrag = data, elements, ufrag
	return nil
}

// A work is one frame being stripped.
type work struct {
	*Stripper
	policy  Policy
	message Type
}

var (
	errUfrag     = errors.New("ufrag has characters that no ICE user fragment has (RFC 8839 section 5.4)")
	errNoSDP     = errors.New("data has no sdp")
	errNotObject = errors.New("an element of data is not an object")
)

// description rebuilds the data of an offer or an answer: {type, sdp}.
func (w *work) description(data []byte) ([]byte, error) {
	var text string
	var found bool
	err := members(data, func(key string, v []byte) (err error) {
		if key == "sdp" {
			found, err = true, setString(&text, v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoSDP
	}
	lines, err := w.sdp(text)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(data)+64)
	out = appendString(append(out, `{"type":`...), string(w.message))
	out = appendString(append(out, `,"sdp":`...), lines)
	return append(out, '}'), nil
}

// candidates rebuilds an array of RTCIceCandidateInit, and leaves out what the
// policy forbids.
func (w *work) candidates(data []byte) (out []byte, elements int, err error) {
	out = append(make([]byte, 0, len(data)), '[')
	s := scanner{b: data}
	err = s.list(']', func() error {
		from := s.i
		if s.peek() != '{' {
			return errNotObject
		}
		if _, err := s.value(); err != nil {
			return err
		}
		c, err := w.candidateInit(s.b[from:s.i])
		if err != nil || c == nil {
			return err
		}
		if elements++; elements > 1 {
			out = append(out, ',')
		}
		out = append(out, c...)
		return nil
	})
	return append(out, ']'), elements, err
}

// candidateInit rebuilds one RTCIceCandidateInit; nil: nothing is left of it.
// An empty candidate says that there are no more.
func (w *work) candidateInit(data []byte) ([]byte, error) {
	var c struct{ line, mid, ufrag string }
	var index uint64
	var hasMid, hasIndex bool
	err := members(data, func(key string, v []byte) (err error) {
		null := v[0] == 'n'
		switch key {
		case "candidate":
			err = setString(&c.line, v)
		case "sdpMid":
			if hasMid = !null; hasMid {
				err = setString(&c.mid, v)
			}
		case "sdpMLineIndex":
			if hasIndex = !null; hasIndex {
				err = setNumber(&index, v)
			}
		case "usernameFragment":
			if c.ufrag = ""; !null {
				err = setString(&c.ufrag, v)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	line, ok := "", c.line == ""
	if !ok {
		line, ok = w.candidateLine(c.line)
	}
	if !ok || !words(c.mid) || c.ufrag != "" && !iceChars(c.ufrag) {
		return nil, nil
	}
	out := appendString(append(make([]byte, 0, len(data)+64), `{"candidate":`...), line)
	if hasMid {
		out = appendString(append(out, `,"sdpMid":`...), c.mid)
	}
	if hasIndex {
		out = strconv.AppendUint(append(out, `,"sdpMLineIndex":`...), index, 10)
	}
	return append(appendText(out, "usernameFragment", c.ufrag), '}'), nil
}

// ask rebuilds the data of negotiate: {need: {audio, video, data}, restart?,
// fresh?}. Numbers and booleans are all it can hold.
func ask(data []byte) ([]byte, error) {
	out := []byte{'{'}
	err := members(data, func(key string, v []byte) error {
		switch {
		case key == "need" && v[0] == '{':
			inner := []byte{'{'}
			err := members(v, func(key string, v []byte) error {
				var n uint64
				if known := key == "audio" || key == "video" || key == "data"; known && setNumber(&n, v) == nil && n <= 1<<10 {
					inner = appendMember(inner, key, v)
				}
				return nil
			})
			out = appendMember(out, key, append(inner, '}'))
			return err
		case (key == "restart" || key == "fresh") && (v[0] == 't' || v[0] == 'f'):
			out = appendMember(out, key, v)
		}
		return nil
	})
	return append(out, '}'), err
}

// rejection rebuilds the data of reject: {reason}. Where the reason is more
// than plain words it stays behind.
func rejection(data []byte) ([]byte, error) {
	var reason string
	err := members(data, func(key string, v []byte) (err error) {
		if key == "reason" {
			err = setString(&reason, v)
		}
		return err
	})
	if !words(reason) {
		reason = "not shown, by the candidate policy"
	}
	return append(appendString([]byte(`{"reason":`), reason), '}'), err
}

// members walks over an object that has passed Scan. Of a repeated key the
// caller sees each.
func members(data []byte, member func(key string, value []byte) error) error {
	s := scanner{b: data}
	return s.object(func(raw []byte) error {
		key, _ := unescape(raw)
		from := s.i
		if _, err := s.value(); err != nil {
			return err
		}
		return member(key, s.b[from:s.i])
	})
}

// appendMember appends a member with a value that is JSON.
func appendMember(b []byte, key string, v []byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(append(b, '"'), key...)
	return append(append(b, `":`...), v...)
}
