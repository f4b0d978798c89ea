package turn

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// loggerFactory hands pion's log lines to slog, all at debug level: pion speaks
// of every packet, names addresses and user names, and calls an error what any
// stranger can cause with one datagram.
type loggerFactory struct{ log *slog.Logger }

func (f loggerFactory) NewLogger(string) logging.LeveledLogger { return leveledLogger(f) }

type leveledLogger struct{ log *slog.Logger }

func (l leveledLogger) print(text string) { l.log.Debug("turn: pion", "text", text) }

func (l leveledLogger) printf(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.print(fmt.Sprintf(format, args...))
	}
}

func (l leveledLogger) Trace(text string)                 { l.print(text) }
func (l leveledLogger) Debug(text string)                 { l.print(text) }
func (l leveledLogger) Info(text string)                  { l.print(text) }
func (l leveledLogger) Warn(text string)                  { l.print(text) }
func (l leveledLogger) Error(text string)                 { l.print(text) }
func (l leveledLogger) Tracef(format string, args ...any) { l.printf(format, args...) }
func (l leveledLogger) Debugf(format string, args ...any) { l.printf(format, args...) }
func (l leveledLogger) Infof(format string, args ...any)  { l.printf(format, args...) }
func (l leveledLogger) Warnf(format string, args ...any)  { l.printf(format, args...) }
func (l leveledLogger) Errorf(format string, args ...any) { l.printf(format, args...) }
