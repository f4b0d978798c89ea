package wire

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// told is what the comment of a constant says of who sends the message.
type told struct {
	typ Type
	by  []string // client, server
}

// constants are the messages as the constants of the package list them.
func constants(t *testing.T) (all []told) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := c.Type.(*ast.Ident); ok && typ.Name == "Type" && len(c.Values) == 1 {
				text, _ := strconv.Unquote(c.Values[0].(*ast.BasicLit).Value)
				sender, _, _ := strings.Cut(strings.TrimSpace(c.Comment.Text()), ":")
				by, ok := map[string][]string{"c": {"client"}, "s": {"server"}, "c s": {"client", "server"}}[sender]
				if !ok {
					t.Errorf("%s: the comment of %s begins with %q, want who sends it: c, s or c s", name, text, sender)
				}
				all = append(all, told{Type(text), by})
			}
			return false
		})
	}
	return all
}

// Every message has a row in PROTOCOL.md and a vector for each side that sends it,
// as the comment of its constant says, and what a client sends passes Check.
func TestEveryMessageIsListed(t *testing.T) {
	protocol, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	vectors := readVectors(t)
	messages := constants(t)
	if len(messages) < 60 {
		t.Errorf("%d messages were found, fewer than there are", len(messages))
	}
	for _, m := range messages {
		if by := slices.Contains(m.by, "client"); by != fromClient[m.typ] {
			t.Errorf("%s: the comment says %v for a client, and fromClient in check.go %v", m.typ, by, fromClient[m.typ])
		}
		for _, by := range m.by {
			row := regexp.MustCompile("(?m)^\\| [cs ]*" + by[:1] + "[cs ]* (`[a-z-]+`, )*`" + string(m.typ) + "`")
			if !row.Match(protocol) {
				t.Errorf("%s by the %s: PROTOCOL.md has no row | %s `%s` |", m.typ, by, by[:1], m.typ)
			}
			if !slices.ContainsFunc(vectors, func(v vector) bool {
				read, _ := Scan(v.frame(t))
				return v.By == by && v.Error == "" && read != nil && read.Type == m.typ
			}) {
				t.Errorf("%s by the %s: testdata/vectors.json has none that is accepted", m.typ, by)
			}
		}
	}
}
