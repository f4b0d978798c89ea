package signaling

import (
	"context"
	"math/rand/v2"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A Broadcast describes many peers of an app, on all nodes. It is a value: its
// methods return another one, and leave it as it is.
type Broadcast struct {
	app      *App
	rooms    []string // nil: the whole app
	except   []string
	exceptIn []string
	local    bool
	volatile bool
}

// All describes all peers of the app, in rooms or not.
func (a *App) All() Broadcast { return Broadcast{app: a} }

// To describes all who are in one of the rooms; who is in several of them is
// meant once.
func (a *App) To(rooms ...string) Broadcast { return a.All().To(rooms...) }

// User describes the devices of a user: all its sessions in this app.
func (a *App) User(user string) Broadcast {
	b := a.All()
	b.rooms = []string{string(userPrefix) + user}
	return b
}

// To adds rooms: who is in one of them is meant, too. What no room can be named
// is left out.
func (b Broadcast) To(rooms ...string) Broadcast {
	all := make([]string, 0, len(b.rooms)+len(rooms)) // not nil: with no room nobody is meant
	all = append(all, b.rooms...)
	for _, room := range rooms {
		if wire.ValidRoom(room) {
			all = append(all, room)
		}
	}
	b.rooms = all
	return b
}

// Except leaves out peers, by their ids: such as the one that has caused it.
func (b Broadcast) Except(ids ...string) Broadcast {
	b.except = append(b.except[:len(b.except):len(b.except)], ids...)
	return b
}

// ExceptIn leaves out who is in one of the rooms.
func (b Broadcast) ExceptIn(rooms ...string) Broadcast {
	b.exceptIn = append(b.exceptIn[:len(b.exceptIn):len(b.exceptIn)], rooms...)
	return b
}

// Local leaves out all peers of other nodes.
func (b Broadcast) Local() Broadcast {
	b.local = true
	return b
}

// Volatile leaves out who is behind: away, or with 16 KiB that it has not read
// yet. It is for what is soon replaced by something newer.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// Emit sends an event to all of them, encoded once. To a single room it comes in
// the order of what else happens there: who gets it has been told of exactly
// those joins and leaves that came before. With Local, Volatile, ExceptIn or more
// rooms, only what one goroutine sends is in its order. An error says that v cannot
// be sent.
func (b Broadcast) Emit(name string, v any) error {
	body, err := b.app.eventBody(name, v)
	if err != nil {
		return err
	}
	if len(b.rooms) == 1 {
		b.stamp(body)
		if !b.local && !b.volatile && b.exceptIn == nil {
			b.app.srv.node.Change(Change{Kind: ChangeTell, App: b.app.name, Room: b.rooms[0], Body: body, Except: b.except})
			return nil
		}
	}
	b.send(body, 0)
	return nil
}

// Request sends all of them an event that their clients have to answer, and
// waits for the answers: until ctx ends, or for 10 s if it has no deadline. The
// replies are those that have come, in that order, also beside an error, which
// says that some are missing. A client that refuses has replied.
func (b Broadcast) Request(ctx context.Context, name string, v any) ([]Reply, error) {
	return b.app.request(ctx, name, v, func(body *Body, req uint64) int {
		b.stamp(body)
		return b.send(body, req)
	})
}

// stamp says in which room an event is, if that is one.
func (b Broadcast) stamp(body *Body) {
	if len(b.rooms) == 1 && !isUser(b.rooms[0]) {
		body.Message.Room = b.rooms[0]
	}
}

// send hands the body to all nodes, and returns how many they are.
func (b Broadcast) send(body *Body, req uint64) (nodes int) {
	node := b.app.srv.node
	if len(b.rooms) > 1 {
		body.Mark = rand.Uint64() | 1
	}
	e := &Event{Kind: EventTell, Node: node.Name(), App: b.app.name, Tell: &Tell{
		Body: body, Volatile: b.volatile, Rooms: b.rooms, Except: b.except, ExceptRooms: b.exceptIn, Req: req,
	}}
	if b.local {
		return node.SendAll([]string{node.Name()}, e)
	}
	return node.SendAll(nil, e)
}
