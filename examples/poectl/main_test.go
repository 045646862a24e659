package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"poectl": main})
}

// newShelf is a switch of 8 ports with a Pi on each but the last.
func newShelf(tb testing.TB) (*poetest.Switch, *poetest.Agent, string) {
	tb.Helper()
	sw := poetest.New(8)
	sw.PowerUp, sw.PowerDown = 20*time.Millisecond, 10*time.Millisecond
	sw.Unplug("8")
	agent := &poetest.Agent{Switch: sw, Vendor: poetest.VendorCisco}
	return sw, agent, agent.Start(tb)
}

// writeConfig has machines pi1 to pi8 on the ports of the switch.
func writeConfig(tb testing.TB, dir, addr string, sw poe.Switch, more string) string {
	tb.Helper()
	var text strings.Builder
	text.WriteString(`journal = "` + dir + `/journal"
audit = "` + dir + `/audit/audit.jsonl"
[policy]
min_off = "50ms"
off_deadline = "2s"
on_deadline = "2s"
[[switch]]
name = "shelf1"
address = "` + addr + `"
community = { env = "POECTL_TEST_COMMUNITY" }
protected = ["7"]
`)
	ports, err := sw.Ports(tb.Context())
	require.NoError(tb, err)
	for i, p := range ports {
		text.WriteString("[[machine]]\nname = \"pi" + string(rune('1'+i)) + "\"\nswitch = \"shelf1\"\nport = \"" + p.Name + "\"\n")
	}
	file := filepath.Join(dir, "poectl.toml")
	require.NoError(tb, os.WriteFile(file, []byte(text.String()+more), 0o600))
	return file
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			t := e.T().(testing.TB)
			sw, _, addr := newShelf(t)
			writeConfig(t, e.WorkDir, addr, sw, "")
			e.Setenv("POECTL_TEST_COMMUNITY", "private")
			return nil
		},
	})
}

func TestCommandsAreDocumented(t *testing.T) {
	for name := range program.Commands {
		require.Contains(t, usage, "\n  "+name+" ", "of poectl -help")
	}
}

func TestReference(t *testing.T) {
	for _, name := range []string{"AUTH", "PRIV", "COMMUNITY", "READ", "TRAPS", "TOKEN", "PASSWORD", "HMAC"} {
		t.Setenv("POECTL_"+name, "something secret")
	}
	c, err := daemon.Load("reference.toml", (*config).check)
	require.NoError(t, err)
	require.Len(t, c.Switches, 2)
	cfg, err := c.Switches[0].snmp()
	require.NoError(t, err)
	require.Equal(t, "3.29", cfg.Ports["Fa3/0/25"])
	require.Equal(t, "SHA-256", cfg.Credentials.V3.Auth.String())
}
