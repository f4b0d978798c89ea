package signaling

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// requests are frames of clients, one or more of each type that they have:
// wire.TestEveryMessageIsListed sees that none is missing.
func requests(t *testing.T) (all []*wire.Message) {
	t.Helper()
	text, err := os.ReadFile("wire/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ By, Frame, Error string }
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		if v.By != "client" || v.Error != "" {
			continue
		}
		m, err := wire.Scan([]byte(v.Frame))
		if err != nil {
			t.Fatal(err)
		}
		m.ID, m.Ack = 0, 0
		all = append(all, m)
	}
	return all
}

func TestEveryMessageOfAClientIsHandled(t *testing.T) {
	for _, m := range requests(t) {
		inBubble(t, 1, Config{}, func(t *testing.T, h *harness) {
			alice, bob := h.pair(t)
			if m.Room != "" {
				m.Room = "room"
			}
			if m.To != "" {
				m.To = bob.peer
			}
			alice.send(m)
			synctest.Wait()
			for _, got := range alice.frames() {
				if got.Code == wire.CodeUnknownType {
					t.Errorf("%s: %s", m.Type, got.Text)
				}
			}
		})
	}
}

func TestOnlyHostsModerate(t *testing.T) {
	moderates := slices.DeleteFunc(requests(t), func(m *wire.Message) bool { return !m.Type.Moderates() })
	if len(moderates) < len(moderation) {
		t.Fatalf("%d requests of hosts were found, fewer than there are", len(moderates))
	}
	eachTopology(t, Config{}, func(t *testing.T, h *harness) {
		alice, bob := h.pair(t)
		carol := h.hello(t)
		for _, m := range moderates {
			m := *m
			if m.ID = 0; m.To != "" {
				m.To = alice.peer
			}
			bob.wantRefused(&m, wire.CodeForbidden)
			alice.wantNothing()
			m.ID = 0
			carol.wantRefused(&m, wire.CodeNotInRoom)
		}
	})
}

// kinds are the constants of type ChangeKind.
func kinds(t *testing.T) (all []ChangeKind) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "cluster.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		c, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := c.Type.(*ast.Ident); ok && typ.Name == "ChangeKind" {
			kind, _ := strconv.Unquote(c.Values[0].(*ast.BasicLit).Value)
			all = append(all, ChangeKind(kind))
		}
		return false
	})
	if len(all) < 17 {
		t.Errorf("%d kinds were found, fewer than there are", len(all))
	}
	return all
}

// threesome is a room with a host, a member and one who waits. change is a change of
// it, by the host or the node of the one that it is about.
func (h *harness) threesome(t *testing.T) (change func(kind ChangeKind) Change) {
	alice, bob := h.pair(t)
	alice.rules(wire.RulesUpdate{Lobby: yes()})
	carol := h.hello(t)
	carol.send(&wire.Message{Type: wire.TypeJoin, Room: "room"})
	carol.want(wire.TypeWaiting)
	return func(kind ChangeKind) Change {
		c := Change{
			Kind: kind, App: "default", Room: "room", Limit: 9, Role: wire.RoleViewer, Update: &wire.RulesUpdate{Locked: yes()},
			To: bob.srv.node.Name(), Until: time.Now().Add(time.Hour).UnixMilli(), Body: &Body{Message: &wire.Message{Type: wire.TypeEvent, Name: "x"}},
			Member: Member{ID: bob.peer, Node: bob.srv.node.Name(), Granted: roleViewer},
		}
		for _, of := range moderation {
			if of == kind {
				c.Host = alice.peer
			}
		}
		if kind == ChangeAdmit || kind == ChangeDeny {
			c.Member = Member{ID: carol.peer}
		}
		return c
	}
}

// A change that a roster refuses as unknown, or a step that a node does not
// understand, is a kind for which a case is missing.
func TestEveryChangeIsUnderstood(t *testing.T) {
	var log strings.Builder
	cfg := Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))}
	for _, kind := range append(kinds(t), "new") {
		ofUsers := kind == ChangeAnswer || kind == ChangePushed // see TestRosterOfUsersHolds
		eachTopology(t, cfg, func(t *testing.T, h *harness) {
			log.Reset()
			change := h.threesome(t)(kind)
			_, steps, code := h.cluster.rooms[roomKey{"default", "room"}].Apply(&change, 1<<40, time.Now())
			if known := code != wire.CodeUnknownType; known != (kind != "new" && !ofUsers) {
				t.Errorf("%s: %q", kind, code)
			}
			if code == "" && len(steps) == 0 {
				t.Errorf("%s does nothing", kind)
			}
			h.servers[0].node.Change(change)
			synctest.Wait()
			if log.Len() > 0 {
				t.Errorf("%s: %s", kind, log.String())
			}
		})
	}
}

func TestStepOfANewerVersionIsLogged(t *testing.T) {
	var log strings.Builder
	cfg := Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))}
	eachTopology(t, cfg, func(t *testing.T, h *harness) {
		log.Reset()
		alice, bob := h.pair(t)
		e := &Event{Kind: EventChange, App: "default", Room: "room", Version: 1 << 40, Steps: []Step{{Kind: "new"}}}
		h.servers[0].node.Send(alice.srv.node.Name(), e)
		synctest.Wait()
		if !strings.Contains(log.String(), "step=new") {
			t.Errorf("the log is %q", log.String())
		}
		bob.tell(alice, "room", `1`)
		alice.wantMessage(bob, `1`)
	})
}
