package peer_test

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

func TestStartWaitsForOutput(t *testing.T) {
	p := peer.Start(t, helper("ready"), peer.Options{ReadyOutput: regexp.MustCompile(`port \d+\n`)})
	require.Equal(t, "listening on port 4711\n", p.Output())
	m, err := p.WaitOutput(t.Context(), regexp.MustCompile(`port (\d+)`))
	require.NoError(t, err)
	require.Equal(t, []string{"port 4711", "4711"}, m)
}

func TestStartCallsReady(t *testing.T) {
	calls := 0
	peer.Start(t, helper("ready"), peer.Options{Ready: func(context.Context) error {
		if calls++; calls < 3 {
			return errors.New("connection refused")
		}
		return nil
	}})
	require.Equal(t, 3, calls)
}

func TestStartAlsoWritesToCaller(t *testing.T) {
	var own strings.Builder
	cmd := helper("ready")
	cmd.Stdout = &own
	p := peer.Start(t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("4711")})
	p.Stop()
	require.Equal(t, p.Output(), own.String())
}

func TestStartFails(t *testing.T) {
	broken := cmdWithStdoutError()
	tests := []struct {
		name string
		cmd  *exec.Cmd
		opts peer.Options
		want string
	}{
		{"no such program", exec.Command("/does/not/exist"), peer.Options{}, "peer: start /does/not/exist"},
		{"ends first", helper("exit3"), peer.Options{ReadyOutput: regexp.MustCompile("ready")}, "exit status 3"},
		{"ends while probed", helper("exit3"), peer.Options{Ready: never}, "exit status 3"},
		{"output never comes", helper("ready"), peer.Options{ReadyOutput: regexp.MustCompile("nope"), Timeout: 50 * time.Millisecond}, "does not match"},
		{"probe never succeeds", helper("ready"), peer.Options{Ready: never, Timeout: 50 * time.Millisecond}, "not yet"},
		{"caller's writer fails", broken, peer.Options{ReadyOutput: regexp.MustCompile("nope"), Timeout: 5 * time.Second}, "is not ready"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake := runFake(t, func(f *fakeTB) { peer.Start(f, tt.cmd, tt.opts) })
			require.Contains(t, fake.fatal, tt.want)
		})
	}
}

func cmdWithStdoutError() *exec.Cmd {
	cmd := helper("exit3")
	cmd.Stdout = iotestWriter{}
	return cmd
}

type iotestWriter struct{}

func (iotestWriter) Write([]byte) (int, error) { return 0, iotest.ErrTimeout }

func never(context.Context) error { return errors.New("not yet") }

func TestFailedTestShowsOutput(t *testing.T) {
	fake := runFake(t, func(f *fakeTB) {
		peer.Start(f, helper("exit3"), peer.Options{ReadyOutput: regexp.MustCompile("ready")})
	})
	require.Contains(t, fake.logged.String(), "cannot bind")
}

func TestWait(t *testing.T) {
	p := peer.Start(t, helper("exit3"), peer.Options{})
	var exit *exec.ExitError
	require.ErrorAs(t, p.Wait(t.Context()), &exit)
	require.Equal(t, 3, exit.ExitCode())

	still := peer.Start(t, helper("ready"), peer.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, still.Wait(ctx), context.Canceled)
}

func TestStopIsIdempotentAndPatient(t *testing.T) {
	p := peer.Start(t, helper("stubborn"), peer.Options{
		ReadyOutput: regexp.MustCompile("up"), Grace: 100 * time.Millisecond,
	})
	begin := time.Now()
	p.Stop()
	require.GreaterOrEqual(t, time.Since(begin), 100*time.Millisecond, "SIGTERM comes before SIGKILL")
	require.Error(t, p.Wait(t.Context()), "it was killed")
	p.Stop()
}
