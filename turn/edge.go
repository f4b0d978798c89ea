package turn

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v3"
	pion "github.com/pion/turn/v4"
)

const (
	// maxPacket is pion's default MTU: it drops what fills its buffer.
	maxPacket = 1600

	// A TCP connection that says nothing is closed. With an allocation it has
	// to refresh that, or a permission, every few minutes.
	idleWithout = 15 * time.Second
	idleWith    = 11 * time.Minute

	// expiryGuard is the end of an allocation's life in which it gets no new
	// permission and cannot be refreshed; see permit and judge.
	expiryGuard = time.Second
)

// An edge is where packets of clients come in: one UDP socket, or one TCP
// connection. Each has a pion server of its own, which reads it from one
// goroutine: what pion asks while it handles a request (authenticate, reserve,
// permit, AllocatePacketConn) it asks on that goroutine, so the edge knows
// which request is meant. All packets from and to clients pass ReadFrom and
// WriteTo.
type edge struct {
	srv    *Server        // static
	conn   net.PacketConn // static
	local  net.Addr       // static; pion asks for it with each packet
	stream bool           // static: one TCP connection
	fast   relayer        // static: carries data past pion; nil for a stream, or without a fast path
	plain  *fastPath      // static: the same, if packets are read here and not by a loop

	// Owned by the reading goroutine, about the request it handles.
	request    []byte         // part of pion's buffer
	verdict    stun.ErrorCode // goes into the answer instead of pion's code, unless zero
	key        []byte         // signs the answer
	reserved   string         // the peer a slot is held for, if any
	generation int64          // of the credentials that asked for that slot
	made       *allocation    // the latest that the generator made

	asked atomic.Bool // ending is not empty

	mu       sync.Mutex                     // guards the following; taken before Server.mu
	owners   map[netip.AddrPort]*allocation // by the address of the client
	ending   []*allocation                  // to be deleted by pion between two packets
	deadline time.Time                      // of the next packet; zero for none
}

// ReadFrom gives pion the next packet worth its while. An error ends the edge:
// pion closes its allocations on this goroutine and then leaves.
func (e *edge) ReadFrom(b []byte) (int, net.Addr, error) {
	e.srv.release(e.reserved)
	e.request, e.verdict, e.key, e.reserved = nil, 0, nil, ""
	var wait time.Duration
	for {
		e.arm()
		n, addr, err := e.conn.ReadFrom(b)
		switch {
		case err == nil && n < len(b) && wellFormed(b[:n]):
			if e.asked.Load() {
				e.settle() // what was asked for before this packet came
			}
			if e.plain != nil && e.plain.relayOne(b[:n], addr) {
				continue
			}
			e.request = b[:n]
			return n, addr, nil
		case err == nil:
			e.srv.stats.droppedMalformed.Add(1)
		case errors.Is(err, os.ErrDeadlineExceeded) && e.settle():
		case e.stream || errors.Is(err, net.ErrClosed):
			e.srv.closeEdge(e, err)
			return 0, nil, io.EOF
		default:
			// An error of one datagram, as Windows reports ICMP. Pion would
			// end the listener and all calls on it.
			wait = e.srv.pause(wait)
		}
	}
}

// WriteTo sends one packet of pion's to a client. Error responses are written
// by the reading goroutine alone, data by those of the allocations too.
func (e *edge) WriteTo(b []byte, to net.Addr) (int, error) {
	n := len(b)
	switch messageType(b) {
	case stun.NewType(stun.MethodAllocate, stun.ClassSuccessResponse).Value(),
		stun.NewType(stun.MethodRefresh, stun.ClassSuccessResponse).Value():
		e.noteLifetime(b, addrPort(to))
	case stun.NewType(stun.MethodAllocate, stun.ClassErrorResponse).Value(),
		stun.NewType(stun.MethodRefresh, stun.ClassErrorResponse).Value(),
		stun.NewType(stun.MethodCreatePermission, stun.ClassErrorResponse).Value(),
		stun.NewType(stun.MethodChannelBind, stun.ClassErrorResponse).Value():
		b = e.correct(b)
	}
	if _, err := e.conn.WriteTo(b, to); err != nil {
		return 0, err
	}
	return n, nil
}

// arm sets the deadline of the next packet of a stream, now and then.
func (e *edge) arm() {
	if !e.stream {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.ending) > 0 {
		return // the deadline has passed on purpose
	}
	idle := idleWithout
	if len(e.owners) > 0 {
		idle = idleWith
	}
	now := time.Now()
	if left := e.deadline.Sub(now); left <= idle/2 || left > idle {
		e.deadline = now.Add(idle)
		_ = e.conn.SetReadDeadline(e.deadline) // fails on a closed connection, and so will the read
	}
}

