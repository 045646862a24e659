package dial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Command opens a program and makes a port of its standard input and output.
// Standard error goes with the output, so that the log says why it ended.
//
// The program runs in a process group of its own, which is ended with the port.
type Command struct {
	// Path of the program, looked up as exec.Command does. Needed.
	Path string
	// Args without the program's name. They may hold secrets, so String does
	// not show them.
	Args []string
	// Env is the environment; nil means this process's.
	Env []string
	// Dir to start in; "" means this process's.
	Dir string
	// Grace is how long Close lets the group end by SIGTERM before it is
	// killed. Zero means one second.
	Grace time.Duration
}

var (
	_ serialcon.Opener   = Command{}
	_ serialcon.Pollable = (*commandPort)(nil)
)

// String is "command" and the program's path.
func (c Command) String() string { return "command " + c.Path }

// Open starts the program. Its life is the port's, not ctx's.
func (c Command) Open(ctx context.Context) (serialcon.Port, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dial: start %s: %w", c, err)
	}
	p, err := c.start()
	if err != nil {
		return nil, fmt.Errorf("dial: start %s: %w", c, err)
	}
	return p, nil
}

func (c Command) start() (*commandPort, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), in.Close())
	}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirIn, theirOut, theirOut
	ownGroup(cmd)
	err = cmd.Start()
	err = errors.Join(err, theirIn.Close(), theirOut.Close())
	p := &commandPort{in: in, out: out, cmd: cmd, grace: or(c.Grace, time.Second)}
	if err != nil {
		if cmd.Process == nil {
			return nil, errors.Join(err, in.Close(), out.Close())
		}
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// commandPort is a running program. Nobody reaps it before Close, so that its
// id stays its own and a signal to the group reaches no other.
type commandPort struct {
	in, out *os.File
	cmd     *exec.Cmd
	grace   time.Duration
	close   sync.Once
}

// Read returns io.EOF once the program, and all that it started, let go of its
// output.
func (p *commandPort) Read(b []byte) (int, error) { return p.out.Read(b) }

// Write gives the program input.
func (p *commandPort) Write(b []byte) (int, error) { return p.in.Write(b) }

// SetReadDeadline implements serialcon.Port.
func (p *commandPort) SetReadDeadline(t time.Time) error { return p.out.SetReadDeadline(t) }

// SetWriteDeadline implements serialcon.Port.
func (p *commandPort) SetWriteDeadline(t time.Time) error { return p.in.SetWriteDeadline(t) }

// SyscallConn gives the program's output to an Engine.
func (p *commandPort) SyscallConn() (syscall.RawConn, error) { return p.out.SyscallConn() }

// Close ends the program and its group, and waits for it.
func (p *commandPort) Close() error {
	p.close.Do(func() {
		_ = p.in.Close()
		signalGroup(p.cmd, false)
		p.drain()
		signalGroup(p.cmd, true)
		_ = p.cmd.Wait() // how it ended is no failure of Close
		_ = p.out.Close()
	})
	return nil
}

// drain waits until nobody holds the output any more, but not beyond grace.
func (p *commandPort) drain() {
	until := time.Now().Add(p.grace)
	buf := make([]byte, 4096)
	for time.Now().Before(until) {
		if p.out.SetReadDeadline(until) != nil {
			return
		}
		if _, err := p.out.Read(buf); err != nil {
			return
		}
	}
}
