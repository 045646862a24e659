package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"
)

const (
	defaultTimeout = 30 * time.Second
	defaultGrace   = 3 * time.Second
	pollInterval   = 20 * time.Millisecond
)

// Options says how [Start] knows that a program is ready. The zero value does
// not wait: the program counts as ready once it is started.
type Options struct {
	// Ready is called every 20 ms until it returns nil, for example a probe of
	// the program's port. Nil means not asked.
	Ready func(ctx context.Context) error
	// ReadyOutput waits until the program's output matches. Nil means not
	// asked. With Ready too, the output comes first.
	ReadyOutput *regexp.Regexp
	// Timeout bounds the wait for readiness. Zero means 30 seconds.
	Timeout time.Duration
	// Grace is what [Process.Stop] leaves between SIGTERM and SIGKILL. Zero
	// means 3 seconds; negative kills at once.
	Grace time.Duration
}

// Process is a running program. The test that started it stops it.
type Process struct {
	cmd   *exec.Cmd
	out   *buffer
	grace time.Duration
	stop  sync.Once

	done chan struct{} // closed when the program was reaped
	err  error         // what cmd.Wait returned; read after done
}

// Start starts cmd in a process group of its own and waits until it is ready.
// A program that does not start, or ends before it is ready, fails the test.
//
// Standard output and error are captured (and still written to cmd.Stdout and
// cmd.Stderr where those are set) and logged if the test fails. The group is
// killed at the test's cleanup, and by the kernel on Linux should the test
// binary itself die.
func Start(t testing.TB, cmd *exec.Cmd, opts Options) *Process {
	t.Helper()
	p := &Process{cmd: cmd, out: newBuffer(), grace: opts.Grace, done: make(chan struct{})}
	if p.grace == 0 {
		p.grace = defaultGrace
	}
	cmd.Stdout, cmd.Stderr = p.tee(cmd.Stdout), p.tee(cmd.Stderr)
	// A daemon that forked holds the output pipes; do not wait for it for ever.
	cmd.WaitDelay = time.Second
	ownGroup(cmd)

	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		t.Fatalf("peer: start %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("output of %s:\n%s", cmd.Args, p.Output())
		}
	})
	if err := p.awaitReady(opts); err != nil {
		t.Fatalf("peer: %s is not ready: %v", cmd.Args, err)
	}
	return p
}

// run starts and reaps the program. It holds one thread from the start to the
// end, because the kernel's parent-death signal follows the thread that forked,
// and the Go runtime may end a thread at any time.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	p.out.close()
	close(p.done)
}

func (p *Process) tee(also io.Writer) io.Writer {
	if also == nil {
		return p.out
	}
	return io.MultiWriter(p.out, also)
}

func (p *Process) awaitReady(opts Options) error {
	timeout := opts.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if opts.ReadyOutput != nil {
		if _, err := p.WaitOutput(ctx, opts.ReadyOutput); err != nil {
			return err
		}
	}
	if opts.Ready != nil {
		return p.poll(ctx, opts.Ready)
	}
	return nil
}

func (p *Process) poll(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("it ended (%s) while the probe said: %w", p.ending(), err)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// PID is the process id of the program, which is also that of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is what the program has written so far to standard output and error,
// or the last 4 MiB of it.
func (p *Process) Output() string { return p.out.String() }

// WaitOutput waits until the output, from its beginning, matches re. It returns
// the match and its groups as [regexp.Regexp.FindStringSubmatch] does.
func (p *Process) WaitOutput(ctx context.Context, re *regexp.Regexp) ([]string, error) {
	for {
		text, more, open := p.out.snapshot()
		if m := re.FindStringSubmatch(text); m != nil {
			return m, nil
		}
		if !open {
			return nil, fmt.Errorf("peer: %s ended (%s) before its output matched %q", p.cmd.Path, p.ending(), re)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, fmt.Errorf("peer: output of %s does not match %q: %w", p.cmd.Path, re, ctx.Err())
		}
	}
}

// Wait waits until the program has ended, and returns nil for exit status 0, an
// [*exec.ExitError] for any other, and ctx's error if that ends first.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.exit()
	case <-ctx.Done():
		return fmt.Errorf("peer: %s still runs: %w", p.cmd.Path, ctx.Err())
	}
}

// exit is how the program ended. Call it after done only.
func (p *Process) exit() error {
	<-p.done
	if errors.Is(p.err, exec.ErrWaitDelay) {
		return nil // status 0, but a child of it keeps the output open
	}
	return p.err
}

// ending is exit in words.
func (p *Process) ending() string {
	if err := p.exit(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// Signal sends a signal to the program alone, not to its group.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Stop ends the program and everything in its group: by SIGTERM, then by
// SIGKILL after [Options.Grace]. It returns when the program was reaped. Calls
// after the first do nothing.
func (p *Process) Stop() {
	p.stop.Do(func() {
		if p.grace > 0 {
			terminateGroup(p.cmd)
			grace := time.NewTimer(p.grace)
			defer grace.Stop()
			select {
			case <-p.done:
			case <-grace.C:
			}
		}
		killGroup(p.cmd) // also what the program left behind
		<-p.done
	})
}
