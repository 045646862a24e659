// Package cli is what the command-line programs of this repository have in
// common: a word that says what to do, a configuration file, and exit statuses.
// A whole program is:
//
//	type app struct{ *cli.Call }
//
//	var program = cli.Program[*app]{
//		Name:  "echoctl",
//		Usage: usage, // with a line for each command
//		New:   func(c *cli.Call) *app { return &app{c} },
//		Commands: map[string]cli.Command[*app]{
//			"say": func(ctx context.Context, a *app, args []string) error {
//				words, err := a.Flags(args, "WORD...", 1, -1, nil)
//				if err != nil {
//					return err
//				}
//				fmt.Fprintln(a.Stdout, words)
//				return nil
//			},
//		},
//	}
//
//	func main() { program.Main() }
//
// Exit status 1 is a command's error, each line of which is written with the
// program's name before it; 2 is a wrong call.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Exit statuses.
const (
	ExitOK    = 0
	ExitFail  = 1
	ExitUsage = 2
)

// ErrUsage ends a command that was called the wrong way, after it said how.
var ErrUsage = errors.New("wrong usage")

// Command is what a word does. It returns soon when ctx ends.
type Command[A any] func(ctx context.Context, a A, args []string) error

// Program describes a program whose commands get an A.
type Program[A any] struct {
	// Name is the program's. Its configuration is /etc/NAME.toml unless -config
	// says otherwise.
	Name string
	// Usage is what -help says.
	Usage string
	// New makes what commands get.
	New      func(*Call) A
	Commands map[string]Command[A]
}

// Call is one run of a command.
type Call struct {
	Program, Command string
	Config           string // path of the configuration
	Stdout, Stderr   io.Writer
}

// Main runs the program and exits. An interrupt or SIGTERM ends the context.
func (p Program[A]) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := p.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Run runs the program with the arguments after its name, and returns its exit
// status.
func (p Program[A]) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, p.Usage) }
	config := flags.String("config", "/etc/"+p.Name+".toml", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return ExitOK
	case err != nil:
		return ExitUsage
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return ExitUsage
	}
	name := flags.Arg(0)
	command, ok := p.Commands[name]
	switch {
	case !ok && name == "help":
		fmt.Fprint(stdout, p.Usage)
		return ExitOK
	case !ok:
		fmt.Fprintf(stderr, "%s: no command is called %q; see %s help\n", p.Name, name, p.Name)
		return ExitUsage
	}
	a := p.New(&Call{Program: p.Name, Command: name, Config: *config, Stdout: stdout, Stderr: stderr})
	err := command(ctx, a, flags.Args()[1:])
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return ExitOK
	case errors.Is(err, ErrUsage):
		return ExitUsage
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(stderr, "%s: %s\n", p.Name, line)
	}
	return ExitFail
}

// Flags parses a command's flags, which define adds unless it is nil, and returns
// the arguments that are left: at least least, and at most most unless that is
// negative. Its error is for the command to return.
func (c *Call) Flags(args []string, synopsis string, least, most int, define func(*flag.FlagSet)) ([]string, error) {
	fs := flag.NewFlagSet(c.Program+" "+c.Command, flag.ContinueOnError)
	fs.SetOutput(c.Stderr)
	fs.Usage = func() {
		fmt.Fprintf(c.Stderr, "usage: %s %s %s\n", c.Program, c.Command, synopsis)
		fs.PrintDefaults()
	}
	if define != nil {
		define(fs)
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, ErrUsage // the flag set has said what is wrong
	}
	if n := fs.NArg(); n < least || most >= 0 && n > most {
		fs.Usage()
		return nil, ErrUsage
	}
	return fs.Args(), nil
}

// IsCommand says whether the first of a daemon's arguments, but for -config, is a word:
// with one the daemon is a program of commands, and without one the daemon.
func IsCommand(args []string) bool {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch flag := strings.TrimPrefix(strings.TrimPrefix(args[0], "-"), "-"); {
		case flag == "config":
			args = args[min(2, len(args)):]
		case strings.HasPrefix(flag, "config="):
			args = args[1:]
		default:
			return false
		}
	}
	return len(args) > 0
}

// Log is for what goes wrong beside the command's error.
func (c *Call) Log() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
