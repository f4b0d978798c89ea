package ws

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

// A badInput is one thing that a client can do wrong at this level.
type badInput struct {
	name   string
	do     func(c *client)
	code   string // of an error that the link survives
	status int    // of the close frame otherwise
	reason string
}

func text(s string) func(*client) { return func(c *client) { c.say(s) } }

func raw(s string) func(*client) { return func(c *client) { fmt.Fprint(c.wire, s) } }

var badInputs = []badInput{
	{"not JSON", text("hello"), "bad_message", 0, ""},
	{"an array", text("[]"), "bad_message", 0, ""},
	{"empty", text(""), "bad_message", 0, ""},
	{"cut short", text(`{"type":"jo`), "bad_message", 0, ""},
	{"two objects", text(`{"type":"ping"}{"type":"ping"}`), "bad_message", 0, ""},
	{"wrong type of a field", text(`{"id":2,"type":"join","room":7}`), "bad_message", 0, ""},
	{"missing field", text(`{"id":2,"type":"join"}`), "bad_message", 0, ""},
	{"number as a float", text(`{"id":2.0,"type":"leave","room":"r"}`), "bad_message", 0, ""},
	{"too deep", text(`{"id":2,"type":"message","room":"r","data":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`), "bad_message", 0, ""},
	{"lone surrogate", text(`{"id":2,"type":"join","room":"\ud800"}`), "bad_message", 0, ""},
	{"unknown type", text(`{"id":2,"type":"surf"}`), "unknown_type", 0, ""},
	{"type of a server", text(`{"id":2,"type":"welcome"}`), "unknown_type", 0, ""},
	{"gap in the ids", text(`{"id":7,"type":"leave","room":"r"}`), "out_of_order", 0, ""},
	{"second hello", text(`{"type":"hello"}`), "duplicate_hello", 0, ""},
	{"bad room", text(`{"id":2,"type":"join","room":"a/b"}`), "bad_room", 0, ""},
	{"binary frame", func(c *client) { c.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)) }, "", 1003, "not_text"},
	{"invalid UTF-8", text("{\"type\":\"\xff\"}"), "", 1007, "invalid_utf8"},
	{"surrogate in UTF-8", text("{\"type\":\"\xed\xa0\x80\"}"), "", 1007, "invalid_utf8"},
	{"oversize", text(`{"type":"` + strings.Repeat("x", 65536) + `"}`), "", 1009, "too_big"},
	{"oversize in fragments", func(c *client) {
		fmt.Fprint(c.wire, "\x01\xfe\xff\xff\x00\x00\x00\x00"+strings.Repeat("x", 65535))
		fmt.Fprint(c.wire, "\x80\x82\x00\x00\x00\x00xx")
	}, "", 1009, "too_big"},
	{"announces 2^63 bytes", raw("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "", 1009, "too_big"},
	{"announces 1 GiB, sends 70 KB", raw("\x81\xff\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("x", 70_000)), "", 1009, "too_big"},
	{"unmasked frame", raw("\x81\x0f" + `{"type":"ping"}`), "", 1002, "bad MASK"},
	{"reserved bit", raw("\xc1\x80\x00\x00\x00\x00"), "", 1002, "RSV1 set"},
	{"unknown opcode", raw("\x83\x80\x00\x00\x00\x00"), "", 1002, "bad opcode 3"},
	{"continuation of nothing", raw("\x80\x80\x00\x00\x00\x00"), "", 1002, "continuation after FIN"},
	{"fragmented ping", raw("\x09\x80\x00\x00\x00\x00"), "", 1002, "FIN not set on control"},
	{"bad close code", raw("\x88\x82\x00\x00\x00\x00\x03\xed"), "", 1002, "bad close code 1005"},
}

// TestBadInput: the client is told, and the other one of its room notices
// nothing but that it may be gone.
func TestBadInput(t *testing.T) {
	for _, tt := range badInputs {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, signaling.Config{}, Config{}, func(h *harness) {
				alice, bob := h.join("r"), h.join("r")
				defer alice.Close()
				defer bob.Close()
				alice.want("peer-joined")
				go tt.do(bob) // may wait for a reader
				if tt.code == "" {
					bob.wantClose(tt.status, tt.reason)
				} else if f := bob.want("error"); f.Code != tt.code || f.Text == "" {
					t.Errorf("%+v, want %s with a text", f, tt.code)
				}
				alice.send(`"type":"update","room":"r","data":1`)
				for {
					f, err := alice.next()
					if err != nil {
						t.Fatal(err)
					}
					if f.Type == "ok" {
						break
					}
				}
			})
		})
	}
}

func TestHelloHasToBeFirst(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		c := h.dial()
		c.send(`"type":"join","room":"r"`)
		if f := c.want("error"); f.Code != "hello_expected" {
			t.Errorf("%+v", f)
		}
		c.wantClose(4402, "hello_expected")
	})
}

// TestTooBigEndsTheSession: what the client has counted as sent can never
// arrive, so there is nothing to resume.
func TestTooBigEndsTheSession(t *testing.T) {
	bubble(t, signaling.Config{}, Config{}, func(h *harness) {
		alice, bob := h.join("r"), h.join("r")
		defer alice.Close()
		alice.want("peer-joined")
		bob.say(strings.Repeat("x", 65537))
		bob.wantClose(1009, "too_big")
		if f := alice.want("peer-left"); f.From != bob.peer {
			t.Errorf("%+v", f)
		}
	})
}