// end has a deleted by pion as soon as the reading goroutine is between two
// packets. It does not wait. Deleting it while a request of the same client is
// handled would be a race inside pion; see permit.
func (e *edge) end(a *allocation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ending = append(e.ending, a)
	e.asked.Store(true)
	_ = e.conn.SetReadDeadline(time.Unix(1, 0)) // fails on a closed connection, which ends all anyhow
}

// settle does what end asks for. It returns false if nothing was asked: then
// the deadline was that of a stream, which has been silent for too long.
func (e *edge) settle() bool {
	e.mu.Lock()
	ending := e.ending
	e.ending, e.deadline = nil, time.Time{}
	e.asked.Store(false)
	_ = e.conn.SetReadDeadline(time.Time{}) // see end
	e.mu.Unlock()
	for _, a := range ending {
		a.relay.close()
		<-a.done
	}
	return len(ending) > 0 || !e.stream
}

// owner returns the allocation of the client at addr, or nil.
func (e *edge) owner(addr netip.AddrPort) *allocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.owners[addr]
}

// noteLifetime keeps when an allocation will expire, as the client is told.
func (e *edge) noteLifetime(b []byte, client netip.AddrPort) {
	a := e.owner(client)
	m, err := decode(b)
	if a == nil || err != nil {
		return
	}
	v, err := m.Get(stun.AttrLifetime)
	repeated := m.Type.Method == stun.MethodAllocate && !a.expires.IsZero() // pion sets no timer again
	if err == nil && len(v) == 4 && !repeated {
		seconds := uint32(v[0])<<24 | uint32(v[1])<<16 | uint32(v[2])<<8 | uint32(v[3])
		a.expires = time.Now().Add(time.Duration(seconds) * time.Second)
	}
}

// correct puts the verdict into an error response. Pion answers bad credentials
// with 400, a refused peer of a channel with 401, and one of a permission
// without any code; Firefox gives up the whole allocation unless it is 403.
func (e *edge) correct(b []byte) []byte {
	if e.verdict == 0 {
		return b
	}
	request, err := decode(e.request)
	if err != nil {
		return b
	}
	response, err := decode(b)
	if err != nil {
		return b
	}
	setters := []stun.Setter{&stun.Message{TransactionID: response.TransactionID}, response.Type, e.verdict}
	switch nonce := new(stun.Nonce); {
	case e.verdict != stun.CodeUnauthorized && e.verdict != stun.CodeWrongCredentials:
		setters = append(setters, stun.MessageIntegrity(e.key))
	case nonce.GetFrom(request) == nil:
		setters = append(setters, nonce, stun.NewRealm(e.srv.cfg.Realm)) // RFC 8489 §9.2.4
	}
	if m, err := stun.Build(setters...); err == nil {
		return m.Raw
	}
	return b
}

// Close is not called by pion.Server.readLoop: closeEdge closes an edge.
func (e *edge) Close() error                       { return e.conn.Close() }
func (e *edge) LocalAddr() net.Addr                { return e.local }
func (e *edge) SetDeadline(t time.Time) error      { return e.conn.SetDeadline(t) }
func (e *edge) SetReadDeadline(t time.Time) error  { return e.conn.SetReadDeadline(t) }
func (e *edge) SetWriteDeadline(t time.Time) error { return e.conn.SetWriteDeadline(t) }

// start makes the pion server of this edge, which reads it from then on.
func (e *edge) start() error {
	_, err := pion.NewServer(pion.ServerConfig{
		Realm:         e.srv.cfg.Realm,
		AuthHandler:   e.authenticate,
		QuotaHandler:  e.reserve,
		LoggerFactory: loggerFactory{e.srv.cfg.Logger},
		EventHandler: pion.EventHandler{
			OnAuth:              e.authenticated,
			OnAllocationCreated: e.created,
			OnPermissionCreated: e.permissionCreated,
			OnPermissionDeleted: e.permissionDeleted,
			OnChannelCreated:    e.channelCreated,
			OnChannelDeleted:    e.channelDeleted,
		},
		PacketConnConfigs: []pion.PacketConnConfig{{
			PacketConn:            e,
			RelayAddressGenerator: generator{e},
			PermissionHandler:     e.permit,
		}},
		InboundMTU: maxPacket,
	})
	return err
}

// forget takes a client's ownership away, if a is still what it owns.
func (e *edge) forget(a *allocation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.owners[a.client] == a {
		delete(e.owners, a.client)
	}
}
