package sshd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

func withCommands(s *sshd.Server) {
	s.List = func(_ context.Context, c sshd.Caller, w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s may have %q\n", c.Who, c.Console)
		return err
	}
	s.Log = func(_ context.Context, c sshd.Caller, q sshd.Query, w io.Writer) error {
		if q.Text == "nothing" {
			return nil
		}
		ago := func(at time.Time) string {
			if at.IsZero() {
				return "-"
			}
			return time.Since(at).Round(time.Minute).String()
		}
		_, err := fmt.Fprintf(w, "%s %s %s %q %v %d\n", c.Console, ago(q.Since), ago(q.Until), q.Text, q.Regexp, q.Limit)
		return err
	}
	s.Power = func(_ context.Context, c sshd.Caller, action string, w io.Writer) error {
		if action == "off" {
			return errors.New("the switch does not answer")
		}
		_, err := io.WriteString(w, c.Console+" "+action+"\n")
		return err
	}
}

func TestCommands(t *testing.T) {
	l := newLab(t, withCommands)
	alice, bob, lobby := l.dial(t, "pi-042", 1), l.dial(t, "pi-042", 2), l.dial(t, "lobby", 2)
	for _, c := range []struct {
		name          string
		client        *ssh.Client
		line          string
		out, err      string
		status        int
		notInTheAudit bool
	}{
		{name: "list", client: alice, line: "list", out: "alice may have \"pi-042\"\n"},
		{name: "no console", client: lobby, line: "list", out: "lobby may have \"\"\n"},
		{name: "log", client: bob, line: "log", out: "pi-042 - - \"\" <nil> 0\n"},
		{name: "log of a time", client: bob, line: "log --since 1h -until=30m -n 5", out: "pi-042 1h0m0s 30m0s \"\" <nil> 5\n"},
		{name: "grep", client: bob, line: `grep "kernel panic"`, out: "pi-042 - - \"kernel panic\" <nil> 0\n"},
		{name: "grep by an expression", client: bob, line: `grep -E 'pan(ic|ik)' `, out: "pi-042 - - \"\" pan(ic|ik) 0\n"},
		{name: "grep finds nothing", client: bob, line: "grep nothing", status: 1},
		{name: "power", client: alice, line: "power cycle", out: "pi-042 cycle\n"},
		{name: "status", client: bob, line: "power status", out: "pi-042 status\n"},
		{name: "power fails", client: alice, line: "power off", err: "the switch does not answer", status: 1},
		{name: "power of a reader", client: bob, line: "power cycle", err: "may only watch", status: 1},
		{name: "log without a console", client: lobby, line: "log", err: "no console", status: 1},
		{name: "power without a console", client: lobby, line: "power status", err: "no console", status: 1},
		{name: "attach without a console", client: lobby, line: "attach", err: "no console", status: 1, notInTheAudit: true},
		{name: "help", client: lobby, line: "help", out: "commands:"},
		{name: "empty", client: lobby, line: "", out: "commands:"},
		{name: "unknown", client: alice, line: "sh -c 'rm -rf /'", err: "no command \"sh\"", status: 2},
		{name: "open quote", client: alice, line: "grep 'a", err: "quote", status: 2},
		{name: "bad expression", client: alice, line: "grep -E '('", err: "missing closing", status: 2},
		{name: "long expression", client: alice, line: "grep " + strings.Repeat("a", 1025), err: "1024 bytes", status: 2},
		{name: "no text", client: alice, line: "grep", err: "arguments", status: 2},
		{name: "bad time", client: alice, line: "log -since yesterday", err: "yesterday", status: 2},
		{name: "future", client: alice, line: "log -since -1h", err: "-1h", status: 2},
		{name: "log of another console", client: alice, line: "log pi-043", err: "arguments", status: 2},
		{name: "no action", client: alice, line: "power", err: "needs one", status: 2},
		{name: "unknown action", client: alice, line: "power explode", err: "explode", status: 2},
		{name: "list of something", client: alice, line: "list x", err: "no arguments", status: 2},
		{name: "flags of attach", client: alice, line: "attach -force -watch", err: "do not fit", status: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := c.client.NewSession()
			require.NoError(t, err)
			var stdout, stderr strings.Builder
			s.Stdout, s.Stderr = &stdout, &stderr
			err = s.Run(c.line)
			status := 0
			var exit *ssh.ExitError
			if errors.As(err, &exit) {
				status = exit.ExitStatus()
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, c.status, status, stderr.String())
			require.Contains(t, stdout.String(), c.out)
			require.Contains(t, stderr.String(), c.err)
			if !c.notInTheAudit {
				l.audited(t, func(e sshd.Entry) bool {
					return e.Kind == sshd.AuditExec && (e.What == c.line || len(c.line) > 512) && (e.Err == "") == (c.err == "")
				})
			}
		})
	}
}

