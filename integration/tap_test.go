package integration

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"
)

// A tap keeps what the server sends to one client on one connection.
type tap struct {
	mu   sync.Mutex // guards the following
	raw  []byte     // not understood as yet
	open bool       // the upgrade is done
	all  [][]byte   // the frames that were
	read int        // how many of them are judged
	list []description
}

// on is a network.tap.
func (t *tap) on(c net.Conn) net.Conn { return tappedConn{c, t} }

type tappedConn struct {
	net.Conn
	tap *tap
}

// Read implements net.Conn.
func (c tappedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.tap.raw = append(c.tap.raw, b[:n]...)
	return n, err
}

// A description is an offer or an answer that came from the server.
type description struct {
	Type    string
	PC, Gen int
	Data    struct{ SDP string }
}

// mLines counts those of one kind.
func (d description) mLines(kind string) int {
	return strings.Count("\n"+d.Data.SDP, "\nm="+kind+" ")
}

// frames are all that have come so far.
func (t *tap) frames() [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.framesLocked()
}

func (t *tap) framesLocked() [][]byte {
	if !t.open {
		_, t.raw, t.open = bytes.Cut(t.raw, []byte("\r\n\r\n"))
	}
	for t.open {
		payload, ok := t.nextLocked()
		if !ok {
			break
		}
		t.all = append(t.all, payload)
	}
	return t.all
}

// descriptions are all that have come so far.
func (t *tap) descriptions(tb testing.TB) []description {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for all := t.framesLocked(); t.read < len(all); {
		payload := all[t.read]
		t.read++
		var d description
		if !bytes.Contains(payload, []byte(`"sdp"`)) {
			continue
		}
		if err := json.Unmarshal(payload, &d); err != nil {
			tb.Fatalf("the server sent %q: %v", payload, err)
		}
		if d.Type == "offer" || d.Type == "answer" { // and not the limits of a welcome
			t.list = append(t.list, d)
		}
	}
	return t.list
}

// nextLocked takes one whole WebSocket frame; see RFC 6455 §5.2. A server does
// not mask.
func (t *tap) nextLocked() (payload []byte, ok bool) {
	b := t.raw
	if len(b) < 10 {
		b = append(b[:len(b):len(b)], make([]byte, 10)...)
	}
	head, size := 2, int(b[1])
	switch size {
	case 126:
		head, size = 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		head, size = 10, int(binary.BigEndian.Uint64(b[2:]))
	}
	if len(t.raw) < head+size {
		return nil, false // the rest is still to come
	}
	payload, t.raw = t.raw[head:head+size], t.raw[head+size:]
	return payload, true
}
