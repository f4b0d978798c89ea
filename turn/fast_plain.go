package turn

import (
	"encoding/binary"
	"net"
)

// relayOne relays one packet from client past pion, or drops it, if it is the
// data of a binding that is ready. It returns false if it is pion's.
//
// It is the way of sockets that have no loop: not of Linux, or not ours.
func (f *fastPath) relayOne(packet []byte, client net.Addr) bool {
	data := dataOf(packet)
	if data == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.readyLocked(keyOf(addrPort(client), binary.BigEndian.Uint16(data)))
	if b == nil {
		return false
	}
	if !b.admit(data[channelHeader:]) {
		return true
	}
	binary.BigEndian.PutUint16(data, b.route.number)
	to := b.route.to.owner
	if _, err := to.edge.conn.WriteTo(data, to.clientAddr); err != nil {
		b.traffic.dropped++
		f.srv.stats.droppedSend.Add(1)
		return true
	}
	n := len(data) - channelHeader
	b.traffic.packets++
	b.traffic.bytes += uint64(n)
	f.srv.stats.relayed(n)
	return true
}
