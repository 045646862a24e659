//go:build unix

package poe_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/stretchr/testify/require"
)

// diskSwitch is a switch with one port whose state outlives processes: it is on
// while a file is there.
type diskSwitch struct {
	file string
	step func(what string) // is called around each change
}

func (s diskSwitch) Port(_ context.Context, name string) (poe.PortStatus, error) {
	if name != "1" {
		return poe.PortStatus{}, poe.ErrUnknownPort
	}
	s.step("read")
	st := poe.PortStatus{Name: name, Index: "1.1", Admin: true, Detection: poe.DetectionDelivering, At: time.Now()}
	if _, err := os.Stat(s.file); err != nil {
		st.Admin, st.Detection = false, poe.DetectionDisabled
	}
	return st, nil
}

func (s diskSwitch) Ports(ctx context.Context) ([]poe.PortStatus, error) {
	st, err := s.Port(ctx, "1")
	return []poe.PortStatus{st}, err
}

func (s diskSwitch) SetAdmin(_ context.Context, _ string, on bool) error {
	s.step("before " + strconv.FormatBool(on))
	defer s.step("after " + strconv.FormatBool(on))
	if on {
		return os.WriteFile(s.file, nil, 0o600)
	}
	return os.Rename(s.file, s.file+".was")
}

func (diskSwitch) Budgets(context.Context) ([]poe.Budget, error) { return nil, errors.ErrUnsupported }

// steppingStore calls step around each change.
type steppingStore struct {
	poe.Store
	step func(what string)
}

func (s steppingStore) Put(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
	s.step("before put " + key)
	defer s.step("after put " + key)
	return s.Store.Put(ctx, key, val, ifRev)
}

// steppingAudit calls step at each record.
type steppingAudit func(what string)

func (a steppingAudit) Record(context.Context, poe.Record) error {
	a("record")
	return nil
}

func diskController(dir string, step func(string)) *poe.Controller {
	return &poe.Controller{
		Name:    "sw1",
		Switch:  diskSwitch{filepath.Join(dir, "on"), step},
		Journal: steppingStore{&poe.FileStore{Dir: filepath.Join(dir, "journal")}, step},
		Audit:   poe.Audits{steppingAudit(step), poe.AuditFile{Path: filepath.Join(dir, "audit")}, steppingAudit(step)},
		Policy:  poe.Policy{MinOff: 5 * time.Millisecond, Poll: time.Millisecond, Settle: 5 * time.Millisecond, MaxCycles: -1},
	}
}

// child cycles the port of a folder. At a step it kills itself; or at the one
// named it says so and waits until it is told to go on.
func child() int {
	dir, at, _ := strings.Cut(os.Getenv(childEnv), "|")
	n := 0
	c := diskController(dir, func(what string) {
		n++
		switch at {
		case strconv.Itoa(n):
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		case what:
			fmt.Println(what)
			_, _ = io.ReadAll(os.Stdin)
		}
	})
	if _, err := c.Cycle(context.Background(), "1", why); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func childCommand(t *testing.T, dir, at string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+dir+"|"+at)
	cmd.Stderr = os.Stderr
	return cmd
}

func nothing(string) {}

// A process is killed at each of its steps, between the orders to the switch and
// around every write to the journal. Afterwards the port is on, or the journal
// says that it has to be; and Recover sees to it.
func TestKilledAtEveryStep(t *testing.T) {
	dark := 0
	for step := 1; ; step++ {
		dir := t.TempDir()
		on := filepath.Join(dir, "on")
		require.NoError(t, os.WriteFile(on, nil, 0o600))
		err := childCommand(t, dir, strconv.Itoa(step)).Run()
		if err == nil {
			require.Greater(t, step, 12, "the child came to its end too early")
			break
		}
		exit, ok := errors.AsType[*exec.ExitError](err)
		require.True(t, ok, err)
		require.False(t, exit.Exited(), "the child failed and was not killed: %v", err)

		c := diskController(dir, nothing)
		pending, err := c.Pending(t.Context())
		require.NoError(t, err)
		if _, err := os.Stat(on); err != nil {
			dark++
			require.Len(t, pending, 1, "killed at step %d: the port is off and nobody knows", step)
			require.Equal(t, why.Why, pending[0].Why)
		}
		results, err := c.Recover(t.Context())
		require.NoError(t, err)
		require.Len(t, results, len(pending))
		require.FileExists(t, on)
		if _, err := os.Stat(on + ".was"); err == nil {
			audit, err := os.ReadFile(filepath.Join(dir, "audit"))
			require.NoError(t, err, "killed at step %d: the port was off, and the audit does not know", step)
			require.Contains(t, string(audit), why.Why)
		}
		pending, err = c.Pending(t.Context())
		require.NoError(t, err)
		require.Empty(t, pending)
	}
	require.Greater(t, dark, 3, "the port was off at some steps")
}

// Two processes at one port: the second is told who has it, and has it when the
// first is killed.
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "on"), nil, 0o600))
	cmd := childCommand(t, dir, "before true")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer in.Close()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "before true\n", line)

	c := diskController(dir, nothing)
	c.Policy.LockWait = 10 * time.Millisecond
	for name, act := range map[string]func(context.Context, string, poe.Reason) (poe.Result, error){"on": c.On, "off": c.Off, "cycle": c.Cycle} {
		_, err := act(t.Context(), "1", poe.Reason{Who: "another"})
		require.ErrorIs(t, err, poe.ErrBusy, name)
		require.ErrorContains(t, err, `cycle by "ops"`)
	}
	results, err := c.Recover(t.Context())
	require.NoError(t, err)
	require.Empty(t, results, "it is not for us to finish")

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	c.Policy.LockWait = 0
	results, err = c.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, results, 1)
	require.True(t, results[0].After.Delivering())
}
