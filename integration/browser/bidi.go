package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// writeWait bounds one write to chromedriver, which runs on the same machine
// and reads all the time: only a dead one takes longer.
const writeWait = 10 * time.Second

// conn is a WebDriver BiDi session: commands with an id, each answered once,
// and events in between. https://w3c.github.io/webdriver-bidi/#protocol
type conn struct {
	ws      *websocket.Conn
	onEvent func(method string, params json.RawMessage) // called by readLoop, in order
	done    chan struct{}                               // closed when readLoop has ended

	writeMu sync.Mutex // held while one message is written; taken after mu is free

	mu      sync.Mutex // guards the following
	lastID  int64
	waiting map[int64]chan<- answer // each with room for its one answer
	err     error                   // why no command can be answered any more
}

type command struct {
	ID     int64  `json:"id"`
	Method string `json:"method"`
	Params any    `json:"params"`
}

// answer is whatever chromedriver sends: an answer when ID is set, else an event.
type answer struct {
	ID      *int64          `json:"id"`
	Type    string          `json:"type"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// commandError is a command that the browser refused.
type commandError struct {
	method string
	code   string // from the specification, "no such frame"
	text   string
}

func (e *commandError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.method, e.code, e.text)
}

// none is the parameters of a command that has none.
var none = struct{}{}

// dial connects to url by a function that opens connections, and starts the
// readLoop, which close ends.
func dial(ctx context.Context, url string, open func(context.Context, string, string) (net.Conn, error), onEvent func(string, json.RawMessage)) (*conn, error) {
	dialer := websocket.Dialer{NetDialContext: open}
	ws, _, err := dialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	c := &conn{
		ws:      ws,
		onEvent: onEvent,
		done:    make(chan struct{}),
		waiting: make(map[int64]chan<- answer),
	}
	go c.readLoop()
	return c, nil
}

// close ends the connection and waits for the readLoop.
func (c *conn) close() {
	c.ws.Close()
	<-c.done
}

// call sends one command and waits for its answer, which is decoded into
// result unless that is nil.
func (c *conn) call(ctx context.Context, method string, params, result any) error {
	id, got, err := c.expect()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	defer c.forget(id)
	if err := c.write(command{id, method, params}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	case a, ok := <-got:
		if !ok {
			return fmt.Errorf("%s: %w", method, c.failure())
		}
		if a.Type == "error" {
			return &commandError{method, a.Error, a.Message}
		}
		if result == nil {
			return nil
		}
		if err := json.Unmarshal(a.Result, result); err != nil {
			return fmt.Errorf("%s: result: %w", method, err)
		}
		return nil
	}
}

func (c *conn) expect() (int64, <-chan answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, nil, c.err
	}
	c.lastID++
	got := make(chan answer, 1)
	c.waiting[c.lastID] = got
	return c.lastID, got, nil
}

func (c *conn) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *conn) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *conn) write(m command) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	return c.ws.WriteJSON(m)
}

// readLoop hands out answers and events until the connection ends.
func (c *conn) readLoop() {
	defer close(c.done)
	for {
		var a answer
		if err := c.ws.ReadJSON(&a); err != nil {
			c.fail(fmt.Errorf("the browser is gone: %w", err))
			return
		}
		if a.ID == nil {
			c.onEvent(a.Method, a.Params)
			continue
		}
		c.mu.Lock()
		got := c.waiting[*a.ID]
		delete(c.waiting, *a.ID)
		c.mu.Unlock()
		if got != nil {
			got <- a
		}
	}
}

func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	for id, got := range c.waiting {
		close(got)
		delete(c.waiting, id)
	}
}

// isNavigation tells whether a script was lost because its document was left.
// BiDi has no code for it, only Chromium's words.
func isNavigation(err error) bool {
	var refused *commandError
	if !errors.As(err, &refused) {
		return false
	}
	for _, words := range []string{"navigated or closed", "context was destroyed", "Cannot find context"} {
		if strings.Contains(refused.text, words) {
			return true
		}
	}
	return false
}
