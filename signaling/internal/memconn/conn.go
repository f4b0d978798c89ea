package memconn

import (
	"io"
	"net"
	"time"
)

// A Conn is one end of a connection in memory. It is a net.Conn, and as safe
// for use from several goroutines.
type Conn struct {
	in, out       *half // static; the other end has them the other way round
	local, remote net.Addr
}

var _ net.Conn = (*Conn)(nil)

// Pipe returns the two ends of a connection, each of which holds limit bytes
// on their way to it; 0 means DefaultBuffer.
func Pipe(limit int) (a, b *Conn) {
	return pipe(limit, address("127.0.0.1", 1), address("127.0.0.1", 2))
}

func pipe(limit int, addrA, addrB net.Addr) (a, b *Conn) {
	if limit <= 0 {
		limit = DefaultBuffer
	}
	ab, ba := newHalf(limit), newHalf(limit)
	return &Conn{in: ba, out: ab, local: addrA, remote: addrB},
		&Conn{in: ab, out: ba, local: addrB, remote: addrA}
}

func address(ip string, port int) net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(ip), Port: port}
}

// Read waits for bytes of the other end. It returns io.EOF when that is
// closed and all was read.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.opError("read", err)
}

// Write returns when p is in the buffer, which may have to be read first.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.opError("write", err)
}

func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "mem", Source: c.local, Addr: c.remote, Err: err}
}

// Close closes this end: the other one reads what was written, then io.EOF,
// and cannot write any more.
func (c *Conn) Close() error {
	c.in.change(func() { c.in.deaf = true; c.in.readBy.stopLocked() })
	c.out.change(func() { c.out.finished = true; c.out.writeBy.stopLocked() })
	return nil
}

// CloseWrite says that this end writes no more. It still reads.
func (c *Conn) CloseWrite() error {
	c.out.change(func() { c.out.finished = true })
	return nil
}

// Cut resets the connection, as when a process is killed or a middlebox says
// so: what is on its way is lost, and both ends fail at once.
func (c *Conn) Cut() {
	c.in.change(func() { c.in.cut = true })
	c.out.change(func() { c.out.cut = true })
}

// Stall stops the connection in both directions without telling anybody, as
// when a cable is pulled: writes go into the buffer until that is full, reads
// wait. Flow undoes it.
func (c *Conn) Stall() { c.setStalled(true) }

// Flow undoes Stall. Nothing that was written meanwhile is lost.
func (c *Conn) Flow() { c.setStalled(false) }

func (c *Conn) setStalled(on bool) {
	c.in.change(func() { c.in.stalled = on })
	c.out.change(func() { c.out.stalled = on })
}

// Buffered returns how many bytes wait to be read at this end.
func (c *Conn) Buffered() int {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return c.in.buffered()
}

// LocalAddr returns a *net.TCPAddr that was made up.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns a *net.TCPAddr that was made up.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readBy, t)
	c.out.setDeadline(&c.out.writeBy, t)
	return nil
}

// SetReadDeadline makes reads fail with os.ErrDeadlineExceeded from t on. The
// zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readBy, t)
	return nil
}

// SetWriteDeadline makes writes fail with os.ErrDeadlineExceeded from t on.
// The zero time means never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writeBy, t)
	return nil
}
