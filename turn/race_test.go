package turn

import (
	"fmt"
	"testing"

	"github.com/pion/stun/v3"
)

// permissionStorm is a request for many permissions, none of them asked for
// before.
func permissionStorm(c *rawClient, round int) []byte {
	var attrs []stun.Setter
	for i := range 40 {
		attrs = append(attrs, peerAddress(fmt.Sprintf("10.%d.%d.%d:9", round>>8, round&0xff, i)))
	}
	return c.request(stun.MethodCreatePermission, attrs...).Raw
}

// The race detector finds out if pion ever closes an allocation while a request
// of the same client is handled: it would be a race inside pion, and at times
// a panic.
func TestClosingAllocationsUnderARainOfPermissions(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := serve(t, Config{})
			alice := newRawClient(t, s, network, s.Credentials("alice"))
			for round := range 50 {
				if _, code := alice.allocate(); code != 0 {
					t.Fatalf("Allocate: %d", code)
				}
				for i := range 5 {
					alice.write(permissionStorm(alice, 5*round+i))
				}
				s.CloseAllocations("alice")
			}
		})
	}
}
