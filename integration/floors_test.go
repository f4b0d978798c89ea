package integration

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed-3a7b6cbd/signal"

// floors is the house: a package imports only from floors below its own. The
// longest prefix counts.
var floors = map[string]float64{
	"signaling/wire":          0,
	"signaling":               1,
	"signaling/internal":      1.5,
	"signaling/ws":            2,
	"signaling/socketio":      2,
	"signaling/peerjs":        2,
	"signaling/redis":         2,
	"signaling/jwt":           2,
	"signaling/admin":         2,
	"signaling/client":        2,
	"signaling/robot/media":   2,
	"signaling/robot":         2.5, // client <- robot is the exception of floor 2
	"turn":                    2,
	"web":                     2,
	"signaling/probe":         3,
	"signaling/signalingtest": 3,
	"cmd/signal":              4,
	"integration":             4,
	"integration/browser":     2, // drives a browser, knows nothing of signaling
}

// reserved names the libraries that only some packages may link, by the
// prefix of their import path. "" is nobody.
var reserved = map[string][]string{
	"github.com/golang-jwt/":  {"signaling/jwt"},
	"github.com/gorilla/":     {"signaling/ws", "signaling/client", "signaling/peerjs", "signaling/socketio", "integration", "integration/browser", "integration/bench"},
	"github.com/pion/turn/v4": {"turn"},
	"github.com/pion/turn/v5": {""},
	"github.com/pion/webrtc/": {"signaling/robot", "signaling/robot/media", "signaling/probe", "integration", "integration/bench"},
	"github.com/prometheus/":  {"signaling/admin"},
	"github.com/redis/":       {"signaling/redis"},
	"github.com/alecthomas/":  {"cmd/signal"},
	"github.com/pires/":       {"cmd/signal"},
	"rsc.io/":                 {"cmd/signal"},
	"golang.org/x/crypto/":    {"cmd/signal"},
}

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		list = append(list, p)
	}
}

// floor finds the floor of a package by its path below the module.
func floor(path string) (float64, bool) {
	for p := path; p != ""; {
		if f, ok := floors[p]; ok {
			return f, true
		}
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			break
		}
		p = p[:i]
	}
	return 0, false
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		own, ok := floor(path)
		if !ok {
			t.Errorf("%s is on no floor: give it one in floors_test.go", path)
		}
		for _, i := range p.Imports {
			below, inside := strings.CutPrefix(i, module+"/")
			if !inside {
				checkReserved(t, path, i)
				continue
			}
			related := strings.HasPrefix(below, path+"/") || strings.HasPrefix(path, below+"/")
			if f, _ := floor(below); f >= own && !related {
				t.Errorf("%s (floor %v) imports %s (floor %v): imports point down", path, own, below, f)
			}
		}
	}
}

func checkReserved(t *testing.T, path, library string) {
	t.Helper()
	for prefix, users := range reserved {
		if strings.HasPrefix(library, prefix) && !slices.Contains(users, path) {
			t.Errorf("%s imports %s, which is for %q only", path, library, users)
		}
	}
}

// An embedder links what it mounts: the core brings nothing along.
func TestCoreLinksOnlyTheStandardLibrary(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		if p.ImportPath != module+"/signaling" && p.ImportPath != module+"/signaling/wire" {
			continue
		}
		found++
		for _, d := range p.Deps {
			if first, _, _ := strings.Cut(d, "/"); strings.Contains(first, ".") && !strings.HasPrefix(d, module+"/") {
				t.Errorf("%s links %s", p.ImportPath, d)
			}
		}
	}
	if found != 2 {
		t.Fatalf("found %d of the 2 packages of the core", found)
	}
}
