package sshd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// The exit statuses of commands.
const (
	statusOK     = 0
	statusFailed = 1 // or "grep" found nothing
	statusUsage  = 2
)

// Query is what "log" and "grep" ask for.
type Query struct {
	Since, Until time.Time      // zero means no bound
	Text         string         // is in the line
	Regexp       *regexp.Regexp // matches the line
	Limit        int            // the last lines of "log", the first of "grep". Zero means all
}

// maxPattern bounds an expression of "grep", in bytes.
const maxPattern = 1024

const help = `commands:
  attach [-force | -watch | -spy]     the console; -force takes it from whoever types
  list                                the consoles
  log [-since 1h] [-until T] [-n 100] what the console said
  grep [-E] [-since 1h] [-until T] [-n 100] TEXT
  power on|off|cycle|status
  help
times are durations before now, or like 2026-11-26T07:00:00Z
`

var errUsage = errors.New("sshd: usage: see help")

// exec runs a command of the small CLI.
func (s *session) exec(ctx context.Context, line string) uint32 {
	words, err := split(line)
	if err == nil && len(words) > 0 && words[0] == "attach" {
		var flags attachFlags
		if flags, err = parseAttach(words[1:]); err == nil {
			return s.attach(ctx, flags)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.group.Go(func() { s.discard(cancel) })
	begun := time.Now()
	out := newSafeWriter(s.ch, s.pty)
	if err == nil {
		err = s.command(ctx, words, out)
	}
	e := s.c.entry(AuditExec, line, err)
	e.Out, e.Duration = out.written, time.Since(begun)
	s.c.s.audit(e)
	switch {
	case errors.Is(err, errUsage):
		s.say(err.Error())
		return statusUsage
	case err != nil:
		s.say(err.Error())
		return statusFailed
	case out.written == 0 && words[0] == "grep":
		return statusFailed
	}
	return statusOK
}

// discard reads what a command does not want, until the client ends; control-C
// on a terminal ends the command.
func (s *session) discard(cancel context.CancelFunc) {
	buf := make([]byte, 512)
	for {
		n, err := s.ch.Read(buf)
		if s.pty && strings.ContainsRune(string(buf[:n]), 0x03) {
			cancel()
		}
		if err != nil {
			return
		}
	}
}

func (s *session) command(ctx context.Context, words []string, w io.Writer) error {
	name := "help"
	if len(words) > 0 {
		name, words = words[0], words[1:]
	}
	server := s.c.s
	switch {
	case name == "help":
		_, err := io.WriteString(w, help)
		return err
	case name == "list" && server.List != nil:
		if len(words) > 0 {
			return fmt.Errorf("%w: list takes no arguments", errUsage)
		}
		return server.List(ctx, s.c.who, w)
	case (name == "log" || name == "grep") && server.Log != nil:
		return s.log(ctx, name == "grep", words, w)
	case name == "power" && server.Power != nil:
		return s.power(ctx, words, w)
	}
	return fmt.Errorf("%w: there is no command %.40q", errUsage, name)
}

func (s *session) log(ctx context.Context, grep bool, words []string, w io.Writer) error {
	if s.c.access.Console == nil {
		return errNoConsole
	}
	q, err := parseQuery(grep, words, time.Now())
	if err != nil {
		return err
	}
	return s.c.s.Log(ctx, s.c.who, q, w)
}

func (s *session) power(ctx context.Context, words []string, w io.Writer) error {
	if len(words) != 1 {
		return fmt.Errorf("%w: power needs one of on, off, cycle, status", errUsage)
	}
	switch words[0] {
	case "on", "off", "cycle":
		if s.c.access.Mode != serialcon.ReadWrite {
			return fmt.Errorf("sshd: power %s: %w", words[0], errReadOnly)
		}
	case "status":
	default:
		return fmt.Errorf("%w: power has no %.40q", errUsage, words[0])
	}
	if s.c.access.Console == nil {
		return errNoConsole
	}
	return s.c.s.Power(ctx, s.c.who, words[0], w)
}

var errReadOnly = errors.New("this key may only watch")

func newFlags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}

func parseAttach(words []string) (a attachFlags, err error) {
	f := newFlags("attach")
	f.BoolVar(&a.force, "force", false, "")
	f.BoolVar(&a.watch, "watch", false, "")
	f.BoolVar(&a.spy, "spy", false, "")
	if err := f.Parse(words); err != nil {
		return a, fmt.Errorf("%w: attach: %w", errUsage, err)
	}
	if f.NArg() > 0 || a.force && (a.watch || a.spy) {
		return a, fmt.Errorf("%w: attach: arguments that do not fit", errUsage)
	}
	return a, nil
}

func parseQuery(grep bool, words []string, now time.Time) (q Query, err error) {
	name := "log"
	if grep {
		name = "grep"
	}
	f := newFlags(name)
	expression := false
	if grep {
		f.BoolVar(&expression, "E", false, "")
	}
	f.IntVar(&q.Limit, "n", 0, "")
	f.Func("since", "", func(text string) error { return parseTime(text, now, &q.Since) })
	f.Func("until", "", func(text string) error { return parseTime(text, now, &q.Until) })
	if err := f.Parse(words); err != nil {
		return q, fmt.Errorf("%w: %s: %w", errUsage, name, err)
	}
	if q.Limit < 0 || grep != (f.NArg() == 1) || f.NArg() > 1 {
		return q, fmt.Errorf("%w: %s: arguments that do not fit", errUsage, name)
	}
	if !grep {
		return q, nil
	}
	q.Text = f.Arg(0)
	if len(q.Text) > maxPattern || q.Text == "" {
		return q, fmt.Errorf("%w: grep: the text has not 1 to %d bytes", errUsage, maxPattern)
	}
	if expression {
		if q.Regexp, err = regexp.Compile(q.Text); err != nil {
			return q, fmt.Errorf("%w: grep: %w", errUsage, err)
		}
		q.Text = ""
	}
	return q, nil
}

// parseTime reads a time, or how long ago it was.
func parseTime(text string, now time.Time, at *time.Time) error {
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		*at = now.Add(-d)
		return nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("time %.40q is neither a duration, as 90m, nor like 2026-11-26T07:00:00Z", text)
	}
	*at = t
	return nil
}
