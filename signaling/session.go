package signaling

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A session is a peer as the server keeps it. It outlives its links.
//
// Locks are taken in the order recv, room.mu, session.mu, Link.mu, Server.mu.
type session struct {
	srv   *Server
	app   *App
	peer  string
	user  string
	rank  uint64
	start int64 // ms of the wall clock

	// recv is held while a frame of this session is taken in, by whatever link,
	// and while a link takes the session over: what an old link still brings
	// meets a session that is no longer its.
	recv sync.Mutex

	// pending is the Req of a step that everything behind it has to wait for; 0:
	// none.
	pending atomic.Uint64

	movedOn atomic.Bool // state is moved
	crowded atomic.Bool // so many calls of code wait that frames do

	src     *source // whose it counts for; guarded by Server.mu
	counted bool    // guarded by Server.mu

	mu         sync.Mutex    // guards the following
	generation uint32        // counts the links
	heard      uint32        // the newest epoch, but for its high bits, whose welcome has arrived: something was said behind it
	link       *Link         // nil while waiting to be resumed
	linkBegan  time.Duration // when the newest link did
	state      sessionState
	away       bool      // others were told
	lost       bool      // the history was given up
	reborn     bool      // the newest welcome said resumed: false
	entering   bool      // its device is on its way into the roster of its user
	unmet      bool      // hooks have not heard of it, and will not if it ends now
	identity   *Identity // its user never changes; what it points to never does
	epoch      uint64
	nonce      string // with which the token of epoch-1 was used
	done       uint64 // the highest id done
	doneTold   uint64
	out        outbox
	pace       pace
	joins      bucket
	unread     int       // bytes behind the link's cursor
	weighed    int32     // bytes of out that are counted for MaxMemory
	holding    int32     // of rooms, those with waits
	rooms      []*member // its entries of all kinds
	stale      []*member // of before a resumed:false, until joined again
	answer     answer    // of pending
	moving     *moving   // being handed over, or handed over
	arriving   *arriving // being handed over to this node
	self       *Peer     // as code meets it; nil: it has not
	doors      *doors    // nil: none of it was needed yet

	timer     *time.Timer
	timerAt   time.Duration // 0: not running
	lastHeard time.Duration
	lastSent  time.Duration
	lostAt    time.Duration // the end of the last link
	ackAt     time.Duration // when done must be told; 0: it has been
	iceAt     time.Duration // when new ICE servers are due; 0: never
	expiresAt time.Duration // when identity ends; 0: never
	staleAt   time.Duration // when stale rooms are left; 0: there are none
}

type sessionState uint8

const (
	living sessionState = iota
	ended
	moved // to moving.node
)

// answer is what the client gets when the pending step is done.
type answer struct {
	re     uint64
	joined bool  // a snapshot rather than ok
	left   int32 // watch, unwatch: changes that it waits for
}

// who is the session's identity by now.
func (s *session) who() *Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// address is where the client comes from, as those of sources; "": it is not known.
func (s *session) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link == nil || s.link.src == nil {
		return ""
	}
	return s.link.src.addr.String()
}

func (s *session) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == living
}

// put puts a frame into the outbox. It never blocks; who does not read loses
// the link, then the history.
func (s *session) put(b *Body, size int, fx *effects) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putLocked(b, size, fx)
}

func (s *session) putLocked(b *Body, size int, fx *effects) {
	if s.state != living || s.lost && s.link == nil {
		return
	}
	s.out.put(b, size)
	s.unread += size
	s.weighLocked()
	limit := s.srv.outboxLimit()
	if l := s.link; l != nil {
		l.mu.Lock()
		l.wakeLocked(fx)
		l.mu.Unlock()
		if s.unread >= limit {
			s.srv.stats.slow.Add(1)
			s.srv.exceeded(LimitOutbox)
			s.dropLinkLocked(l, wire.CodeSlowConsumer, fx)
		}
	}
	if !s.lost && s.out.bytes >= 2*limit {
		s.lost = true
		s.srv.exceeded(LimitHistory)
		if s.link == nil {
			s.out.clear()
		} else {
			s.out.ack(s.link.cursor) // what was not taken yet still can be
		}
		s.weighLocked()
		fx.log(s, "history given up")
	}
}

