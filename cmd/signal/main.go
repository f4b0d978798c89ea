// Command signal runs a signaling server for WebRTC calls, with a TURN server
// and a call page in it. "signal --help" is its manual.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitFailed = 1 // it did not work
	exitUsage  = 2 // a setting is wrong: nothing was done
)

// A usageError is a setting that cannot be: one line with its name, its value
// and what to do.
type usageError struct{ error }

func badSetting(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// commands are what the first argument can be.
type commands struct {
	Serve   Config     `cmd:"" help:"Run the server."`
	Token   tokenCmd   `cmd:"" help:"Make a token that lets somebody in."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// environment is what a command works in.
type environment struct {
	ctx    context.Context // ends when the command shall stop
	stdout io.Writer       // for results
	stderr io.Writer       // for logs and errors
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(&environment{ctx, os.Stdout, os.Stderr}, os.Args[1:]))
}

// run does what args say and returns the exit code.
func run(env *environment, args []string) int {
	helped := false
	file := &fileResolver{}
	parser := kong.Must(&commands{},
		kong.Name("signal"),
		kong.Description("Signaling for WebRTC calls: rooms over WebSocket, a TURN server, and a call page, in one binary."),
		kong.DefaultEnvars("SIGNAL"),
		kong.Resolvers(file),
		kong.Vars{"stateDir": stateDirText, "listen": defaultListen},
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 100, NoExpandSubcommands: true}),
		kong.Exit(func(int) { helped = true }),
		kong.Writers(env.stdout, env.stderr),
	)
	command, err := parser.Parse(args)
	switch {
	case helped:
		return 0
	case file.err != nil:
		err = usageError{file.err}
	case err != nil:
		err = usageError{fmt.Errorf("%w; see signal --help", err)}
	default:
		err = command.Run(env)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(env.stderr, "signal:", err)
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}
