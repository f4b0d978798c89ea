package signaling

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// Rules are what a roster holds beside its members. They are a value that is
// never written to; nil are the rules of a new room. Bans and uses of links
// outlive the last member, until they end; all the rest goes with it.
type Rules struct {
	Locked     bool
	Lobby      bool
	Password   string // see passwordHash; "": none
	Capacity   int    // 0: as the server allows
	Candidates wire.Policy
	Bans       []Ban
	Links      []LinkUse
	Source     string // the address of the host who banned last, or, without bans, of who came last by a link that is counted; "": code, or not known
}

// A Ban keeps a peer, or all peers of a user, out of a room.
type Ban struct {
	Peer, User string // one of them
	Until      int64  // ms of the wall clock
	Firm       bool   // keeps those out as well whose token says that they are hosts
}

// A LinkUse counts who came by a link that not everybody may use.
type LinkUse struct {
	ID    string
	Uses  int
	Until int64 // ms of the wall clock: as the link
}

// maxBans and maxLinkUses bound what a room keeps. Of too many bans the one that
// ends first is lifted; a link that can't be counted lets nobody in.
const (
	maxBans     = 256
	maxLinkUses = 256
)

// or returns r, or what nil stands for.
func (r *Rules) or() Rules {
	if r == nil {
		return Rules{}
	}
	return *r
}

// told is r as members are told of it; nil: there is nothing to tell.
func (r *Rules) told() *wire.Rules {
	if r == nil {
		return nil
	}
	t := wire.Rules{Locked: r.Locked, Lobby: r.Lobby, Password: r.Password != "", Capacity: r.Capacity, Candidates: r.Candidates}
	if t == (wire.Rules{}) {
		return nil
	}
	return &t
}

// rulesLocked notes that the rules are others, and tells all members.
func (r *room) rulesLocked(e *Event, st *Step, fx *effects) {
	r.rules = st.Rules
	rules := r.rules.told()
	if rules == nil {
		rules = &wire.Rules{}
	}
	r.toOthersLocked("", &wire.Message{Type: wire.TypeRules, Room: r.name, From: e.Change.Host, Rules: rules}, fx)
}

// lasting is what is left of r when nobody is in the room any more.
func (r *Rules) lasting(now time.Time) *Rules {
	if r == nil {
		return nil
	}
	ms := now.UnixMilli()
	left := Rules{
		Source: r.Source,
		Bans:   slices.DeleteFunc(slices.Clone(r.Bans), func(b Ban) bool { return b.Until <= ms }),
		Links:  slices.DeleteFunc(slices.Clone(r.Links), func(l LinkUse) bool { return l.Until <= ms }),
	}
	if len(left.Bans) == 0 && len(left.Links) == 0 {
		return nil
	}
	return &left
}

// cost is the memory that r takes.
func (r *Rules) cost() int {
	if r == nil {
		return 0
	}
	n := 192 // itself, with the hash of a password
	for _, b := range r.Bans {
		n += 64 + len(b.Peer) + len(b.User)
	}
	for _, l := range r.Links {
		n += 48 + len(l.ID)
	}
	return n
}

// until is when nothing of what lasts is left, ms of the wall clock.
func (r *Rules) until() (last int64) {
	for _, b := range r.Bans {
		last = max(last, b.Until)
	}
	for _, l := range r.Links {
		last = max(last, l.Until)
	}
	return last
}

// banned reports whether m may not come in. A host by its token is kept out by
// those only who may take it out.
func (r *Rules) banned(m *Member, now time.Time) bool {
	ms := now.UnixMilli()
	return r != nil && slices.ContainsFunc(r.Bans, func(b Ban) bool {
		return b.Until > ms && (b.Firm || m.Granted != roleHost) && (b.Peer != "" && b.Peer == m.ID || b.User != "" && b.User == m.User)
	})
}

// ban returns r with b, or, if that has no end, without it.
func (r *Rules) ban(b Ban, source string, now time.Time) *Rules {
	after, ms := r.or(), now.UnixMilli()
	after.Bans = slices.DeleteFunc(slices.Clone(after.Bans), func(o Ban) bool {
		return o.Until <= ms || o.Peer == b.Peer && o.User == b.User
	})
	if b.Until > ms {
		after.Bans, after.Source = append(after.Bans, b), source
	}
	if len(after.Bans) > maxBans {
		first := slices.MinFunc(after.Bans, func(a, b Ban) int { return int(min(max(a.Until-b.Until, -1), 1)) })
		after.Bans = slices.DeleteFunc(after.Bans, func(b Ban) bool { return b == first })
	}
	return &after
}

// use returns r with one use more of a link, or why it may not be used.
func (r *Rules) use(p *LinkPass, source string, now time.Time) (*Rules, wire.Code) {
	ms := now.UnixMilli()
	if p.Until <= ms {
		return r, wire.CodeLinkExpired
	}
	if p.Uses == 0 {
		return r, ""
	}
	after := r.or()
	after.Links = slices.DeleteFunc(slices.Clone(after.Links), func(l LinkUse) bool { return l.Until <= ms })
	i := slices.IndexFunc(after.Links, func(l LinkUse) bool { return l.ID == p.ID })
	switch {
	case i < 0 && len(after.Links) >= maxLinkUses:
		return r, wire.CodeLinkUsed
	case i < 0:
		after.Links = append(after.Links, LinkUse{ID: p.ID, Uses: 1, Until: p.Until})
	case after.Links[i].Uses >= p.Uses:
		return r, wire.CodeLinkUsed
	default:
		after.Links[i].Uses++
	}
	if len(after.Bans) == 0 {
		after.Source = source
	}
	return &after, ""
}

// update returns r with what a host has changed.
func (r *Rules) update(u *wire.RulesUpdate) *Rules {
	after := r.or()
	set(&after.Locked, u.Locked)
	set(&after.Lobby, u.Lobby)
	set(&after.Password, u.Password)
	set(&after.Capacity, u.Capacity)
	set(&after.Candidates, u.Candidates)
	return &after
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// admits judges a password.
func (r *Rules) admits(hashes []string) wire.Code {
	switch {
	case r.Password == "":
		return ""
	case hashes == nil:
		return wire.CodePasswordRequired
	}
	for _, h := range hashes {
		if hmac.Equal([]byte(h), []byte(r.Password)) {
			return ""
		}
	}
	return wire.CodeWrongPassword
}

// passwordHash is what a roster keeps of a password. The key is its salt and
// more: who reads rosters, as in a Redis that many share, can't try passwords
// against it. It differs from room to room.
func passwordHash(key []byte, app, room, password string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("signal password\x00" + app + "\x00" + room + "\x00" + password))
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

// passwordHashes are the hashes of what somebody gave, under each key that may
// have made the one of the room.
func (s *Server) passwordHashes(app, room, password string) (hashes []string) {
	if password == "" {
		return nil
	}
	for _, key := range s.cfg.ResumeKeys {
		hashes = append(hashes, passwordHash(key, app, room, password))
	}
	return hashes
}
