package signaling

import (
	"cmp"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// handleEvent handles one entry of the node's inbox.
func (s *Server) handleEvent(e *Event) {
	var fx effects
	switch e.Kind {
	case EventChange:
		s.handleChange(e, &fx)
	case EventRefused:
		s.handleRefused(e, &fx)
	case EventSignal:
		s.handleSignal(e, &fx)
	case EventTake:
		s.handleTake(e, &fx)
	case EventHand:
		s.handleHand(e.Hand)
	case EventDown:
		s.handleDown(e.Node, &fx)
	case EventExpire:
		s.handleExpire(e)
	case EventFinish:
		s.handleFinish(e, &fx)
	case EventTell:
		s.handleTell(e, &fx)
	case EventStop:
		s.running.stop(e.Finish.Req)
	case EventGone:
		s.questions.gone(e.From)
	case EventReport:
		s.handleReport(e)
	case EventReply:
		s.handleReplied(e)
	case EventFlush:
		s.handleFlush(e, &fx)
	}
	fx.flush()
}

// handleRefused answers a request that the cluster did not do.
func (s *Server) handleRefused(e *Event, fx *effects) {
	if isUser(e.Room) && e.Change.Kind != ChangeMove {
		s.refusedByUser(e, fx)
		return
	}
	ss := s.session(peerOf(cmp.Or(e.Change.Host, e.Change.Member.ID)))
	if ss == nil {
		return
	}
	if e.Change.Kind == ChangeMove {
		ss.mu.Lock()
		ss.movedLocked(nil, fx)
		ss.mu.Unlock()
		return
	}
	if e.Change.Kind == ChangeJoin && ss.takeForced(e.Change.Req) {
		ss.notForced(e, fx)
		return
	}
	switch e.Code {
	case wire.CodeRoomFull:
		s.exceeded(LimitPeers)
	case wire.CodeLobbyFull:
		s.exceeded(LimitKnockers)
	case wire.CodeWrongPassword:
		ss.chargeTry()
	}
	err := wire.Refuse(e.Code, whyRefused(e.Code), e.Room)
	ss.settle(e.Change.Req, func(a answer) *Body {
		fx.refused(s, ss.peer, e.Code, a.re)
		return errorBody(err, a.re)
	}, fx)
	ss.kick()
}

// whyRefused is what a client is told, with the name of the room.
func whyRefused(code wire.Code) string {
	switch code {
	case wire.CodeRoomFull:
		return "room %q is full"
	case wire.CodeLobbyFull:
		return "too many wait for room %q"
	case wire.CodeRoomLocked:
		return "room %q is locked"
	case wire.CodePasswordRequired:
		return "room %q has a password: give it with join"
	case wire.CodeWrongPassword:
		return "this is not the password of room %q"
	case wire.CodeBanned:
		return "you were taken out of room %q, and may not come back yet"
	case wire.CodeDuplicateIdentity:
		return "you are in room %q already, on another connection"
	case wire.CodeLinkExpired:
		return "this link to room %q has expired"
	case wire.CodeLinkUsed:
		return "this link to room %q was used as often as it may be"
	case wire.CodeForbidden:
		return "that is not for you to do in room %q: ask a host, or one whose token says so"
	case wire.CodeNoSuchPeer:
		return "no such peer is in room %q, or waits for it"
	}
	return "you are not in room %q"
}

// handleDown lets the members that were on a node which is gone wait for the
// resume window, as if they had lost their links.
func (s *Server) handleDown(node string, fx *effects) {
	s.cfg.Logger.Warn("node down", "node", node)
	s.eachRoom(func(r *room) { r.flushDownLocked(node, fx) })
	s.giveUpOn(node, fx)
	s.running.stopAll(func(p *Peer) bool { return p.movedTo(node) })
	s.changeAllOf(node, ChangeAway, "")
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing && s.downs[node] == nil {
		s.downs[node] = time.AfterFunc(s.cfg.ResumeWindow, func() { s.nobodyCame(node) })
	}
}

// nobodyCame takes out the members of a node that is gone who have not come back
// within the resume window.
func (s *Server) nobodyCame(node string) {
	s.mu.Lock()
	delete(s.downs, node)
	s.mu.Unlock()
	s.changeAllOf(node, ChangeLeave, wire.ReasonTimeout)
}

// changeAllOf changes every entry that is on a node, as this node knows it. Other
// nodes do the same; the first is in time, and the rest has no effect.
func (s *Server) changeAllOf(node string, kind ChangeKind, reason wire.Reason) {
	s.eachRoom(func(r *room) {
		for _, m := range r.members {
			switch {
			case m.Node != node:
			case m.tellsAway():
				m.change(kind, reason)
			default:
				m.change(ChangeLeave, wire.ReasonGone)
			}
		}
	})
}

// eachRoom calls f for every room, under its lock.
func (s *Server) eachRoom(f func(*room)) {
	s.mu.Lock()
	apps := make([]*App, 0, len(s.apps))
	for _, a := range s.apps {
		apps = append(apps, a)
	}
	s.mu.Unlock()
	for _, a := range apps {
		a.mu.Lock()
		rooms := make([]*room, 0, len(a.rooms))
		for _, r := range a.rooms {
			rooms = append(rooms, r)
		}
		a.mu.Unlock()
		for _, r := range rooms {
			r.mu.Lock()
			f(r)
			r.mu.Unlock()
		}
	}
}