// take is Link.Take for a link that has a session.
func (s *session) take(l *Link, batch []Outgoing, limit int) ([]Outgoing, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	first := len(batch)
	batch = l.takeControlLocked(batch, limit)
	if l.generation == s.generation {
		batch = s.takeFlagsLocked(l, batch, first+limit)
		batch = s.takeFramesLocked(l, batch, first+limit)
		if l.flags&wantAck != 0 && s.done > s.doneTold && len(batch) == first && limit > 0 {
			batch = append(batch, Outgoing{Body: s.srv.ack}) // nothing else carries it
		}
		l.flags &^= wantAck
		if len(batch) > first {
			s.lastSent = s.srv.now()
			s.tellDoneLocked(&batch[first])
		}
	}
	s.srv.stats.taken.Add(uint64(len(batch) - first))
	l.woken = len(l.control) > 0 || l.generation == s.generation && (l.flags != 0 || s.leftLocked(l))
	return batch, l.woken
}

// leftLocked reports whether l may take another frame of the outbox.
func (s *session) leftLocked(l *Link) bool {
	end := s.out.last()
	if l.closed != "" {
		end = l.last
	}
	return l.cursor < end && l.cursor >= s.out.acked // else the history was given up
}

// tellDoneLocked lets a frame carry the highest id done, if that is new.
func (s *session) tellDoneLocked(o *Outgoing) {
	if s.done > s.doneTold {
		o.Ack = s.done
		s.doneTold, s.ackAt = s.done, 0
	}
}

func (s *session) takeFlagsLocked(l *Link, batch []Outgoing, limit int) []Outgoing {
	if l.flags&wantPong != 0 && len(batch) < limit {
		l.flags &^= wantPong
		batch = append(batch, Outgoing{Body: s.srv.pong})
	}
	if l.flags&wantPing != 0 && len(batch) < limit {
		l.flags &^= wantPing
		batch = append(batch, Outgoing{Body: s.srv.ping})
	}
	return batch
}

func (s *session) takeFramesLocked(l *Link, batch []Outgoing, limit int) []Outgoing {
	for len(batch) < limit && s.leftLocked(l) {
		l.cursor++
		f := s.out.at(l.cursor)
		s.unread -= int(f.size)
		batch = append(batch, Outgoing{Seq: l.cursor, Body: f.body})
	}
	if (s.lost || l.ackOnTake) && l.cursor > s.out.acked {
		s.out.ack(l.cursor)
		s.weighLocked()
	}
	return batch
}

// acked notes what the client has, and reports whether that can be.
func (s *session) acked(l *Link, ack uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != l {
		return true // judged when the frame is
	}
	if ack > l.cursor {
		return false
	}
	if ack > s.out.acked {
		s.out.ack(ack)
		s.weighLocked()
	}
	return true
}

// dropLinkLocked ends l, the session's link or an older one. The session waits
// to be resumed.
func (s *session) dropLinkLocked(l *Link, code wire.Code, fx *effects) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := s.out.last()
	if code == wire.CodeReplaced {
		last = l.cursor
	}
	open := l.endLocked(code, last, fx)
	if s.link != l {
		return open
	}
	s.link = nil
	s.lostAt = s.srv.now()
	s.ackAt = 0
	if s.state == living {
		s.armLocked(s.lostAt + s.srv.cfg.AwayAfter)
		if s.srv.cfg.ResumeWindow < s.srv.cfg.AwayAfter {
			s.armLocked(s.lostAt + s.srv.cfg.ResumeWindow)
		}
		fx.log(s, "link lost", "code", code)
	}
	return open
}

// leave ends the session, if l is its link.
func (s *session) leave(l *Link, fx *effects) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link == l {
		s.endSessionLocked(wire.ReasonLeft, wire.CodeBye, fx)
	}
}

func (s *session) endSession(reason wire.Reason, code wire.Code, fx *effects) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endSessionLocked(reason, code, fx)
}

// endSessionLocked ends the session for good: its link with code, and its
// membership everywhere with reason.
func (s *session) endSessionLocked(reason wire.Reason, code wire.Code, fx *effects) {
	if s.state != living {
		return
	}
	s.state = ended
	s.weighLocked()
	s.stopTimerLocked()
	if s.link != nil {
		s.dropLinkLocked(s.link, code, fx)
	}
	for _, list := range [][]*member{s.rooms, s.stale} {
		for _, m := range list {
			m.change(ChangeLeave, reason)
		}
	}
	s.stopCallLocked()
	s.tellAskersLocked()
	s.goneLocked(disconnectReason(reason, code))
	s.rooms, s.stale = nil, nil
	s.srv.node.Forget(s.peer) // before it is unknown here: it can't be claimed as one that was handed over
	s.srv.remove(s)
	s.srv.stats.ended.Add(1)
	fx.ended = append(fx.ended, s)
	fx.log(s, "session ended", "reason", reason, "code", code)
}

// stop stops the timer for good.
func (s *session) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = ended
	s.stopTimerLocked()
	if s.self != nil {
		s.self.cancel()
	}
}
