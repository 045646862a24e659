package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// A server reads the consoles of run/ttys and logs them in run/logs, with a
// stamp on each line.
type server struct {
	name string
	args func(r rack, run string) ([]string, error)
	file string // of a console's log, in run/logs
	log  func(ctx context.Context, run, console string) (string, error)
}

var ours = []server{{"serialcon", serialconArgs, "%s/0000000001.log", serialconLog}}

var stalled = []server{ours[0], {"stalled", stalledArgs, "%s/0000000001.log", serialconLog}}

var everybody = []server{
	{"conserver", conserverArgs, "%s.log", plainLog},
	{"conman", conmanArgs, "%s.log", plainLog},
	ours[0],
}

// serialconArgs builds the reader, by the go command that runs this program.
func serialconArgs(_ rack, run string) ([]string, error) {
	reader := filepath.Join(run, "reader")
	out, err := exec.Command("go", "build", "-o", reader, "github.com/mythic-beasts/hostkit/serialcon/bench/reader").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("build the reader: %w: %s", err, out)
	}
	return []string{reader, filepath.Join(run, "ttys"), filepath.Join(run, "logs")}, nil
}

// stalledArgs is the reader with a viewer on each console that never reads.
func stalledArgs(r rack, run string) ([]string, error) {
	args, err := serialconArgs(r, run)
	return append(args, "stalled"), err
}

func serialconLog(ctx context.Context, run, console string) (string, error) {
	var b strings.Builder
	r := conlog.Reader{Dir: filepath.Join(run, "logs", console)}
	err := r.Raw(ctx, time.Time{}, func(c conlog.Chunk) error {
		b.Write(c.Data)
		return nil
	})
	return b.String(), err
}

// conserverArgs: a child for each sixteen consoles, a stamp of a second on each
// line.
func conserverArgs(r rack, run string) ([]string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "config * { logfile %[1]s/server.log; sslrequired no; }\n"+
		"default full { rw *; type device; baud 115200; parity none; options !ixon,!ixoff; logfile %[1]s/logs/&.log; timestamp 1lab; }\n"+
		"default * { include full; master localhost; }\n"+
		"access * { trusted 127.0.0.1; allowed 127.0.0.1; }\n", run)
	for _, d := range r {
		fmt.Fprintf(&b, "console %s { device %s/ttys/%[1]s; }\n", d.Name, run)
	}
	config, users := filepath.Join(run, "conserver.cf"), filepath.Join(run, "conserver.passwd")
	if err := os.WriteFile(config, []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	err := os.WriteFile(users, []byte("*any*:\n"), 0o600)
	return []string{"conserver", "-C", config, "-P", users, "-M", "127.0.0.1", "-p", "37820", "-b", "37821"}, err
}

func conmanArgs(r rack, run string) ([]string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "server port=37890\nserver loopback=on\nserver logfile=\"%[1]s/server.log\"\nserver pidfile=\"%[1]s/pid\"\n"+
		"global seropts=\"115200,8n1\"\nglobal log=\"%[1]s/logs/%%N.log\"\nglobal logopts=\"lock,nosanitize,timestamp\"\n", run)
	for _, d := range r {
		fmt.Fprintf(&b, "console name=\"%s\" dev=\"%s/ttys/%[1]s\"\n", d.Name, run)
	}
	config := filepath.Join(run, "conman.conf")
	return []string{"conmand", "-F", "-c", config}, os.WriteFile(config, []byte(b.String()), 0o600)
}

func plainLog(_ context.Context, run, console string) (string, error) {
	text, err := os.ReadFile(filepath.Join(run, "logs", console+".log"))
	return string(text), err
}

// ready waits until a server has opened all logs, and some time for the ports.
func (s *server) ready(ctx context.Context, o *options, r rack, run string) error {
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		n := 0
		for _, d := range r {
			if _, err := os.Stat(filepath.Join(run, "logs", fmt.Sprintf(s.file, d.Name))); err == nil {
				n++
			}
		}
		switch {
		case n == len(r):
			time.Sleep(o.settle)
			return ctx.Err()
		case time.Since(began) > time.Minute || ctx.Err() != nil:
			out, _ := os.ReadFile(filepath.Join(run, "output"))
			return fmt.Errorf("%d of %d logs are open after a minute: %.500q", n, len(r), out)
		}
	}
}

// start starts a server on the rack's consoles.
func (s *server) start(r rack, run string) (*exec.Cmd, error) {
	if err := os.MkdirAll(filepath.Join(run, "logs"), 0o755); err != nil {
		return nil, err
	}
	args, err := s.args(r, run)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath(args[0])
	if err != nil { // a daemon's folder is not in everybody's path
		path = filepath.Join("/usr/sbin", args[0])
	}
	out, err := os.Create(filepath.Join(run, "output"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(path, args[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, nice(cmd.Process.Pid, serverNice)
}
