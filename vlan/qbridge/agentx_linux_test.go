package qbridge_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/vlan"
	"github.com/mythic-beasts/hostkit/vlan/qbridge"
	"github.com/mythic-beasts/hostkit/vlan/vlantest"
)

// startAgentX runs snmpd and behind it a subagent in Perl that shares no code with
// the driver, and whose SETs happen as a whole.
func startAgentX(t *testing.T) *qbridge.Switch {
	t.Helper()
	perl := peer.Look(t, "perl")
	if err := exec.Command(perl, "-MNetSNMP::agent", "-e", "1").Run(); err != nil {
		peer.Skip(t, "needs net-snmp's Perl modules: %v", err)
	}
	// Not t.TempDir, whose paths are too long for a socket.
	dir, err := os.MkdirTemp("", "agentx")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := "unix:" + filepath.Join(dir, "agentx.sock")
	addr := snmptest.StartSnmpd(t, snmptest.SnmpdConfig{Lines: []string{"master agentx", "agentXSocket " + socket}})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "qbridge.conf"), []byte("agentXSocket "+socket+"\n"), 0o600))
	cmd := exec.Command(perl, filepath.Join("testdata", "agentx.pl"))
	cmd.Env = append(os.Environ(), "SNMPCONFPATH="+dir, "SNMP_PERSISTENT_DIR="+dir, "MIBS=")
	sw := dialAddr(t, addr, func(c *qbridge.Config) { c.Vendor = qbridge.Dell })
	peer.Start(t, cmd, peer.Options{
		ReadyOutput: regexp.MustCompile(`serving`),
		Ready: func(ctx context.Context) error {
			st, err := sw.Read(ctx)
			if err == nil && len(st.Ports) != 12 {
				err = fmt.Errorf("%d ports", len(st.Ports))
			}
			return err
		},
	})
	return sw
}

func TestRealAgentX(t *testing.T) {
	t.Parallel()
	sw := startAgentX(t)
	want, err := sw.Read(t.Context())
	require.NoError(t, err)
	all := steps(shelf(12))
	for _, step := range all {
		if step.Op == vlan.SetEdge {
			continue
		}
		want, err = want.After(step)
		require.NoError(t, err)
		require.NoError(t, sw.Do(t.Context(), step), "%v", step)
	}
	got, err := sw.Read(t.Context())
	require.NoError(t, err)
	require.True(t, want.Equal(got), "want %v\ngot  %v", want, got)
}

func TestRealConformanceAgentX(t *testing.T) {
	t.Parallel()
	vlantest.TestDriver(t, func(t *testing.T) vlantest.Subject { return subject(startAgentX(t)) })
}
