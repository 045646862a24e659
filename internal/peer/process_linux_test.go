package peer_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/stretchr/testify/require"
)

func TestStopKillsGrandchildren(t *testing.T) {
	p := peer.Start(t, helper("parent"), peer.Options{Grace: -1})
	m, err := p.WaitOutput(t.Context(), regexp.MustCompile(`child (\d+)\n`))
	require.NoError(t, err)
	child, err := strconv.Atoi(m[1])
	require.NoError(t, err)
	require.True(t, alive(child))
	p.Stop()
	requireDead(t, child)
}

// A test binary that is killed runs no cleanup, and yet leaves no peer behind.
func TestKernelKillsOrphans(t *testing.T) {
	if os.Getenv("HOSTKIT_PEER_TEST_ORPHAN") == "1" {
		p := peer.Start(t, helper("stubborn"), peer.Options{ReadyOutput: regexp.MustCompile("up")})
		os.Stdout.WriteString("orphan " + strconv.Itoa(p.PID()) + "\n")
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKernelKillsOrphans$")
	cmd.Env = append(os.Environ(), "HOSTKIT_PEER_TEST_ORPHAN=1")
	var out bytes.Buffer
	cmd.Stdout = &out
	p := peer.Start(t, cmd, peer.Options{})
	m, err := p.WaitOutput(t.Context(), regexp.MustCompile(`orphan (\d+)\n`))
	require.NoError(t, err)
	orphan, err := strconv.Atoi(m[1])
	require.NoError(t, err)
	require.True(t, alive(orphan))
	require.NoError(t, p.Signal(os.Kill))
	require.Error(t, p.Wait(t.Context()))
	requireDead(t, orphan)
}

func requireDead(t *testing.T, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for alive(pid) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("process %d still runs", pid)
		}
	}
}
