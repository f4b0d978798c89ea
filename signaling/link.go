package signaling

import (
	"errors"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// ErrLeft is the cause to Detach with when the client closed the connection in
// a way that means goodbye: WebSocket close code 1001, or the like of it. The
// session then ends at once.
var ErrLeft = errors.New("signaling: the client left")

// A Link is one connection's life. Receive, Malformed and Detach are for one
// caller at a time; Take may run beside them, also for one caller at a time.
type Link struct{}

// Start begins the life of an admitted link: from now on hello has to come in
// time, and conn is used.
func (l *Link) Start(conn Conn) {}

// Receive takes in one message of size bytes from the client, and takes over
// m. It never blocks. The transport should not read for the time that pause
// says (at most 1 s). An error means that the link is over: Conn.Close was
// called, and the transport should read no more.
func (l *Link) Receive(m *wire.Message, size int) (pause time.Duration, err error) { return 0, nil }

// Malformed is Receive for a frame that wire.Scan refused with cause, or that
// the transport refused (too_big, not_text; these end the link). id is the
// frame's, as far as it could be read, else 0.
func (l *Link) Malformed(id uint64, size int, cause *wire.Error) (pause time.Duration, err error) {
	return 0, nil
}

// Take appends to batch what to write now, in order, at most max frames, and
// reports whether more is left. What was taken counts as sent: if writing it
// fails, the link is dead. Take works on after Close, for what is left.
func (l *Link) Take(batch []Outgoing, max int) ([]Outgoing, bool) { return batch, false }

// Detach ends the link; the transport calls it exactly once, for every link
// that was admitted. cause says why the connection ended: one that wraps ErrLeft, or
// an *Error with too_big, ends the session; after anything else, nil too, the
// session waits to be resumed.
func (l *Link) Detach(cause error) {}
