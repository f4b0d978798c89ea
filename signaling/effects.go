package signaling

import (
	"context"
	"log/slog"

	"github.com/seed-3a7b6cbd/signal/signaling/wire"
)

// effects are the calls to connections that a step has earned. They are made
// behind it, without locks.
type effects struct {
	first  *Link // the usual one: without an allocation
	wakes  []*Link
	closes []closing
	logs   []logLine
	ended  []*session
	runs   []func() // user code, each on a goroutine of its own
}

type logLine struct {
	srv   *Server
	level slog.Level
	msg   string
	args  []any
}

// log writes a line at level info, later: a log that blocks must hold nothing up but
// its own step.
func (fx *effects) log(s *session, msg string, args ...any) {
	if s.srv.logs(slog.LevelInfo) {
		fx.logs = append(fx.logs, logLine{s.srv, slog.LevelInfo, msg, append([]any{"peer", s.peer, "app", s.app.name}, args...)})
	}
}

func (s *Server) logs(level slog.Level) bool {
	return s.cfg.Logger.Enabled(context.Background(), level)
}

// unknownStep writes a line about what a node of a newer version has done to a
// room, and this one cannot tell its members.
func (fx *effects) unknownStep(r *room, st *Step) {
	srv := r.app.srv
	fx.logs = append(fx.logs, logLine{srv, slog.LevelError, "step of a room not understood", []any{"app", r.app.name, "step", st.Kind}})
}

// message writes a line at level debug for each frame that comes in, before
// anything is done with it:
//
//	msg=message type=offer room=standup from=… to=… pc=1 gen=1 n=3 id=12 bytes=2310
//
// What is empty or 0 is left out. Of a frame that is bad nothing is told but
// its type and why: what stands where a room should may be a secret.
func (fx *effects) message(l *Link, f *frame) {
	if !l.srv.logs(slog.LevelDebug) {
		return
	}
	line := logLine{l.srv, slog.LevelDebug, "message", make([]any, 0, 20)}
	m := f.m
	line.text("type", string(m.Type[:min(len(m.Type), 40)]))
	if f.bad == nil {
		line.text("room", m.Room)
		line.text("from", l.peer())
		line.text("to", m.To)
		line.number("pc", m.PC)
		line.number("gen", m.Gen)
		line.number("n", m.N)
	} else {
		line.text("from", l.peer())
		line.text("bad", string(f.bad.Code))
	}
	line.number("id", m.ID)
	line.number("bytes", uint64(f.size))
	fx.logs = append(fx.logs, line)
}

// refused counts what was refused, and writes a line at level debug: without
// the text, which may repeat what the client sent. re is the id of the frame.
func (fx *effects) refused(srv *Server, peer string, code wire.Code, re uint64) {
	srv.stats.refused.Add(1)
	if srv.logs(slog.LevelDebug) {
		line := logLine{srv, slog.LevelDebug, "refused", []any{"code", code}}
		line.text("from", peer)
		line.number("id", re)
		fx.logs = append(fx.logs, line)
	}
}

func (line *logLine) text(name, value string) {
	if value != "" {
		line.args = append(line.args, name, value)
	}
}

func (line *logLine) number(name string, value uint64) {
	if value != 0 {
		line.args = append(line.args, name, value)
	}
}

func (s *Server) callEnded(peer string) {
	defer s.recovered("Ended", nil)
	s.cfg.Ended(peer)
}

type closing struct {
	link *Link
	code wire.Code
}

func (fx *effects) wake(l *Link) {
	if fx.first == nil {
		fx.first = l
		return
	}
	fx.wakes = append(fx.wakes, l)
}

func (fx *effects) flush() {
	if fx.first != nil {
		fx.first.conn.Wake()
	}
	for _, l := range fx.wakes {
		l.conn.Wake()
	}
	for _, c := range fx.closes {
		c.link.conn.Close(c.code)
	}
	for _, run := range fx.runs {
		go run()
	}
	for _, s := range fx.ended {
		s.srv.forgetEmpty(s.app)
		if s.srv.cfg.Ended != nil {
			s.srv.hands.run(func() { s.srv.callEnded(s.peer) }) // user code, never inside Receive
		}
	}
	for _, line := range fx.logs {
		line.srv.cfg.Logger.Log(context.Background(), line.level, line.msg, line.args...)
	}
	*fx = effects{}
}
