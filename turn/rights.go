package turn

import (
	"net/netip"
	"slices"
)

// rights are what pion holds for one allocation: the permissions, and the
// channels. They do not change: each event makes new ones, so that whoever
// relays sees with one load of a pointer whether what it knew still holds. The
// nil rights are those of an allocation that has ended: none.
type rights struct {
	permitted []netip.Addr
	channels  []channel
}

type channel struct {
	number uint16
	peer   netip.AddrPort
}

// maxPermissions and maxChannels bound what one client can have us keep, 600
// bytes apiece, and how many channels pion walks through with each packet. A
// call has a dozen candidates' addresses, and pion forgets each in 5 minutes,
// each channel in 10.
const (
	maxPermissions = 128
	maxChannels    = 128
)

// permits says whether data may pass between the client and peer, in either
// direction. Pion itself does not ask this of data in a channel, which lives
// for longer than the permission (RFC 8656 §12.6, §12.7).
func (r *rights) permits(peer netip.Addr) bool {
	return r != nil && slices.Contains(r.permitted, peer)
}

// channelTo returns the number of the channel bound to peer, or 0.
func (r *rights) channelTo(peer netip.AddrPort) uint16 {
	if r != nil {
		for _, c := range r.channels {
			if c.peer == peer {
				return c.number
			}
		}
	}
	return 0
}

// mayPermit says whether the client may have a permission for peer.
func (r *rights) mayPermit(peer netip.Addr) bool {
	return r != nil && (len(r.permitted) < maxPermissions || r.permits(peer))
}

// mayBind says whether the client may bind this channel.
func (r *rights) mayBind(number uint16) bool {
	return r != nil && (len(r.channels) < maxChannels || r.channelIndex(number) >= 0)
}

func (r *rights) channelIndex(number uint16) int {
	return slices.IndexFunc(r.channels, func(c channel) bool { return c.number == number })
}

// withPermission returns r with or without a permission.
func (r *rights) withPermission(peer netip.Addr, holds bool) *rights {
	left := slices.DeleteFunc(slices.Clone(r.permitted), func(ip netip.Addr) bool { return ip == peer })
	if holds {
		left = append(left, peer)
	}
	return &rights{permitted: left, channels: r.channels}
}

// withChannel returns r with or without a channel.
func (r *rights) withChannel(c channel, holds bool) *rights {
	left := slices.DeleteFunc(slices.Clone(r.channels), func(old channel) bool { return old.number == c.number })
	if holds {
		left = append(left, c)
	}
	return &rights{permitted: r.permitted, channels: left}
}
