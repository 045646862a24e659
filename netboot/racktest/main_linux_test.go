package racktest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// insideEnv is set in the process that has a network namespace of its own.
const insideEnv = "RACKTEST_INSIDE"

// TestMain runs the tests in a process with a network namespace of its own: a
// server opens sockets from whatever thread it happens to run on, so all of
// them must be in it.
func TestMain(m *testing.M) {
	if os.Getenv(insideEnv) != "" || os.Getuid() != 0 {
		os.Exit(m.Run())
	}
	code, err := runInside()
	if err != nil {
		fmt.Fprintln(os.Stderr, "racktest: no network namespace of our own:", err)
		os.Exit(m.Run()) // needInside says what becomes of the tests
	}
	os.Exit(code)
}

func runInside() (code int, err error) {
	runtime.LockOSThread() // the child dies with the thread that made it
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(1, exit.ExitCode()), nil
	}
	return 0, err
}

func needInside(t testing.TB) {
	t.Helper()
	peer.NeedRoot(t)
	if os.Getenv(insideEnv) == "" {
		peer.Skip(t, "cannot make a network namespace")
	}
}
