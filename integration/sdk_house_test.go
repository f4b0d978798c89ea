package integration

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling"
	"github.com/seed-3a7b6cbd/signal/signaling/jwt"
	"github.com/seed-3a7b6cbd/signal/signaling/signalingtest"
)

// A house is a server that lets in whoever has a token, for stories of visitors,
// who use the JavaScript SDK, and of gophers, who use the Go client. All are told
// the same, in the same words: see web/test/stories/people.mjs.
type house struct {
	t   *testing.T
	ctx context.Context
	srv *signalingtest.Server

	node     *nodeProcess
	mu       sync.Mutex // guards the following
	visitors map[string]*visitor
	last     int
	tasks    map[int]chan outcome
}

// secret signs the tokens.
var secret = []byte("thirty-two bytes that nobody can guess")

// newHouse starts a server. It ends with t, and leaves no goroutine behind.
func newHouse(t *testing.T, change func(*signaling.Config)) *house {
	t.Helper()
	noLeaks(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	v, err := jwt.New(jwt.Config{Keys: []jwt.Key{{Value: secret}}, Leeway: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, ctx: ctx, visitors: map[string]*visitor{}, tasks: map[int]chan outcome{}}
	h.srv = signalingtest.NewServer(t, signalingtest.WithConfig(func(c *signaling.Config) {
		c.Authenticate = v.Authenticate
		if change != nil {
			change(c)
		}
	}))
	h.node = startNode(t, "stories/people.mjs", h.hear)
	return h
}

// app is the server's default app.
func (h *house) app() *signaling.App { return h.srv.Signaling().App("default") }

// token is for a user of the default app; adjust may be nil.
func (h *house) token(user string, adjust func(*jwt.Claims)) string {
	h.t.Helper()
	c := jwt.Claims{Identity: signaling.Identity{User: user, Expires: time.Now().Add(time.Hour), Grants: &signaling.Grants{Users: []string{"*"}}}}
	if adjust != nil {
		adjust(&c)
	}
	token, err := jwt.Sign(secret, c)
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// hear takes a line of node.
func (h *house) hear(line []byte) {
	var said struct {
		ID         int
		Who, Heard string
		outcome
	}
	if err := json.Unmarshal(line, &said); err != nil {
		h.t.Errorf("node says %q: %v", line, err)
		return
	}
	h.mu.Lock()
	v, task := h.visitors[said.Who], h.tasks[said.ID]
	delete(h.tasks, said.ID)
	h.mu.Unlock()
	if v != nil {
		v.note(said.Heard)
	}
	if task != nil {
		task <- said.outcome
	}
}

// An ear is what somebody was told, in words.
type ear struct {
	t    *testing.T
	name string

	mu      sync.Mutex // guards the following
	heard   []string   // and not asked for yet
	changed chan struct{}
}

func newEar(t *testing.T, name string) *ear {
	return &ear{t: t, name: name, changed: make(chan struct{}, 1)}
}

func (e *ear) note(what string) {
	e.mu.Lock()
	e.heard = append(e.heard, what)
	e.mu.Unlock()
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// take takes the first n that were heard, as soon as there are as many.
func (e *ear) take(n int) ([]string, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.heard) < n {
		return slices.Clone(e.heard), false
	}
	first := slices.Clone(e.heard[:n])
	e.heard = e.heard[n:]
	return first, true
}

// hears waits until the next that somebody is told is exactly this.
func (e *ear) hears(want ...string) {
	e.t.Helper()
	for late := time.After(patience); ; {
		got, all := e.take(len(want))
		if !slices.Equal(got, want[:len(got)]) {
			e.t.Fatalf("%s heard %q, want %q", e.name, got, want)
		}
		if all {
			return
		}
		select {
		case <-e.changed:
		case <-late:
			e.t.Fatalf("after %v %s has heard %q, want %q", patience, e.name, got, want)
		}
	}
}

// wantCode judges a refusal.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *signaling.Error
	if !errors.As(err, &refusal) || string(refusal.Code) != code {
		t.Errorf("%v, want %s", err, code)
	}
}
