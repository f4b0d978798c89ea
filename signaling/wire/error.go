package wire

import "fmt"

// Error is a refusal that the other side is told about.
type Error struct {
	Code Code   // stable, for programs
	Text string // for people
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Text }

// Refuse makes an Error with a formatted text.
func Refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}