func TestCommandsThatDoNotExist(t *testing.T) {
	l := newLab(t, nil)
	c := l.dial(t, "pi-042", 1)
	for _, line := range []string{"list", "log", "grep x", "power cycle"} {
		s, err := c.NewSession()
		require.NoError(t, err)
		require.Error(t, s.Run(line))
	}
}

// What a guest once said does nothing to the terminal that reads its log.
func TestOutputIsSafe(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) {
		s.List = func(_ context.Context, _ sshd.Caller, w io.Writer) error {
			for _, part := range []string{"a\x1b]0;t\x07b\x9bc\xc2", "\x9bd\xc2\xa0ěé\t\r\n", "\x7f\x00"} {
				if _, err := io.WriteString(w, part); err != nil {
					return err
				}
			}
			return nil
		}
	})
	s, err := l.dial(t, "pi-042", 1).NewSession()
	require.NoError(t, err)
	require.NoError(t, s.RequestPty("xterm", 24, 80, ssh.TerminalModes{}))
	out, err := s.Output("list")
	require.NoError(t, err)
	require.Equal(t, "a?]0;t?b?c?d\u00a0ěé\t\r\n??", string(out))
}

func TestControlCEndsACommand(t *testing.T) {
	l := newLab(t, func(s *sshd.Server) {
		s.List = func(ctx context.Context, _ sshd.Caller, _ io.Writer) error {
			<-ctx.Done()
			return ctx.Err()
		}
	})
	s, err := l.dial(t, "pi-042", 1).NewSession()
	require.NoError(t, err)
	require.NoError(t, s.RequestPty("xterm", 24, 80, ssh.TerminalModes{}))
	in, err := s.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, s.Start("list"))
	_, err = io.WriteString(in, "x\x03")
	require.NoError(t, err)
	require.Error(t, s.Wait())
	require.ErrorContains(t, errors.New(l.audited(t, kind(sshd.AuditExec)).Err), "canceled")
}

func TestAttachForceAndWatch(t *testing.T) {
	l := newLab(t, nil)
	first := newShell(t, l.dial(t, "pi-042", 1), false)
	expect(t, first.out, "[serialcon ")
	for line, writers := range map[string]bool{"attach -force": true, "attach -watch": false, "attach -spy": false} {
		s, err := l.dial(t, "pi-042", 1).NewSession()
		require.NoError(t, err)
		_, err = s.StdinPipe() // its end would give the place back
		require.NoError(t, err)
		require.NoError(t, s.Start(line))
		if writers {
			l.audited(t, kind(sshd.AuditAttach))
			require.Eventually(t, func() bool {
				for _, v := range l.console.Viewers() {
					if v.Queued == 1 {
						return true
					}
				}
				return false
			}, 10*time.Second, time.Millisecond, "the first has to wait")
		}
		require.NoError(t, s.Close())
		require.Eventually(t, func() bool { return len(l.console.Viewers()) == 1 && l.console.Viewers()[0].Queued == 0 },
			10*time.Second, time.Millisecond)
	}
}
