package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// LLNL's powerman, which knows nothing of SNMP, switches machines through poectl.
func TestPowerman(t *testing.T) {
	daemon, client := peer.Look(t, "powermand"), peer.Look(t, "powerman")
	sw, _, addr := newShelf(t)
	t.Setenv("POECTL_TEST_COMMUNITY", "private")
	dir := t.TempDir()
	writeConfig(t, dir, addr, sw, "")

	bin, err := filepath.Abs(filepath.Join(dir, "bin"))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(bin, 0o755))
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(bin, "poectl"))) // by its name this program is poectl
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))

	coprocess, err := filepath.Abs("powerman/coprocess")
	require.NoError(t, err)
	spec, err := filepath.Abs("powerman/poectl.dev")
	require.NoError(t, err)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := free.Addr().String()
	require.NoError(t, free.Close())
	conf := filepath.Join(dir, "powerman.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "include %q\nlisten %q\ndevice \"rack\" \"poectl\" \"%s -config %s/poectl.toml |&\"\nnode \"pi[1-8]\" \"rack\" \"pi[1-8]\"\n",
		spec, at, coprocess, dir), 0o600))

	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), client, append([]string{"-h", at}, args...)...).CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	peer.Start(t, exec.Command(daemon, "-f", "-Y", "-c", conf), peer.Options{Ready: func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
		if err != nil {
			return err
		}
		return conn.Close()
	}})
	states := func() map[string]string {
		m := map[string]string{}
		for line := range strings.Lines(run("-q")) {
			if state, nodes, ok := strings.Cut(line, ":"); ok {
				m[state] = strings.TrimSpace(nodes)
			}
		}
		return m
	}
	require.Equal(t, map[string]string{"on": "pi[1-7]", "off": "", "unknown": "pi8"}, states())
	run("-0", "pi[2-3]")
	require.Equal(t, map[string]string{"on": "pi[1,4-7]", "off": "pi[2-3]", "unknown": "pi8"}, states())
	run("-1", "pi2")
	run("-c", "pi4")
	require.Equal(t, map[string]string{"on": "pi[1-2,4-7]", "off": "pi3", "unknown": "pi8"}, states())
	audit, err := os.ReadFile(filepath.Join(dir, "audit/audit.jsonl"))
	require.NoError(t, err)
	require.Contains(t, string(audit), `"why":"powerman"`)
	require.Contains(t, string(audit), `"action":"cycle"`)
}
