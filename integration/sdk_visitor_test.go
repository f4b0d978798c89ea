package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A visitor is somebody on the JavaScript SDK. What they do is a script, as the
// body of an async function; it has all that the SDK exports, and two short cuts:
// enter(room, options) is join, and come(options) is connect, to the house's
// server and under the visitor's name, and what these are told is heard. The last
// invitation is `ring`, and find(name) somebody in the room `room`.
type visitor struct {
	*ear
	house *house
}

// An outcome is what became of a script.
type outcome struct {
	Value json.RawMessage
	Error *struct{ Code, Retry, Said, Text string }
}

// visitor makes one.
func (h *house) visitor(name string) *visitor {
	v := &visitor{newEar(h.t, name), h}
	h.mu.Lock()
	h.visitors[name] = v
	h.mu.Unlock()
	h.node.tell(map[string]any{"who": name, "url": strings.TrimSuffix(h.srv.URL, "/ws")})
	return v
}

// run waits until the script has ended.
func (v *visitor) run(script string) outcome {
	v.t.Helper()
	task := make(chan outcome, 1)
	v.house.mu.Lock()
	v.house.last++
	id := v.house.last
	v.house.tasks[id] = task
	v.house.mu.Unlock()
	v.house.node.tell(map[string]any{"id": id, "who": v.name, "script": script})
	select {
	case o := <-task:
		return o
	case <-v.house.node.ended:
		v.t.Fatalf("%s: %s: node has ended", v.name, script)
	case <-time.After(patience):
		v.t.Fatalf("%s: %s: not done after %v", v.name, script, patience)
	}
	return outcome{}
}

// does runs a script that has to succeed.
func (v *visitor) does(format string, args ...any) {
	v.t.Helper()
	script := fmt.Sprintf(format, args...)
	if o := v.run(script); o.Error != nil {
		v.t.Fatalf("%s: %s: %s: %s", v.name, script, o.Error.Code, o.Error.Text)
	}
}

// fails runs a script that has to be refused with that code.
func (v *visitor) fails(code, format string, args ...any) {
	v.t.Helper()
	script := fmt.Sprintf(format, args...)
	if o := v.run(script); o.Error == nil {
		v.t.Fatalf("%s: %s: done, want %s", v.name, script, code)
	} else if o.Error.Code != code {
		v.t.Fatalf("%s: %s: %s: %s, want %s", v.name, script, o.Error.Code, o.Error.Text, code)
	}
}

// sees compares an expression, as JSON.
func (v *visitor) sees(expression, want string) {
	v.t.Helper()
	o := v.run("return " + expression)
	if o.Error != nil {
		v.t.Fatalf("%s: %s: %s", v.name, expression, o.Error.Text)
	}
	if got := string(o.Value); got != want {
		v.t.Errorf("%s: %s is %s, want %s", v.name, expression, got, want)
	}
}

// enters joins a room by a new connection, with the options of a JavaScript object.
func (v *visitor) enters(room, options string) {
	v.t.Helper()
	v.does(`room = await enter(%q, {token: %q, %s})`, room, v.house.token(v.name, nil), options)
}

// keptOut is enters where that is refused.
func (v *visitor) keptOut(code, room, options string) {
	v.t.Helper()
	v.fails(code, `await enter(%q, {token: %q, %s})`, room, v.house.token(v.name, nil), options)
}

// asks returns an expression's string.
func (v *visitor) asks(expression string) (text string) {
	v.t.Helper()
	if o := v.run("return " + expression); o.Error != nil || json.Unmarshal(o.Value, &text) != nil {
		v.t.Fatalf("%s: %s: %s, %+v", v.name, expression, o.Value, o.Error)
	}
	return text
}
