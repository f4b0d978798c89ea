package client

import (
	"fmt"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Removed says that the client is out of the room, and has not asked for it: the
// last event of a room, and the error of all that is asked of it then.
type Removed struct {
	Room   string
	Reason wire.Reason // kicked, banned, ended, forbidden or replaced; more may come
	Text   string      // of the host, for people; "": none
}

func (r *Removed) Error() string {
	return withText(fmt.Sprintf("client: taken out of room %q: %s", r.Room, r.Reason), r.Text)
}

func (*Removed) event() {}

func withText(s, text string) string {
	if text == "" {
		return s
	}
	return s + ": " + text
}

// removedLocked ends the room, out of which the server has taken this client.
func (r *Room) removedLocked(m *wire.Message) {
	removed := &Removed{Room: r.name, Reason: m.Reason, Text: m.Text}
	r.emitLocked(removed, len(m.Text))
	r.client.endRoomLocked(r, removed)
	r.client.giveUpRoomLocked(r)
}
