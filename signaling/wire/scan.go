package wire

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a frame, so that a hostile one costs neither
// stack nor time.
const maxDepth = 32

// MaxNumber is the highest number of the envelope: what a float64 holds
// exactly (2^53-1), since the other side may be JavaScript.
const MaxNumber = 1<<53 - 1

// Scan reads one frame, of either direction, in one pass and without
// reflection. The Message aliases frame, which the caller hands over.
//
// Scan checks that the frame is UTF-8, is one JSON object, and that the known
// fields have their types; which fields a message needs is for
// (*Message).Check. An error is always an *Error, with CodeInvalidUTF8 or
// CodeBadMessage. The Message beside it is never nil and has ID and Type as
// far as they could be read, so that the refusal can name the frame.
func Scan(frame []byte) (*Message, error) {
	m := &Message{}
	// Once for the whole frame: what is relayed must not break the receiver's
	// WebSocket (RFC 6455 §8.1), and behind this every byte can be compared.
	if !utf8.Valid(frame) {
		return m, Refuse(CodeInvalidUTF8, "the frame is not UTF-8")
	}
	s := scanner{b: frame}
	f := fields{m: m}
	s.space()
	if err := s.object(func(key []byte) error { return f.scan(&s, key) }); err != nil {
		return m, Refuse(CodeBadMessage, "%v at byte %d", err, s.i)
	}
	if s.space(); s.i < len(s.b) {
		return m, Refuse(CodeBadMessage, "more behind the object, at byte %d", s.i)
	}
	if err := f.finish(); err != nil {
		return m, Refuse(CodeBadMessage, "%v", err)
	}
	return m, nil
}

// A scanner walks over JSON (RFC 8259) that is known to be UTF-8.
type scanner struct {
	b     []byte
	i     int // next byte
	depth int
}

var (
	errObject  = errors.New("not a JSON object")
	errSyntax  = errors.New("not JSON")
	errCut     = errors.New("not JSON: it ends too early")
	errControl = errors.New("not JSON: a control character in a string")
	errEscape  = errors.New("not JSON: an unknown escape")
	errDepth   = errors.New("nested too deeply")
)

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end, where no JSON has one.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take skips c, or fails.
func (s *scanner) take(c byte) error {
	if s.i >= len(s.b) {
		return errCut
	}
	if s.b[s.i] != c {
		return errSyntax
	}
	s.i++
	return nil
}

// object walks over an object. member is called behind each colon, has to
// take the value, and gets the key as it stands between its quotes.
func (s *scanner) object(member func(key []byte) error) error {
	if s.peek() != '{' {
		return errObject
	}
	return s.list('}', func() error {
		key, err := s.stringBody()
		if err != nil {
			return err
		}
		s.space()
		if err := s.take(':'); err != nil {
			return err
		}
		s.space()
		return member(key)
	})
}

// list walks over the elements between the bracket it stands on and end.
func (s *scanner) list(end byte, element func() error) error {
	s.i++
	if s.depth++; s.depth > maxDepth {
		return errDepth
	}
	defer func() { s.depth-- }()
	if s.space(); s.peek() == end {
		s.i++
		return nil
	}
	for {
		s.space()
		if err := element(); err != nil {
			return err
		}
		s.space()
		if s.peek() == end {
			s.i++
			return nil
		}
		if err := s.take(','); err != nil {
			return err
		}
	}
}

// value skips one value of any kind and says how many elements it has, if it
// is an array.
func (s *scanner) value() (elements int, err error) {
	switch c := s.peek(); {
	case c == '{':
		err = s.object(func([]byte) error { _, err := s.value(); return err })
	case c == '[':
		err = s.list(']', func() error { elements++; _, err := s.value(); return err })
	case c == '"':
		_, err = s.stringBody()
	case c == '-' || c-'0' <= 9:
		err = s.number()
	default:
		err = s.literal()
	}
	return elements, err
}

func (s *scanner) literal() error {
	for _, word := range [...]string{"true", "false", "null"} {
		if rest := s.b[s.i:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.i += len(word)
			return nil
		}
	}
	if s.i >= len(s.b) {
		return errCut
	}
	return errSyntax
}

// number skips a number: -? int frac? exp? of RFC 8259 §6.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.i++
	}
	if s.peek() == '0' {
		s.i++
	} else if s.digits() == 0 {
		return errSyntax
	}
	if s.peek() == '.' {
		s.i++
		if s.digits() == 0 {
			return errSyntax
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if s.digits() == 0 {
			return errSyntax
		}
	}
	return nil
}

func (s *scanner) digits() int {
	from := s.i
	for s.peek()-'0' <= 9 {
		s.i++
	}
	return s.i - from
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns how many bytes of b's head are neither a quote, a backslash
// nor a control character, eight at a time: most of a frame is the inside of
// one long string.
func plain(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		hit := ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*0x20)&^x) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < 0x20 {
			break
		}
	}
	return i
}

// stringBody skips a string and returns what stands between its quotes.
func (s *scanner) stringBody() ([]byte, error) {
	if err := s.take('"'); err != nil {
		return nil, err
	}
	from := s.i
	for {
		s.i += plain(s.b[s.i:])
		switch c := s.peek(); {
		case s.i >= len(s.b):
			return nil, errCut
		case c == '"':
			s.i++
			return s.b[from : s.i-1], nil
		case c < 0x20:
			return nil, errControl
		}
		if err := s.escape(); err != nil {
			return nil, err
		}
	}
}

// escape skips a backslash with what belongs to it.
func (s *scanner) escape() error {
	s.i++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return nil
	case 'u':
		if s.i+5 > len(s.b) {
			return errCut
		}
		if _, ok := hex4(s.b[s.i+1:]); !ok {
			return errEscape
		}
		s.i += 5
		return nil
	}
	return errEscape
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
