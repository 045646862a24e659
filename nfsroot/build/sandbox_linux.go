package build

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

var _ Runner = (*Sandbox)(nil)

// drain bounds the wait for output after everything was killed.
const drain = 10 * time.Second

// Run implements [Runner].
func (s *Sandbox) Run(ctx context.Context, c Command) error {
	binfmt, err := emulation(c.Arch)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	cmd := command(ctx, c, binfmt)
	cmd.Stdout = c.Stdout
	if c.Stdout == nil {
		cmd.Stdout = c.Log
	}
	cmd.Stderr = c.Log
	cmd.Env = c.Env
	cmd.Dir = "/"
	cmd.WaitDelay = drain
	done := make(chan error, 1)
	go func() {
		// The kernel kills the child when the thread ends that forked it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- cmd.Run()
	}()
	err = <-done
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && binfmt != "" && exit.ExitCode() == noBinfmt {
		return fmt.Errorf("sandbox: programs of %s need a private binfmt_misc, which Linux 6.7 has, or qemu-user registered with flag F on this system: %w",
			c.Arch, errors.ErrUnsupported)
	}
	return err
}

// emulation is what to register so that the programs of an architecture run; ""
// when they run as they are.
func emulation(a nfsroot.Arch) (string, error) {
	if native(a) || registered(a, "/proc") {
		return "", nil
	}
	return register(a)
}

func command(ctx context.Context, c Command, binfmt string) *exec.Cmd {
	memory := ""
	if c.Stdout != nil {
		memory = c.Root
	}
	args := append([]string{"-c", setup, "sandbox", binfmt, memory, c.Script}, c.Args...)
	if os.Geteuid() != 0 {
		return unprivileged(ctx, args)
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if binfmt != "" {
		all := []syscall.SysProcIDMap{{Size: math.MaxInt32}} // every id is itself
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = all
		cmd.SysProcAttr.GidMappings = all
		cmd.SysProcAttr.GidMappingsEnableSetgroups = true
	}
	return cmd
}

// unprivileged has unshare(1) make the namespaces, since only newuidmap(1) may
// map the user's subordinate ids.
func unprivileged(ctx context.Context, args []string) *exec.Cmd {
	flags := []string{"--map-root-user", "--map-auto", "--mount", "--pid", "--fork", "--kill-child=KILL", "/bin/sh"}
	cmd := exec.CommandContext(ctx, "unshare", append(flags, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}
