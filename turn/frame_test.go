package turn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pion/stun/v3"
)

// A tape is a connection that plays what a client has sent.
type tape struct {
	net.Conn
	io.Reader
}

func (t tape) Read(b []byte) (int, error) { return t.Reader.Read(b) }
func (t tape) RemoteAddr() net.Addr       { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9} }

// frames reads all frames of a stream. A frame that is too long is nil.
func frames(t *testing.T, r io.Reader) ([][]byte, error) {
	t.Helper()
	s := newStream(tape{Reader: r})
	var list [][]byte
	for {
		b := make([]byte, maxPacket)
		n, _, err := s.ReadFrom(b)
		switch {
		case err != nil:
			return list, err
		case n == len(b):
			list = append(list, nil)
		default:
			list = append(list, b[:n])
		}
	}
}

var (
	bindingPacket = stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	short         = []byte{0x40, 0, 0, 1, 'x', 0, 0, 0}
	hugeData      = append([]byte{0x40, 0, 0xff, 0xfc}, make([]byte, 0xfffc)...)
	hugeSTUN      = append([]byte{0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 0xffec+12)...)
	longData      = append([]byte{0x40, 0, 0x07, 0xd1}, make([]byte, 0x7d1+3)...) // with padding
	empty         = []byte{0x4f, 0xff, 0, 0}
	unaligned     = []byte{0, 1, 0, 3, 0x21, 0x12, 0xa4, 0x42}
)

func TestStreamCutsFrames(t *testing.T) {
	sent := bytes.Join([][]byte{bindingPacket, short, hugeData, longData, empty, hugeSTUN, bindingPacket}, nil)
	for name, r := range map[string]io.Reader{
		"at once":        bytes.NewReader(sent),
		"a byte at once": iotest.OneByteReader(bytes.NewReader(sent)),
	} {
		got, err := frames(t, r)
		want := [][]byte{bindingPacket, short[:5], nil, nil, empty, nil, bindingPacket}
		if !errors.Is(err, io.EOF) || len(got) != len(want) {
			t.Fatalf("%s: %d frames, %v", name, len(got), err)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%s: frame %d is %x, want %x", name, i, got[i], want[i])
			}
		}
	}
	for _, bad := range [][]byte{unaligned, {0x80, 0, 0, 0}, []byte("SSH-2.0-x\r\n"), {0x16, 3, 1, 2, 0}} {
		if got, err := frames(t, bytes.NewReader(bad)); len(got) != 0 || err == nil {
			t.Errorf("%x: %v, %v", bad, got, err)
		}
	}
}

func TestStreamOfNonsenseIsClosed(t *testing.T) {
	s := serve(t, Config{})
	for _, b := range [][]byte{[]byte("SSH-2.0-x\r\n"), unaligned} {
		conn, err := net.Dial("tcp", s.address(t, "tcp"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if n, err := conn.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("after %q: %d bytes, %v, want the end", b, n, err)
		}
	}
}

// Pion alone spins for ever on these two, before any credentials.
func TestOverlongFramesDoNoHarm(t *testing.T) {
	s := serve(t, Config{})
	alice := newRawClient(t, s, "tcp", s.Credentials("alice"))
	if _, code := alice.allocate(); code != 0 { // nothing else may come first
		t.Fatalf("Allocate: %d", code)
	}
	alice.write(hugeData)
	alice.write(hugeSTUN)
	if code := alice.refresh(600); code != 0 {
		t.Errorf("Refresh behind them: %d", code)
	}
	if got := s.Stats().DroppedMalformed; got != 2 {
		t.Errorf("%d packets dropped, want 2", got)
	}
}

func TestMalformedDatagramsAreDropped(t *testing.T) {
	var log logBook
	s := serve(t, Config{Logger: log.logger(0)})
	alice := newRawClient(t, s, "udp", s.Credentials("alice"))
	bad := [][]byte{{0}, []byte("hello world"), unaligned, bindingPacket[:19], {0x40, 0, 0, 9, 1}, {0xff, 0xff, 0, 0}, hugeData[:1600]}
	for _, b := range bad {
		alice.write(b)
	}
	alice.wantNothing()
	if got := s.Stats().DroppedMalformed; got != uint64(len(bad)) {
		t.Errorf("%d packets dropped, want %d", got, len(bad))
	}
	if text := log.String(); text != "" {
		t.Errorf("logged at info level: %s", text)
	}
}

func FuzzStream(f *testing.F) {
	for _, b := range [][]byte{bindingPacket, short, hugeData[:64], hugeSTUN[:64], empty, unaligned, append(short, bindingPacket...)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		whole, errWhole := frames(t, bytes.NewReader(sent))
		single, errSingle := frames(t, iotest.OneByteReader(bytes.NewReader(sent)))
		if len(whole) != len(single) || (errWhole == errNoFrame) != (errSingle == errNoFrame) {
			t.Fatalf("%d frames, %v at once; %d, %v byte by byte", len(whole), errWhole, len(single), errSingle)
		}
		rest := sent
		for i, frame := range whole {
			if !bytes.Equal(frame, single[i]) {
				t.Fatalf("frame %d: %x at once, %x byte by byte", i, frame, single[i])
			}
			n, err := frameLength(rest)
			if err != nil {
				t.Fatalf("frame %d was read although %v", i, err)
			}
			if frame != nil && !bytes.Equal(frame, rest[:n]) {
				t.Fatalf("frame %d is %x, want %x", i, frame, rest[:n])
			}
			rest = rest[min((n+3)&^3, len(rest)):]
		}
	})
}
