package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Keys for Press and Type, as WebDriver writes them.
const (
	Backspace = "\ue003"
	Tab       = "\ue004"
	Enter     = "\ue007"
	Escape    = "\ue00c"
	Left      = "\ue012"
	Up        = "\ue013"
	Right     = "\ue014"
	Down      = "\ue015"
)

// locator is a JavaScript function: (selector, ms) to where to click.
//
//go:embed locate.js
var locator string

// place is what the locator finds.
type place struct {
	X, Y int    // in the viewport
	Why  string // there is none
}

// Click clicks with the mouse on the centre of the first element that the CSS
// selector finds, once a person could: it is visible, enabled, at rest, and
// nothing covers it. Iframes and shadow roots are not searched.
func (p *Page) Click(selector string) {
	p.b.t.Helper()
	ctx, cancel := p.b.bounded()
	defer cancel()
	if err := p.click(ctx, selector); err != nil {
		p.b.t.Fatalf("browser: page %d: click on %s: %v", p.number, selector, err)
	}
}

// Type clicks on an element and types text, as Press does.
func (p *Page) Type(selector, text string) {
	p.b.t.Helper()
	p.Click(selector)
	p.Press(text)
}

// Press presses and releases the key of each character in turn, in whatever
// has the focus. Enter and its like are characters too.
func (p *Page) Press(keys string) {
	p.b.t.Helper()
	var actions []any
	for _, key := range keys {
		for _, half := range []string{"keyDown", "keyUp"} {
			actions = append(actions, map[string]any{"type": half, "value": string(key)})
		}
	}
	p.must("press", "input.performActions", p.input(map[string]any{
		"type": "key", "id": "keyboard", "actions": actions,
	}), nil)
}

func (p *Page) click(ctx context.Context, selector string) error {
	quoted, err := json.Marshal(selector)
	if err != nil {
		return err
	}
	var at place
	err = retry(ctx, func(ctx context.Context, left time.Duration) error {
		at = place{}
		err := p.eval(ctx, fmt.Sprintf("(%s)(%s, %d)", locator, quoted, left.Milliseconds()), &at)
		if err == nil && at.Why != "" {
			return errors.New(at.Why)
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.b.conn.call(ctx, "input.performActions", p.input(map[string]any{
		"type": "pointer", "id": "mouse", "actions": []any{
			map[string]any{"type": "pointerMove", "x": at.X, "y": at.Y},
			map[string]any{"type": "pointerDown", "button": 0},
			map[string]any{"type": "pointerUp", "button": 0},
		},
	}), nil)
}

func (p *Page) input(source any) map[string]any {
	return map[string]any{"context": p.id, "actions": []any{source}}
}
