package daemon_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/stretchr/testify/require"
)

type rack struct {
	Name    string          `toml:"name"`
	Lease   daemon.Duration `toml:"lease"`
	Notes   string          `toml:"notes"`
	Servers []string        `toml:"servers"`
	Machine []struct {
		Name string          `toml:"name"`
		Wait daemon.Duration `toml:"wait"`
	} `toml:"machine"`
}

const manyLines = `name = "rack 1" # line 1
notes = """
[machine]
wait = "inside a string"
"""
servers = [
  "one",

  "two",
]

# line 12
[[machine]]
name = "a"
wait = "1s"

[[machine]]
name = "b"
wait = "2s"

[[machine]]
name = "c"
wait = "3s"
`

func load(t *testing.T, text string, check func(*rack) error) (*rack, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rack.toml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	cfg, err := daemon.Load(path, check)
	if err != nil {
		err = errors.New(strings.ReplaceAll(err.Error(), path, "rack.toml"))
	}
	return cfg, err
}

func TestLoad(t *testing.T) {
	cfg, err := load(t, manyLines, nil)
	require.NoError(t, err)
	require.Equal(t, 2*time.Second, time.Duration(cfg.Machine[1].Wait))
	require.Equal(t, []string{"one", "two"}, cfg.Servers)
}

// The line is right even where a hundred tables have the same name.
func TestErrorsNameTheLine(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"first table", `"1s"`, `"1 s"`, `rack.toml:15: machine.wait: "1 s" is no duration such as "30s" or "1h30m"`},
		{"middle table", `"2s"`, `"2 s"`, `rack.toml:19: machine.wait: "2 s" is no duration such as "30s" or "1h30m"`},
		{"last table", `"3s"`, `3`, `rack.toml:23: machine.wait: "3" is no duration such as "30s" or "1h30m"`},
		{"wrong type", `name = "b"`, `name = 7`, `rack.toml:18: machine.name: incompatible types: TOML value has type int64; destination has type string`},
		{"unknown in a table", `wait = "2s"`, `wiat = "2s"`, `rack.toml:19: unknown key "machine.wiat"`},
		{"unknown table", `[[machine]]` + "\n" + `name = "b"`, `[other]` + "\n" + `name = "b"`, `rack.toml:17: unknown key "other"`},
		{"multi-line value", `"two",`, `2,`, `rack.toml:6: servers: incompatible types: TOML value has type int64; destination has type string`},
		{"first line", `name = "rack 1"`, `nome = "rack 1"`, `rack.toml:1: unknown key "nome"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, manyLines, tt.old)
			_, err := load(t, strings.Replace(manyLines, tt.old, tt.new, 1), nil)
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestFieldErrorsNameTheLine(t *testing.T) {
	wrong := errors.New("is wrong")
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"scalar", daemon.Field("name", wrong), `rack.toml:1: name = "rack 1": is wrong`},
		{"in a table", daemon.Field("machine[1].wait", wrong), `rack.toml:19: machine[1].wait = "2s": is wrong`},
		{"missing in a table", daemon.Field("machine[1].mac", wrong), `rack.toml:17: machine[1].mac: is wrong`},
		{"whole table", daemon.Field("machine[2]", wrong), `rack.toml:21: machine[2]: is wrong`},
		{"element", daemon.Field("servers[1]", wrong), `rack.toml:6: servers[1] = "two": is wrong`},
		{"missing", daemon.Field("lease", wrong), `rack.toml: lease: is wrong`},
		{"no key", wrong, `rack.toml: is wrong`},
		{"wrapped", fmt.Errorf("rack: %w", daemon.Field("lease", wrong)), `rack.toml: rack: lease: is wrong`},
		{"several", errors.Join(daemon.Field("name", wrong), daemon.Field("machine[0].name", wrong)),
			"rack.toml:1: name = \"rack 1\": is wrong\nrack.toml:14: machine[0].name = \"a\": is wrong"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, manyLines, func(*rack) error { return tt.err })
			require.EqualError(t, err, tt.want)
		})
	}
	require.NoError(t, daemon.Field("name", nil))
}

// A thousand machines are located in a blink, not in a thousand decodings.
func TestLargeFile(t *testing.T) {
	var text strings.Builder
	for i := range 2000 {
		wait := "1s"
		if i == 1234 {
			wait = "soon"
		}
		fmt.Fprintf(&text, "[[machine]]\nname = \"m%d\"\nwait = %q\n", i, wait)
	}
	begin := time.Now()
	_, err := load(t, text.String(), nil)
	require.ErrorContains(t, err, fmt.Sprintf("rack.toml:%d: ", 1234*3+3))
	require.Less(t, time.Since(begin), 20*time.Second)
}
