package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// bare is main without signaling.
const bare = `package main

import (
	"log"
	"net/http"
)

func main() { log.Fatal(http.ListenAndServe(":8080", nil)) }
`

// run returns what the go command says.
func run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS=linux", "GOARCH=amd64") // what the guide speaks of
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// linked counts the packages that main links, and its megabytes.
func linked(t *testing.T, main string) (packages []string, megabytes float64) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	run(t, "build", "-trimpath", "-o", program, main)
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(run(t, "list", "-deps", main)), float64(info.Size()) / 1e6
}

// The guide says what the smallest embed links, and what the same program
// without it does.
func TestSmallestEmbedLinksWhatTheGuideSays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(bare), 0o600); err != nil {
		t.Fatal(err)
	}
	with, size := linked(t, ".")
	without, bareSize := linked(t, file)
	var foreign []string
	for _, p := range with {
		if first, _, _ := strings.Cut(p, "/"); strings.Contains(first, ".") && !strings.HasPrefix(p, "github.com/seed-3a7b6cbd/signal/integration/") {
			foreign = append(foreign, p)
		}
	}
	got := fmt.Sprintf("%d packages, %d beyond the standard library, and %.1f MB; without signaling %d packages and %.1f MB", len(with), len(foreign), size, len(without), bareSize)
	if len(foreign) > 4 {
		t.Errorf("beyond the standard library it links %q", foreign)
	}

	guide, err := os.ReadFile("../../../web/docs/embedding.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`links (\d+) packages, (\d+) of them beyond the standard library, and has ([\d.]+) MB; without signaling it links (\d+) and has ([\d.]+) MB`).
		FindStringSubmatch(strings.Join(strings.Fields(string(guide)), " "))
	if m == nil {
		t.Fatalf("the guide does not say what the smallest embed links: %s", got)
	}
	for i, tt := range []struct {
		what               string
		measured, tolerant float64
	}{
		{"packages", float64(len(with)), 0.05},
		{"packages beyond the standard library", float64(len(foreign)), 0},
		{"MB", size, 0.1},
		{"packages without signaling", float64(len(without)), 0.05},
		{"MB without signaling", bareSize, 0.1},
	} {
		said, err := strconv.ParseFloat(m[i+1], 64)
		if err != nil || said < tt.measured*(1-tt.tolerant) || said > tt.measured*(1+tt.tolerant) {
			t.Errorf("%s: the guide says %v; measured: %s", tt.what, said, got)
		}
	}
}
