package wire

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// Inline returns Data with every blob in its place, as {"$bin":"<base64>"}: what
// a native client gets, and what Go code reads. Without Blobs that is Data.
func (m *Message) Inline() json.RawMessage {
	if len(m.Blobs) == 0 || m.Data == nil {
		return m.Data
	}
	return m.appendData(nil)
}

// appendData appends Data, with its blobs. A reference to a blob that is not
// there stays as it is.
func (m *Message) appendData(b []byte) []byte {
	if len(m.Blobs) == 0 {
		return append(b, m.Data...)
	}
	s := scanner{b: m.Data}
	done := 0
	replace := func(from, to int, blob []byte) {
		b = append(b, m.Data[done:from]...)
		b = base64.StdEncoding.AppendEncode(append(b, `{"$bin":"`...), blob)
		b = append(b, `"}`...)
		done = to
	}
	_ = s.references(func(from, to, i int) { // it was scanned, or encoded by us
		if i < len(m.Blobs) {
			replace(from, to, m.Blobs[i])
		}
	})
	return append(b, m.Data[done:]...)
}

// references walks over a value, and calls found for each object {"$bin":i} in
// it, which stands at from to to.
func (s *scanner) references(found func(from, to, i int)) error {
	switch s.space(); s.peek() {
	case '[':
		return s.list(']', func() error { return s.references(found) })
	case '{':
	default:
		_, err := s.value()
		return err
	}
	from, members, index := s.i, 0, -1
	if err := s.object(func(key []byte) error {
		members++
		at := s.i
		if err := s.references(found); err != nil {
			return err
		}
		if string(key) == "$bin" {
			if n, err := strconv.ParseUint(string(s.b[at:s.i]), 10, 31); err == nil {
				index = int(n)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if members == 1 && index >= 0 {
		found(from, s.i, index)
	}
	return nil
}
