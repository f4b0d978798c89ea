package integration

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/seed-3a7b6cbd/signal/signaling/client"
	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A gopher is somebody on the Go client, who is told what visitors are, in the
// same words.
type gopher struct {
	*ear
	house  *house
	client *client.Client
	room   *client.Room // the last

	mu    sync.Mutex // guards the following
	names map[string]string
	rings string // the last invitation's id
}

// gopher connects one, which leaves at the end.
func (h *house) gopher(name string, cfg client.Config) *gopher {
	h.t.Helper()
	g := &gopher{ear: newEar(h.t, name), house: h, names: map[string]string{}}
	if cfg.Token == nil {
		token := h.token(name, nil)
		cfg.Token = func(context.Context) (string, error) { return token, nil }
	}
	c, err := client.Dial(h.ctx, h.srv.URL, cfg)
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	g.client = c
	var listening sync.WaitGroup
	listening.Go(func() { // ends with the client
		for e := range c.UserEvents(context.Background()) {
			g.hearUser(e)
		}
	})
	h.t.Cleanup(func() {
		if err := c.Close(h.ctx); err != nil && !errors.Is(err, client.ErrClosed) {
			h.t.Errorf("%s: close: %v", name, err)
		}
		listening.Wait()
	})
	return g
}

// enters joins a room.
func (g *gopher) enters(room string, o client.JoinOptions) {
	g.t.Helper()
	if err := g.enter(room, o); err != nil {
		g.t.Fatalf("%s: join %s: %v", g.name, room, err)
	}
}

func (g *gopher) enter(room string, o client.JoinOptions) error {
	o.Metadata, _ = json.Marshal(map[string]string{"name": g.name})
	r, err := g.client.JoinWith(g.house.ctx, room, o)
	if err != nil {
		return err
	}
	g.room = r
	listening := make(chan struct{})
	go func() { // ends with the room
		defer close(listening)
		for {
			e, err := r.Next(context.Background())
			if err != nil {
				return
			}
			g.hear(e)
		}
	}()
	g.t.Cleanup(func() {
		_ = r.Leave(g.house.ctx) // it may be over
		<-listening
	})
	return nil
}

// must is for what has to succeed.
func (g *gopher) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatalf("%s: %v", g.name, err)
	}
}

// find is the id of somebody that the gopher was told of.
func (g *gopher) find(name string) string {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, known := range g.names {
		if known == name {
			return id
		}
	}
	g.t.Fatalf("%s does not know %s", g.name, name)
	return ""
}

func nameOf(p client.Peer) string {
	var metadata struct{ Name string }
	_ = json.Unmarshal(p.Data, &metadata)
	return metadata.Name
}

// called is the name of a peer that there is or was.
func (g *gopher) called(id string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.names[id]
}

func (g *gopher) knows(p client.Peer) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names[p.ID] = nameOf(p)
	return g.names[p.ID]
}

// hear tells an event of the room.
func (g *gopher) hear(e client.Event) {
	switch e := e.(type) {
	case client.PeerJoined:
		g.tell("participantjoined", g.knows(e.Peer), cmp.Or(e.Peer.Role, wire.RoleParticipant))
	case client.PeerUpdated:
		g.tell("participantchanged", g.knows(e.Peer), cmp.Or(e.Peer.Role, wire.RoleParticipant))
	case client.PeerAway:
		g.tell("participantaway", g.knows(e.Peer))
	case client.PeerBack:
		g.tell("participantback", g.knows(e.Peer))
	case client.PeerLeft:
		g.tell("participantleft", g.knows(e.Peer), e.Reason)
	case client.Message:
		g.tell("message", g.called(e.From), string(e.Data))
	case client.MuteRequest:
		g.tell("muterequest", g.called(e.From), string(e.Data))
	case client.RoleChanged:
		g.tell("role", e.Role, g.called(e.By))
	case client.RulesChanged:
		r := e.Rules
		g.tell("rules", holds("locked", r.Locked), holds("lobby", r.Lobby), holds("password", r.Password),
			holds("capacity", r.Capacity), holds("candidates", r.Candidates), "by", cmp.Or(g.called(e.By), "me"))
	case client.Knock:
		g.tell("knock", g.knows(e.Peer))
	case client.KnockEnded:
		g.tell("knockended", g.called(e.Peer), e.Reason)
	case *client.Removed:
		g.tell("error", e.Reason, e.Text)
		g.tell("room disconnected", e.Reason)
	}
}

// hearUser tells an event of users.
func (g *gopher) hearUser(e client.UserEvent) {
	switch e := e.(type) {
	case client.Presence:
		g.tell("presence", e.User, holds("online", e.Online), holds("busy", e.Busy), holds("peers", e.Peers))
	case client.UserMessage:
		g.tell("usermessage", e.User, string(e.Data))
	case client.Invited:
		g.mu.Lock()
		g.rings = e.Invite
		g.mu.Unlock()
		g.tell("invited", e.User, string(e.Data))
	case client.Cancelled:
		g.tell("invitation over", e.Reason)
	case client.Missed:
		g.tell("missed", e.User, string(e.Data))
	case client.Ringing:
		g.tell("call", map[wire.Via]string{wire.ViaDevice: "ringing", wire.ViaPush: "woken"}[e.Via])
	}
}

// tell says it in the words of web/test/stories/people.mjs.
func (g *gopher) tell(said ...any) {
	var words []string
	for _, w := range said {
		if s := fmt.Sprint(w); s != "" {
			words = append(words, s)
		}
	}
	g.note(strings.Join(words, " "))
}

// holds is name=value, or name alone, or nothing where the value is none.
func holds[T comparable](name string, value T) string {
	var none T
	switch {
	case value == none:
		return ""
	case any(value) == any(true):
		return name
	}
	return fmt.Sprintf("%s=%v", name, value)
}
