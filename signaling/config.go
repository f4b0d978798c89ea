package signaling

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Config configures a Server. The zero Config is a working single-node server
// that lets everybody in.
type Config struct {
	// Authenticate says who a client is, from what came with its hello. A
	// refusal is an *Error, which the client is told; any other error reaches it
	// as "internal". It may block: it runs on a goroutine of its own, and ctx
	// ends with the link that says hello, and after DeadAfter. It is asked again
	// for each token that a client sends later: in its session, or with a hello
	// that resumes. That has to be of the same user, and its Identity replaces
	// the old one. At Identity.Expires the link is closed with unauthenticated, and
	// the session waits to be resumed with a new token. Nil: everybody is
	// anonymous.
	Authenticate func(ctx context.Context, h Hello) (Identity, error)

	// ICEServers gives a peer its ICE servers: with welcome, when it asks, and
	// again before the TTL ends. It is called without locks and never inside
	// Receive, and should not block for long. Nil: none.
	ICEServers func(peer string, id Identity) wire.ICE

	// Ended is told of each session that has ended for good on this server, on a
	// goroutine of its own: what else was granted to that peer can be taken
	// back. It is not called for sessions that a Shutdown leaves to be resumed.
	// Nil: nobody is told.
	Ended func(peer string)

	// Push is asked to wake a user who is rung while no device is there, and is
	// told when what it was asked for is over. It runs on a goroutine of its own, and may
	// block until ctx ends, with the ringing. It reports whether somebody was told; it is
	// told of the end only then, and its result is not looked at. Nil: who has no
	// device is offline.
	Push func(ctx context.Context, p Push) (sent bool)

	// Woken says what a user may do whom a connect token of a Push lets in: name,
	// role, candidate policy and end are taken from it. The user is the token's,
	// and its only room the call's. Nil, or no end: it may stay for an hour, unless
	// it renews itself with a token. It may block and refuse as Authenticate may.
	Woken func(ctx context.Context, app, user string) (Identity, error)

	// Revoked is told of a peer that was taken out of a room, or has left its last
	// one: what was granted to it, such as a relay, is to end at once. Behind it
	// ICEServers is asked again, at once or when the peer joins a room. It runs on
	// a goroutine of its own. Nil: ICE servers outlast rooms.
	Revoked func(peer string)

	// Duplicates say how many peers of one user may be in a room, of the apps that
	// have no other rule by App.SetDuplicates. Zero: any number.
	Duplicates Duplicates

	// Cluster is what several Servers share. Nil: this one is alone.
	Cluster Cluster

	// ResumeKeys sign resume tokens and links: the first signs, all verify. They
	// go into the hashes of passwords too. Sessions outlive the process only with
	// keys that do. Nil: a random one.
	ResumeKeys [][]byte

	// Apps are the apps that exist besides "default" and those that were named
	// to Server.App.
	Apps []string

	// Candidates is which ICE candidates clients let each other have, enforced
	// by the server: it takes the others out of what they send, and all addresses
	// out of their SDP. An app (App.SetCandidates) or a token (Grants) can be
	// stricter. "": all, and the server does not look.
	Candidates wire.Policy

	// Relays is where relayed candidates can be: one elsewhere is taken out by
	// every Candidates but all. Nil: anywhere, so that a client that lies can show
	// an address of its own as relayed.
	Relays []netip.Prefix

	// ResumeWindow is how long a session outlives its link. Zero means 60 s;
	// negative means that sessions cannot be resumed.
	ResumeWindow time.Duration
	AwayAfter    time.Duration // how long a lost link is not told to others; zero means 1 s
	PingAfter    time.Duration // of having sent nothing; zero means 10 s
	DeadAfter    time.Duration // of having heard nothing; zero means 25 s
	HelloTimeout time.Duration // from Start to hello; zero means 5 s
	RingTime     time.Duration // for which a user is rung; zero means 45 s
	KnockTimeout time.Duration // that somebody waits in a lobby; zero means 5 minutes

	MaxMessage    int // bytes of a frame; zero means 64 KiB
	MaxSDP        int // bytes of data in offer and answer; zero means 32 KiB
	MaxMetadata   int // bytes of data in join and update; zero means 4 KiB
	MaxCandidates int // per receiver, room, pc and ufrag; zero means 100
	MaxPeers      int // members of a room; zero means 16, and there is no ceiling
	MaxKnockers   int // that wait in the lobby of a room; zero means 64
	MaxRooms      int // rooms of a session; zero means 32
	MaxWatched    int // users that a session watches; zero means 200
	MaxInvites    int // users that a session rings at the same time; zero means 8
	MaxLinks      int // links of this server; zero means any number

	// The limits of addresses and users keep what one of them can cost small; in
	// each of them negative means any number. Of IPv6 a whole /64 is one address. A
	// client whose LinkInfo.Remote is zero is not counted for any.
	MaxSessions     int // with and without a link; zero means 100,000
	MaxIPLinks      int // links of one address; zero means 256
	MaxIPSessions   int // sessions of one address, also those that wait to be resumed; zero means 512
	MaxUserSessions int // sessions of one user in an app, who is not anonymous; zero means 32
	MaxApps         int // apps that were made for patterns, at a time; zero means 1000
	MaxAppLinks     int // links of one app; zero means any number
	MaxAppSessions  int // sessions of one app; zero means any number
	IPRate          int // new links per second of one address; zero means 50
	IPBurst         int // new links at once; zero means 100
	JoinRate        int // joins per second of one session, of which a join that opens a room is 4; zero means 4
	JoinBurst       int // joins at once; zero means 128, for each of 32 rooms 4
	IPRoomRate      int // rooms per second that one address may open; zero means 20
	IPRoomBurst     int // rooms at once; zero means 512

	// MaxMemory bounds the bytes that all outboxes, queues, rosters, sessions and links of
	// this server take. From three quarters of it on nobody new is let in, and
	// Ready says so; beyond it, who has the most unread loses its history. Zero
	// means a third of GOMEMLIMIT, or 1 GiB without; negative means no bound.
	MaxMemory int

	// AuthDelay is how long the answer to a wrong token waits: what Authenticate
	// refused with unauthenticated or forbidden. It doubles with each from the
	// same address, up to 25 s, and begins anew after 30 minutes without. Right
	// tokens never wait. Zero means 100 ms; negative means no time.
	AuthDelay time.Duration

	Rate  int // frames per second of one session; zero means 50
	Burst int // frames at once; zero means 200
	Bytes int // bytes per second of one session, and four times that at once; zero means 256 KiB

	// Outbox is how many bytes of memory a client may leave unread: then its link is
	// closed, and at twice that, or as much that is not acknowledged, its history
	// is given up. A message takes twice its size and 800 bytes. Zero means 3 MiB,
	// which hold 1 MiB of data in messages of 1 KiB and more.
	Outbox int

	// Logger gets a line for each transition of a session and, at level debug,
	// for each message that comes in and each that is refused. SDP, tokens and
	// addresses are never in it. Nil: nothing is logged.
	Logger *slog.Logger

	// Now is the wall clock, for ranks and the age of tokens. Nil: time.Now.
	Now func() time.Time
}

