package integration

import (
	"bytes"
	"net"
)

// A deafConn makes a client ignore what restrains it: the candidate policy, that
// it is a viewer, and that it was taken out of a room arrive under names that
// nobody knows.
type deafConn struct{ net.Conn }

var unheard = map[string]string{
	`"candidates":"`:     `"unheardOf_":"`,
	`"type":"role"`:      `"type":"rale"`,
	`"type":"peer-left"`: `"type":"peer-lift"`,
}

// Read implements net.Conn.
func (c deafConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for said, heard := range unheard {
		copy(b, bytes.ReplaceAll(b[:n], []byte(said), []byte(heard)))
	}
	return n, err
}
