package signaling

import (
	"net/netip"
	"sync"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Conn is the core's way back to one connection, whatever carries it. Both
// methods return at once, may be called from any goroutine, and are called
// without core locks.
type Conn interface {
	// Wake says that there is something to Take. It is called once until a
	// Take has left nothing, and may come while the caller of that Take has
	// not seen yet that it did.
	Wake()
	// Close ends the connection after what can still be taken: the transport
	// has 1 s for it, then it cuts. Only the first call counts.
	Close(code wire.Code)
}

// LinkInfo is what a transport knows of a connection before it is upgraded.
type LinkInfo struct {
	App    string         // "": the default app
	Remote netip.AddrPort // the client, as far as proxies are trusted
	Token  string         // a credential that came with the request; one in hello goes before it
	// Context is for Config.Authenticate: what the transport was told to make of
	// the request. The link keeps it. Nil: nothing.
	Context any
	// AckOnTake is for dialects whose clients never acknowledge: what was
	// taken counts as acknowledged.
	AckOnTake bool
}

// Outgoing is one frame that a transport has to write: shared content with the
// head that it has on this link.
type Outgoing struct {
	Seq  uint64 // 0: not sequenced
	Ack  uint64 // 0: nothing new to acknowledge
	Body *Body
}

// A Body is an immutable message on its way to one or many clients. It is
// encoded once, however many they are.
type Body struct {
	Message *wire.Message
	// Mark is not 0 where a session that moves may be given the same twice, by
	// the node that it leaves and the one to which it goes.
	Mark uint64
	once sync.Once
	json []byte
}

// JSON returns the native encoding behind the head, from `"type":` to the
// closing brace, for wire.AppendServer. The caller must not change it.
func (b *Body) JSON() []byte {
	b.once.Do(func() { b.json = b.Message.AppendBody(nil) })
	return b.json
}

// Error is a refusal that the client is told about. Any other error is ours:
// it is logged in full, and reaches the client only as "internal".
type Error = wire.Error
