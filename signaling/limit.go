package signaling

import "sync/atomic"

// A Limit names what was exceeded, in Stats.Limits. web/docs/limits.md has a row
// for each.
type Limit string

// The limits.
const (
	LimitLinks        Limit = "links"         // MaxLinks
	LimitAppLinks     Limit = "app_links"     // MaxAppLinks
	LimitIPLinks      Limit = "ip_links"      // MaxIPLinks
	LimitIPRate       Limit = "ip_rate"       // IPRate, IPBurst
	LimitSessions     Limit = "sessions"      // MaxSessions
	LimitAppSessions  Limit = "app_sessions"  // MaxAppSessions
	LimitIPSessions   Limit = "ip_sessions"   // MaxIPSessions
	LimitUserSessions Limit = "user_sessions" // MaxUserSessions
	LimitAuth         Limit = "auth"          // AuthDelay
	LimitHello        Limit = "hello"         // HelloTimeout
	LimitRate         Limit = "rate"          // Rate, Burst and Bytes
	LimitJoins        Limit = "joins"         // JoinRate, JoinBurst
	LimitIPRooms      Limit = "ip_rooms"      // IPRoomRate, IPRoomBurst
	LimitRooms        Limit = "rooms"         // MaxRooms
	LimitWatched      Limit = "watched"       // MaxWatched
	LimitInvites      Limit = "invites"       // MaxInvites
	LimitPeers        Limit = "peers"         // MaxPeers
	LimitMessage      Limit = "message"       // MaxMessage
	LimitSDP          Limit = "sdp"           // MaxSDP
	LimitMetadata     Limit = "metadata"      // MaxMetadata
	LimitCandidates   Limit = "candidates"    // MaxCandidates
	LimitOutbox       Limit = "outbox"        // Outbox: a link was closed
	LimitHistory      Limit = "history"       // Outbox: a history was given up
	LimitQueue        Limit = "queue"         // frames that wait for code of the application
	LimitApps         Limit = "apps"          // MaxApps
	LimitErrors       Limit = "errors"        // errors without seq that nobody read
	LimitKnockers     Limit = "knockers"      // MaxKnockers
	LimitPasswords    Limit = "passwords"     // wrong ones
	LimitMemory       Limit = "memory"        // MaxMemory
)

var allLimits = []Limit{
	LimitLinks, LimitAppLinks, LimitIPLinks, LimitIPRate, LimitSessions, LimitAppSessions, LimitIPSessions, LimitUserSessions,
	LimitAuth, LimitHello, LimitRate, LimitJoins, LimitIPRooms, LimitRooms, LimitPeers, LimitKnockers, LimitWatched, LimitInvites,
	LimitMessage, LimitSDP, LimitMetadata, LimitCandidates, LimitOutbox, LimitHistory, LimitQueue, LimitApps, LimitErrors,
	LimitPasswords, LimitMemory,
}

func newLimitCounters() map[Limit]*atomic.Uint64 {
	counters := make(map[Limit]*atomic.Uint64, len(allLimits))
	for _, l := range allLimits {
		counters[l] = new(atomic.Uint64)
	}
	return counters
}

// exceeded counts that l was.
func (s *Server) exceeded(l Limit) { s.limited[l].Add(1) }
