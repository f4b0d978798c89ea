package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Message is a line of a page's console, or an uncaught error.
type Message struct {
	Level    string // debug, info, warn, error
	Text     string
	Where    string // url:line of an uncaught error or a console call, if known
	Uncaught bool   // an exception that nothing caught, or a promise's rejection
}

func (m Message) String() string {
	kind := m.Level
	if m.Uncaught {
		kind = "uncaught"
	}
	if m.Where == "" {
		return kind + ": " + m.Text
	}
	return fmt.Sprintf("%s: %s (%s)", kind, m.Text, m.Where)
}

// Console returns what the page has said so far, in order.
func (p *Page) Console() []Message {
	ctx, cancel := p.b.bounded()
	defer cancel()
	p.settle(ctx)
	return p.messages()
}

func (p *Page) messages() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Message(nil), p.log...)
}

// settle lets the page report what has happened up to now: a rejection counts
// as uncaught at the end of its task, and reports come before later answers.
func (p *Page) settle(ctx context.Context) {
	if p.isClosed() {
		return
	}
	// A page that cannot answer has reported what it could.
	_ = p.eval(ctx, "new Promise((resolve) => setTimeout(resolve))", nil)
}

func (e *engine) handleEvent(method string, params json.RawMessage) {
	switch method {
	case "log.entryAdded":
		e.handleLog(params)
	case "browsingContext.contextDestroyed":
		e.handleDestroyed(params)
	}
}

func (e *engine) handleLog(params json.RawMessage) {
	var entry struct {
		Type   string `json:"type"` // "console" or "javascript"
		Level  string `json:"level"`
		Text   string `json:"text"`
		Source struct {
			Context string `json:"context"`
		} `json:"source"`
		StackTrace struct {
			CallFrames []struct {
				URL        string `json:"url"`
				LineNumber int    `json:"lineNumber"`
			} `json:"callFrames"`
		} `json:"stackTrace"`
	}
	if json.Unmarshal(params, &entry) != nil {
		return
	}
	p := e.page(entry.Source.Context)
	if p == nil {
		return
	}
	m := Message{Level: entry.Level, Text: entry.Text, Uncaught: entry.Type == "javascript"}
	if frames := entry.StackTrace.CallFrames; len(frames) > 0 {
		m.Where = fmt.Sprintf("%s:%d", frames[0].URL, frames[0].LineNumber+1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, m)
}

func (e *engine) handleDestroyed(params json.RawMessage) {
	var gone struct {
		Context string `json:"context"`
	}
	if json.Unmarshal(params, &gone) != nil {
		return
	}
	if p := e.page(gone.Context); p != nil {
		p.setClosed()
	}
}

// saveEvidence leaves what helps to understand a failure: the console of each
// page and a picture of those still open.
func (b *Browser) saveEvidence(ctx context.Context, pages []*Page) {
	dir, err := evidenceDir(b.t.Name())
	if err != nil {
		b.t.Logf("browser: nothing saved: %v", err)
		return
	}
	for _, p := range pages {
		if err := p.saveEvidence(ctx, dir); err != nil {
			b.t.Logf("browser: page %d: %v", p.number, err)
		}
	}
	b.t.Logf("browser: console and screenshots are in %s", dir)
}

func (p *Page) saveEvidence(ctx context.Context, dir string) error {
	var text strings.Builder
	for _, m := range p.messages() {
		fmt.Fprintln(&text, m)
	}
	base := filepath.Join(dir, fmt.Sprintf("page%d", p.number))
	if err := os.WriteFile(base+".log", []byte(text.String()), 0o644); err != nil {
		return err
	}
	if p.isClosed() {
		return nil
	}
	return p.screenshot(ctx, base+".png")
}

var unsafeInNames = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// evidenceDir makes a directory for the test named, in $SIGNAL_TEST_OUT or else
// in out/ of the module. It is a new one each time: what an earlier run or
// another browser of the test has left would mislead.
func evidenceDir(test string) (string, error) {
	root := os.Getenv("SIGNAL_TEST_OUT")
	if root == "" {
		module, err := moduleRoot()
		if err != nil {
			return "", err
		}
		root = filepath.Join(module, "out")
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	return os.MkdirTemp(root, unsafeInNames.ReplaceAllString(test, "_")+"-")
}

// moduleRoot finds go.mod above the directory that go test runs the test in.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", fmt.Errorf("no go.mod above the working directory; set SIGNAL_TEST_OUT")
		}
		dir = filepath.Dir(dir)
	}
}