// Hello is what Config.Authenticate judges.
type Hello struct {
	App    string
	Token  string         // of hello, else of the request; "": none
	Remote netip.AddrPort // as LinkInfo has it
	// Context is what the transport made of the request, as the user of a cookie
	// session: see ws.Config.Context. Nil: nothing.
	Context any
}

func (c Config) withDefaults() Config {
	if c.Cluster == nil {
		c.Cluster = NewMemoryCluster()
	}
	if len(c.ResumeKeys) == 0 {
		c.ResumeKeys = [][]byte{[]byte(rand.Text())}
	}
	c.ResumeKeys = slices.Clone(c.ResumeKeys)
	c.ResumeWindow = max(0, cmp.Or(c.ResumeWindow, 60*time.Second))
	c.AwayAfter = cmp.Or(c.AwayAfter, time.Second)
	c.PingAfter = cmp.Or(c.PingAfter, 10*time.Second)
	c.DeadAfter = cmp.Or(c.DeadAfter, 25*time.Second)
	c.KnockTimeout = cmp.Or(c.KnockTimeout, 5*time.Minute)
	c.HelloTimeout = cmp.Or(c.HelloTimeout, 5*time.Second)
	c.MaxMessage = cmp.Or(c.MaxMessage, 64<<10)
	c.MaxApps = cmp.Or(c.MaxApps, 1000)
	c.MaxSDP = cmp.Or(c.MaxSDP, 32<<10)
	c.MaxMetadata = cmp.Or(c.MaxMetadata, 4<<10)
	c.MaxCandidates = cmp.Or(c.MaxCandidates, 100)
	c.MaxPeers = cmp.Or(c.MaxPeers, 16)
	c.MaxKnockers = cmp.Or(c.MaxKnockers, 64)
	c.MaxRooms = cmp.Or(c.MaxRooms, 32)
	c.MaxSessions = cmp.Or(c.MaxSessions, 100_000)
	c.MaxIPLinks = cmp.Or(c.MaxIPLinks, 256)
	c.MaxIPSessions = cmp.Or(c.MaxIPSessions, 512)
	c.MaxUserSessions = cmp.Or(c.MaxUserSessions, 32)
	c.IPRate = cmp.Or(c.IPRate, 50)
	c.IPBurst = cmp.Or(c.IPBurst, 100)
	c.JoinRate = cmp.Or(c.JoinRate, 4)
	c.JoinBurst = cmp.Or(c.JoinBurst, 128)
	c.IPRoomRate = cmp.Or(c.IPRoomRate, 20)
	c.IPRoomBurst = cmp.Or(c.IPRoomBurst, 512)
	c.MaxMemory = cmp.Or(c.MaxMemory, defaultMemory())
	c.AuthDelay = max(0, cmp.Or(c.AuthDelay, 100*time.Millisecond))
	c.MaxWatched = cmp.Or(c.MaxWatched, 200)
	c.MaxInvites = cmp.Or(c.MaxInvites, 8)
	c.RingTime = cmp.Or(c.RingTime, 45*time.Second)
	c.Rate = cmp.Or(c.Rate, 50)
	c.Burst = cmp.Or(c.Burst, 200)
	c.Bytes = cmp.Or(c.Bytes, 256<<10)
	c.Outbox = cmp.Or(c.Outbox, 3<<20)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c *Config) limits() wire.Limits {
	return wire.Limits{
		Message: c.MaxMessage, SDP: c.MaxSDP, Metadata: c.MaxMetadata, Candidates: c.MaxCandidates,
		Peers: c.MaxPeers, Rooms: c.MaxRooms, Rate: c.Rate, Burst: c.Burst, Bytes: c.Bytes,
	}
}
