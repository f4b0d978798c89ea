package signaling

import (
	"cmp"
	"context"
	"crypto/hmac"
	"errors"
	"slices"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// errElsewhere says that a session is no longer, or not yet, here.
var errElsewhere = errors.New("signaling: the session is on its way between nodes")

// maxAsked is how often a hello follows a session that other hellos move at
// the same time.
const maxAsked = 4

// resume gives the link the session that its client had, from wherever it is.
// Where it may not wait, only a session of this node can be had.
func (l *Link) resume(ctx context.Context, h *wire.Hello, mayWait bool, fx *effects) error {
	srv := l.srv
	tok, err := parseToken(h.Resume.Token, srv.cfg.ResumeKeys)
	if err != nil || tok.app != l.app {
		return wire.Refuse(wire.CodeSessionGone, "the resume token is not one of this app")
	}
	srv.seeRank(tok.rank)
	ask := asking{link: l, tok: tok, resume: h.Resume}
	if err := l.renew(ctx, h, &ask); err != nil {
		return err
	}
	ask.ice = srv.iceServers(tok.peer, cmp.Or(ask.identity, tok.id))
	for range maxAsked {
		s := srv.session(tok.peer)
		switch {
		case s != nil && s.here():
			err = s.takeOver(&ask, fx)
		case !mayWait:
			err = errElsewhere
		default:
			err = l.fetch(ctx, &ask, fx)
		}
		if !errors.Is(err, errElsewhere) || !mayWait {
			break
		}
	}
	if errors.Is(err, errElsewhere) {
		return wire.Refuse(wire.CodeUnavailable, "the session is being resumed elsewhere at the same time")
	}
	return err
}

// asking is a hello that resumes.
type asking struct {
	link     *Link
	tok      *resumeToken
	resume   *wire.Resume
	identity *Identity   // by the token that came along; nil: there was none that is good
	refused  *wire.Error // then: what a client is told whose identity has expired
	ice      wire.ICE
}

// outdated reports whether the hello says nobody who may come in by now. The
// node that has the session may know a newer identity, but without it there is none.
func (a *asking) outdated() bool {
	return a.identity == nil && a.tok.id.expired(a.link.srv.cfg.Now())
}

// here reports whether the session lives on this node and can be taken over.
func (s *session) here() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == living && s.moving == nil && s.arriving == nil
}

// takeOver gives a session of this node a new link.
func (s *session) takeOver(a *asking, fx *effects) error {
	s.recv.Lock()
	defer s.recv.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != living || s.moving != nil || s.arriving != nil {
		return errElsewhere
	}
	if a.identity == nil && s.identity.expired(s.srv.cfg.Now()) {
		return a.refused
	}
	again := s.rebornUnheardLocked()
	if code := s.judgeLocked(a.tok.epoch, a.resume.Nonce, a.link.began, fx); code != "" {
		return wire.Refuse(code, "%s", whyNot[code])
	}
	if a.identity != nil {
		s.adoptLocked(a.identity, fx)
	}
	return s.goOnLocked(a, again, fx)
}

// whyNot is what a client is told whose resume is refused.
var whyNot = map[wire.Code]string{
	wire.CodeReplaced:    "a connection that was opened after this one has the session",
	wire.CodeSessionGone: "the session has ended, or the resume token is an old one",
	wire.CodeUnavailable: "the session is being resumed elsewhere at the same time",
}

// judgeLocked decides whether a token may resume, by a link that began then:
// the newest may, and the one before only as the repeat of the hello whose
// welcome was lost. Anybody else has an old token, so that two have had it: the
// session ends for both.
//
// But a hello on a link that is older than the session's was held up on the
// way: its client has given it up, and has a newer link. It would take that
// one's place, and the client would take itself for replaced, or its token
// would be taken for stolen.
func (s *session) judgeLocked(epoch uint64, nonce string, began time.Duration, fx *effects) wire.Code {
	switch {
	case began < s.linkBegan:
		return wire.CodeReplaced
	case epoch == s.epoch:
		s.epoch++
		s.nonce = nonce
	case epoch+1 == s.epoch && s.heard != uint32(s.epoch) && hmac.Equal([]byte(nonce), []byte(s.nonce)):
	default:
		fx.log(s, "old resume token", "epoch", epoch, "want", s.epoch)
		s.endSessionLocked(wire.ReasonLeft, wire.CodeSessionGone, fx)
		return wire.CodeSessionGone
	}
	return ""
}

