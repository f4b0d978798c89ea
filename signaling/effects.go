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
}

type logLine struct {
	srv  *Server
	msg  string
	args []any
}

// log writes a line at level info, later: a log that blocks must hold nothing up but
// its own step.
func (fx *effects) log(s *session, msg string, args ...any) {
	if s.srv.cfg.Logger.Enabled(context.Background(), slog.LevelInfo) {
		fx.logs = append(fx.logs, logLine{s.srv, msg, append([]any{"peer", s.peer, "app", s.app.name}, args...)})
	}
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
	for _, line := range fx.logs {
		line.srv.cfg.Logger.Info(line.msg, line.args...)
	}
	*fx = effects{}
}
