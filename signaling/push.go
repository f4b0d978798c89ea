package signaling

import (
	"context"
	"encoding/json"
	"time"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// A PushKind says what Config.Push is told.
type PushKind string

// The kinds. All but the first come only after it, and only if somebody was told.
const (
	PushRing      PushKind = "ring"      // a user is rung, and no device is there
	PushAnswered  PushKind = "answered"  // accepted or declined, on a device that may be another one
	PushCancelled PushKind = "cancelled" // by the caller, or the caller is gone
	PushMissed    PushKind = "missed"    // it has rung long enough
)

// A Push is what a user should be told who is not connected.
type Push struct {
	Kind    PushKind
	App     string
	User    string // who is rung
	Invite  string // the invitation's id
	From    string // the caller's user; "": anonymous
	Name    string // the caller's, for people
	Data    json.RawMessage
	Expires time.Time // until when it rings

	// Token, with the kind ring, lets one client in as User, instead of a credential, if it comes
	// in time: into the call's room and no other. It is good for one client, which may
	// say hello again if it got no answer: see wire.Hello.Nonce.
	Token string
}

// pushing is a call of Config.Push for one invitation, and the one behind it that
// tells of its end.
type pushing struct {
	cancel context.CancelFunc
	done   chan struct{}
	sent   bool // when done
}

// pushLocked asks to wake the user that m rings.
func (m *member) pushLocked(fx *effects) {
	srv, p := m.room.app.srv, m.push(PushRing)
	p.Token = (&connectToken{
		expires: m.Call.Expires, caller: m.ID, app: p.App, user: p.User, room: m.Call.Room,
	}).sign(srv.cfg.ResumeKeys[0])
	ctx, cancel := context.WithTimeout(context.Background(), srv.cfg.RingTime)
	run := &pushing{cancel: cancel, done: make(chan struct{})}
	m.ring.push = run
	change := Change{Kind: ChangePushed, App: p.App, Room: m.room.name, Member: Member{ID: m.ID}}
	fx.runs = append(fx.runs, func() {
		defer close(run.done)
		defer cancel()
		if run.sent = srv.callPush(ctx, p); !run.sent {
			change.Kind, change.Reason = ChangeAnswer, wire.ReasonOffline
		}
		srv.node.Change(change)
	})
}

func (m *member) push(kind PushKind) Push {
	in := m.Call
	return Push{
		Kind: kind, App: m.room.app.name, User: m.room.name[1:], Invite: in.ID, From: m.User, Name: in.Name, Data: in.Data,
		Expires: time.UnixMilli(in.Expires),
	}
}

func (s *Server) callPush(ctx context.Context, p Push) (sent bool) {
	defer s.recovered("Push", nil)
	return s.cfg.Push(ctx, p)
}

// pushOverLocked tells of the end of an invitation, behind what was told of its
// beginning.
func (m *member) pushOverLocked(reason wire.Reason, fx *effects) {
	srv, first := m.room.app.srv, m.ring.push
	if srv.cfg.Push == nil || first == nil && !m.Call.Sent {
		return
	}
	kind := PushAnswered
	switch reason {
	case wire.ReasonTimeout:
		kind = PushMissed
	case wire.ReasonCancelled, wire.ReasonGone, wire.ReasonCrossed:
		kind = PushCancelled
	}
	p := m.push(kind)
	fx.runs = append(fx.runs, func() {
		if first != nil {
			first.cancel()
			<-first.done
			if !first.sent {
				return
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), srv.cfg.RingTime)
		defer cancel()
		srv.callPush(ctx, p)
	})
}