// rebornUnheardLocked reports whether the newest welcome said resumed:false and
// may be lost, so that it has to be said again.
func (s *session) rebornUnheardLocked() bool { return s.reborn && s.heard != uint32(s.epoch) }

// goOnLocked welcomes the client back, with its history if that is there.
func (s *session) goOnLocked(a *asking, reborn bool, fx *effects) error {
	seq := a.resume.Seq
	switch {
	case s.lost || reborn || seq < s.out.acked:
		reborn = true
	case seq > s.out.last():
		return wire.Refuse(wire.CodeBadMessage, "hello: resume.seq is %d, and only %d were sent", seq, s.out.last())
	}
	if reborn {
		s.resetLocked()
		seq = 0
	}
	s.reborn = reborn
	if s.attachLocked(a.link, seq, !reborn, a.ice, fx) {
		if reborn {
			s.srv.stats.reborn.Add(1)
		} else {
			s.srv.stats.resumed.Add(1)
		}
	}
	return nil
}

// resetLocked gives the history up: numbers begin again at 1, and rooms are
// left, for others as if the link were lost, until the client joins again.
func (s *session) resetLocked() {
	s.generation++ // what older links still have to take is of the old numbers
	s.out = outbox{}
	s.weighLocked()
	s.done, s.doneTold, s.unread = 0, 0, 0
	s.lost = false
	s.pending.Store(0)
	s.answer = answer{}
	rooms := s.rooms
	s.rooms = nil
	for _, m := range rooms {
		if isUser(m.room.name) {
			m.resetUserLocked()
			continue
		}
		m.stale = true
		if !s.away {
			m.change(ChangeAway, "")
		}
		s.stale = append(s.stale, m)
	}
	s.away = false
	if len(s.stale) > 0 {
		s.staleAt = s.srv.now() + s.srv.cfg.ResumeWindow
		s.armLocked(s.staleAt)
	}
}

// handLimit is how long a node that has a session may take to hand it over.
const handLimit = time.Second

// arriving is a session that this node has asked another for. What comes for
// it meanwhile is gathered in its outbox.
type arriving struct {
	req     uint64
	late    []*Event      // for when it has arrived
	gathers bool          // from here on, what is for all sessions
	hand    chan *Hand    // one
	done    chan struct{} // closed when it has arrived, or will not
}

