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
	"github.com/mythic-beasts/hostkit/serialcon/watch"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"serialcond": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true})
}

func TestReference(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	for _, name := range []string{"alice", "bmc"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("something secret\n"), 0o600))
	}
	c, err := daemon.Load("reference.toml", (*config).check)
	require.NoError(t, err)
	var ports []string
	for _, con := range c.Consoles {
		o, err := con.opener()
		require.NoError(t, err)
		ports = append(ports, o.String())
	}
	text, err := os.ReadFile("reference.toml")
	require.NoError(t, err)
	require.NotContains(t, strings.Join(ports, " ")+string(text), "something secret")
	require.Equal(t, []string{
		"tty usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0 115200n8", "rfc2217 ts1.example.net:7001",
		"telnet 192.0.2.10:7001", "tcp 192.0.2.11:4001", "unix /run/vm-7/console", "command ssh", "sol bmc-db-1.example.net:623",
	}, ports)
	require.Equal(t, "pi042", c.Consoles[0].Machine)
	require.Equal(t, "sw-1", c.Consoles[1].Machine)
	require.Equal(t, 2*time.Hour, durationOf(c.Consoles[0].Silence))
	require.Equal(t, "something secret", c.Users[0].Token.Reveal())
	patterns := c.Watch.patterns()
	require.Equal(t, "raid", patterns[0].Name)
	require.Len(t, patterns, 1+len(watch.Default()))
}

func TestOwnPatternReplacesBuiltIn(t *testing.T) {
	w := watchConfig{Patterns: []patternConfig{{Name: watch.Login, Regexp: `Password:`}}}
	n := 0
	for _, p := range w.patterns() {
		if p.Name == watch.Login {
			n++
			require.Equal(t, "Password:", p.Regexp.String())
		}
	}
	require.Equal(t, 1, n)
}
