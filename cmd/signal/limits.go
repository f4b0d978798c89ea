package main

import (
	"os"
	"strings"

	"github.com/seed-3a7b6cbd/signal/signaling"
)

// minMemory is the least that a server of a few calls works with.
const minMemory = 16 << 20

// Limits are the settings that bound what somebody can cost.
type Limits struct {
	MaxPeers        int `help:"Members of a room." default:"16" group:"Limits"`
	MaxRooms        int `help:"Rooms that one client is in." default:"32" group:"Limits"`
	MaxLinks        int `help:"Connections of this server; 0: any number." default:"0" group:"Limits"`
	MaxSessions     int `help:"Clients of this server, with those that have lost their connection; 0: any number." default:"100000" group:"Limits"`
	MaxUserSessions int `help:"Devices of one user; 0: any number." default:"32" group:"Limits"`
	MaxIPLinks      int `name:"max-ip-links" help:"Connections of one address, or of one /64 of IPv6; 0: any number." default:"256" group:"Limits"`
	MaxIPSessions   int `name:"max-ip-sessions" help:"Clients of one address, with those that have lost their connection; 0: any number." default:"512" group:"Limits"`
	IPRate          int `name:"ip-rate" help:"New connections per second of one address; 0: any number." default:"50" group:"Limits"`
	IPBurst         int `name:"ip-burst" help:"New connections at once of one address." default:"100" group:"Limits"`
	IPRoomRate      int `name:"ip-room-rate" help:"Rooms per second that one address may open; 0: any number." default:"20" group:"Limits"`
	IPRoomBurst     int `name:"ip-room-burst" help:"Rooms at once that one address may open." default:"512" group:"Limits"`
	JoinRate        int `help:"Joins per second of one client, where one that opens a room counts 4; 0: any number." default:"4" group:"Limits"`
	JoinBurst       int `help:"Joins at once of one client." default:"128" group:"Limits"`
	MaxWatched      int `help:"Users that one client watches." default:"200" group:"Limits"`
	MaxInvites      int `help:"Users that one client rings at the same time." default:"8" group:"Limits"`
	MaxKnockers     int `help:"Clients that wait in the lobby of a room." default:"64" group:"Limits"`
	MaxMemory       int `help:"Bytes that all clients' messages and connections may take; from three quarters of it on no new ones are let in. 0: a third of the memory limit of the container or of GOMEMLIMIT, or 1 GiB without." default:"0" group:"Limits"`
	Outbox          int `help:"Bytes of memory that one client may leave unread: then its connection is closed, and at twice that it loses what it has not read. A message takes twice its size and 800 bytes." default:"3145728" group:"Limits"`
	MaxMessage      int `help:"Bytes of a message." default:"65536" group:"Limits"`
	MaxSDP          int `name:"max-sdp" help:"Bytes of the data of an offer or an answer." default:"32768" group:"Limits"`
	MaxMetadata     int `help:"Bytes of what a client shows of itself in a room." default:"4096" group:"Limits"`
	MaxCandidates   int `help:"ICE candidates for one connection to another client, until ICE is restarted." default:"100" group:"Limits"`
	Rate            int `help:"Messages per second of one client." default:"50" group:"Limits"`
	Burst           int `help:"Messages at once of one client." default:"200" group:"Limits"`
	Bytes           int `help:"Bytes per second of one client, and four times that at once." default:"262144" group:"Limits"`
}

func (l *Limits) check() error {
	for _, limit := range []struct {
		name         string
		value, least int
	}{
		{"max-peers", l.MaxPeers, 2},
		{"max-rooms", l.MaxRooms, 1},
		{"max-links", l.MaxLinks, 0},
		{"max-sessions", l.MaxSessions, 0},
		{"max-user-sessions", l.MaxUserSessions, 0},
		{"max-ip-links", l.MaxIPLinks, 0},
		{"max-ip-sessions", l.MaxIPSessions, 0},
		{"ip-rate", l.IPRate, 0},
		{"ip-burst", l.IPBurst, 1},
		{"ip-room-rate", l.IPRoomRate, 0},
		{"ip-room-burst", l.IPRoomBurst, 1},
		{"join-rate", l.JoinRate, 0},
		{"join-burst", l.JoinBurst, 1},
		{"max-watched", l.MaxWatched, 1},
		{"max-invites", l.MaxInvites, 1},
		{"max-knockers", l.MaxKnockers, 1},
		{"max-memory", l.MaxMemory, 0},
		{"outbox", l.Outbox, 64 << 10},
		{"max-message", l.MaxMessage, 4096},
		{"max-sdp", l.MaxSDP, 1024},
		{"max-metadata", l.MaxMetadata, 64},
		{"max-candidates", l.MaxCandidates, 1},
		{"rate", l.Rate, 1},
		{"burst", l.Burst, 1},
		{"bytes", l.Bytes, 1 << 10},
	} {
		if limit.value < limit.least {
			return badSetting("--%s %d: too little; use %d or more (it is %s)", limit.name, limit.value, limit.least, otherNames(limit.name))
		}
	}
	if l.MaxMemory > 0 && l.MaxMemory < minMemory {
		return badSetting("--max-memory %d: too little; use 0 or %d and more (it is %s)", l.MaxMemory, minMemory, otherNames("max-memory"))
	}
	return nil
}

// otherNames says how a setting is called beside its flag.
func otherNames(name string) string {
	return "SIGNAL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + " in the environment and " + name + " in the file, too"
}

// apply gives the limits to the core, for which any number is negative.
func (l *Limits) apply(c *signaling.Config) {
	orAny := func(n int) int {
		if n == 0 {
			return -1
		}
		return n
	}
	c.MaxPeers, c.MaxRooms, c.MaxLinks = l.MaxPeers, l.MaxRooms, l.MaxLinks
	c.MaxSessions, c.MaxUserSessions = orAny(l.MaxSessions), orAny(l.MaxUserSessions)
	c.MaxIPLinks, c.MaxIPSessions = orAny(l.MaxIPLinks), orAny(l.MaxIPSessions)
	c.IPRate, c.IPBurst = orAny(l.IPRate), l.IPBurst
	c.IPRoomRate, c.IPRoomBurst = orAny(l.IPRoomRate), l.IPRoomBurst
	c.JoinRate, c.JoinBurst = orAny(l.JoinRate), l.JoinBurst
	c.MaxWatched, c.MaxInvites, c.MaxKnockers = l.MaxWatched, l.MaxInvites, l.MaxKnockers
	c.MaxSDP, c.MaxMetadata, c.MaxCandidates, c.Outbox = l.MaxSDP, l.MaxMetadata, l.MaxCandidates, l.Outbox
	c.MaxMemory = l.MaxMemory
	if limit := memoryLimit(os.DirFS("/")); l.MaxMemory == 0 && limit > 0 {
		c.MaxMemory = int(limit / 3) // live memory takes twice its size, and TURN is in the process too
	}
	c.MaxMessage, c.Rate, c.Burst, c.Bytes = l.MaxMessage, l.Rate, l.Burst, l.Bytes
}