// fetch gets a session that is not on this node: from its owner, or, if that
// is gone, from the token alone.
func (l *Link) fetch(ctx context.Context, a *asking, fx *effects) error {
	s, mine := l.srv.expect(a.tok)
	if !mine {
		return s.wait(ctx)
	}
	// Not for this link alone: the client may try again on another before the
	// session is here.
	err := s.arrive(context.WithoutCancel(ctx), a, fx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.arriving != nil { // it never came
		s.state = ended
		s.weighLocked()
		for _, m := range s.rooms {
			m.change(ChangeLeave, wire.ReasonLeft)
		}
		l.srv.remove(s)
	}
	if s.arriving != nil {
		close(s.arriving.done)
		s.arriving = nil
	}
	return err
}

// expect makes the session that tok asks for, to be filled; or returns the one
// that this node has, with false.
func (s *Server) expect(tok *resumeToken) (ss *session, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ss = s.sessions[tok.peer]; ss != nil && !ss.movedOn.Load() {
		return ss, false
	}
	ss = &session{
		srv: s, app: s.apps[tok.app], peer: tok.peer, user: tok.id.User, identity: tok.id, rank: tok.rank, start: tok.start,
		arriving: &arriving{req: s.requests.Add(1), hand: make(chan *Hand, 1), done: make(chan struct{})},
	}
	s.sessions[tok.peer] = ss
	return ss, true
}

// wait waits until the session has arrived, for another link.
func (s *session) wait(ctx context.Context) error {
	s.mu.Lock()
	a := s.arriving
	s.mu.Unlock()
	if a == nil {
		return errElsewhere
	}
	select {
	case <-a.done:
		return errElsewhere
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// arrive claims the session, and asks its owner for the history. Where there is
// none, the claim is repeated with force: the owner is dead and nobody knows yet,
// it hangs, or it has handed the session to a node that died before the
// directory knew. A claim uses the token up, so that there is none for a hello that is
// outdated.
func (s *session) arrive(ctx context.Context, a *asking, fx *effects) error {
	owner, named, force, look := "", "", "", a.outdated()
	for range maxAsked {
		if owner == "" {
			var err error
			owner, err = s.srv.node.Claim(ctx, Claim{
				Peer: s.peer, Epoch: a.tok.epoch, Age: s.srv.now() - a.link.began, Force: force, Look: look,
			})
			if err != nil {
				return err
			}
			named = owner
		}
		switch {
		case owner == "" && look:
			return a.refused
		case owner == "":
			return s.claimed(a, fx)
		}
		h, err := s.ask(ctx, owner, a)
		switch {
		case err != nil:
			return err
		case (h == nil || h.Gone) && look:
			return a.refused
		case h == nil || h.Gone:
			owner, force = "", named
		case h.Code == wire.CodeUnauthenticated:
			return a.refused
		case h.Code != "":
			return wire.Refuse(h.Code, "%s", whyNot[h.Code])
		case h.Node != "":
			owner = h.Node
		default:
			return s.arrived(a, h, fx)
		}
	}
	return errElsewhere
}

// ask asks a node for the session; nil: no answer in time.
func (s *session) ask(ctx context.Context, owner string, a *asking) (*Hand, error) {
	me := s.srv.node.Name()
	s.srv.node.SendAll([]string{owner, me}, &Event{Kind: EventTake, Node: me, Take: &Take{
		Peer: s.peer, Req: s.arriving.req, Epoch: a.tok.epoch, Nonce: a.resume.Nonce,
		Age: s.srv.now() - a.link.began, Fresh: a.identity != nil,
	}})
	limit := time.NewTimer(handLimit)
	defer limit.Stop()
	select {
	case h := <-s.arriving.hand:
		return h, nil
	case <-limit.C:
		return nil, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// claimed goes on with what the token alone says: the history went with the
// node that had it.
func (s *session) claimed(a *asking, fx *effects) error {
	if s.srv.cfg.Now().UnixMilli()-s.start > maxTokenAge.Milliseconds() {
		s.srv.node.Forget(s.peer)
		return wire.Refuse(wire.CodeSessionGone, "the session began more than a day ago")
	}
	return s.arrived(a, &Hand{Epoch: a.tok.epoch + 1, Nonce: a.resume.Nonce, Lost: true}, fx)
}

// arrived fills the session with what its owner handed over, and goes on as if
// it had been here.
func (s *session) arrived(a *asking, h *Hand, fx *effects) error {
	s.recv.Lock()
	defer s.recv.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != living { // another hello with its connect token
		s.srv.node.Forget(s.peer)
		return s.expelledLocked()
	}
	gathered := s.out.bodies()
	s.out = outbox{acked: h.Acked}
	s.epoch, s.nonce, s.done, s.lost = h.Epoch, h.Nonce, h.Done, h.Lost || s.lost
	s.away = h.Away
	if h.Identity != nil {
		s.identity = h.Identity
	}
	s.pace.add(h.Pace, s.srv.now())
	s.joins = bucket(s.srv.now() + h.Joins)
	if h.Tries > 0 {
		s.doorsLocked().tries = bucket(s.srv.now() + h.Tries)
	}
	for _, b := range withoutRepeats(h.Frames, gathered) {
		s.out.put(b, sizeOf(b.Message))
	}
	s.weighLocked()
	s.srv.recount(s, a.link.src)
	if a.identity != nil {
		s.adoptLocked(a.identity, fx)
	}
	if h.Step != 0 {
		s.peerLocked().askedAt, s.answer = h.StepAt, answer{re: h.Re}
		s.pending.Store(h.Step)
	}
	if len(h.Askers) > 0 {
		p := s.peerLocked()
		p.askers = append(p.askers, h.Askers...)
	}
	for _, e := range s.arriving.late {
		s.srv.node.Send(s.srv.node.Name(), e)
	}
	close(s.arriving.done)
	s.arriving = nil
	s.lostAt = s.srv.now()
	s.armLocked(s.lostAt + min(s.srv.cfg.AwayAfter, s.srv.cfg.ResumeWindow))
	// It is here even if the link that asked has ended meanwhile, or is refused.
	s.srv.node.Register(s.peer, s.epoch, s.lostAt-a.link.began)
	return s.goOnLocked(a, false, fx)
}

// withoutRepeats appends what this node has gathered to what came from the other one.
func withoutRepeats(frames, gathered []*Body) []*Body {
	marks := make(map[uint64]bool)
	for _, b := range frames {
		marks[b.Mark] = b.Mark != 0
	}
	return append(frames, slices.DeleteFunc(gathered, func(b *Body) bool { return marks[b.Mark] })...)
}
