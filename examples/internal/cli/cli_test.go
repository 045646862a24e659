package cli_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
)

type app struct{ *cli.Call }

func program() cli.Program[*app] {
	return cli.Program[*app]{
		Name: "echoctl", Usage: "usage: echoctl COMMAND\n",
		New: func(c *cli.Call) *app { return &app{c} },
		Commands: map[string]cli.Command[*app]{
			"say": func(_ context.Context, a *app, args []string) error {
				loud := false
				words, err := a.Flags(args, "[-loud] WORD [WORD]", 1, 2, func(fs *flag.FlagSet) { fs.BoolVar(&loud, "loud", false, "shout") })
				if err != nil {
					return err
				}
				fmt.Fprintln(a.Stdout, a.Config, loud, words)
				return nil
			},
			"fail": func(ctx context.Context, a *app, _ []string) error {
				a.Log().Info("not told")
				a.Log().Warn("told")
				return errors.Join(errors.New("one"), errors.New("two"), ctx.Err())
			},
		},
	}
}

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"says", []string{"say", "a", "b"}, 0, "/etc/echoctl.toml false [a b]\n", ""},
		{"flags", []string{"-config", "x", "say", "-loud", "a"}, 0, "x true [a]\n", ""},
		{"help", []string{"-help"}, 0, "", "usage: echoctl COMMAND"},
		{"help as a word", []string{"-config", "x", "help"}, 0, "usage: echoctl COMMAND\n", ""},
		{"help of a command", []string{"say", "-help"}, 0, "", "usage: echoctl say [-loud] WORD [WORD]"},
		{"nothing", nil, 2, "", "usage: echoctl COMMAND"},
		{"no such command", []string{"shout"}, 2, "", `no command is called "shout"`},
		{"no such flag", []string{"-x", "say"}, 2, "", "-x"},
		{"no such flag of a command", []string{"say", "-x"}, 2, "", "-x"},
		{"too few", []string{"say"}, 2, "", "usage: echoctl say"},
		{"too many", []string{"say", "a", "b", "c"}, 2, "", "usage: echoctl say"},
		{"errors", []string{"fail"}, 1, "", "echoctl: one\nechoctl: two\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, tt.code, program().Run(t.Context(), tt.args, &stdout, &stderr))
			require.Equal(t, tt.stdout, stdout.String())
			require.Contains(t, stderr.String(), tt.stderr)
			require.NotContains(t, stderr.String(), "not told")
		})
	}
}

func Example() {
	program().Run(context.Background(), []string{"say", "hello"}, os.Stdout, os.Stderr)
	// Output: /etc/echoctl.toml false [hello]
}

func TestWhatIsACommand(t *testing.T) {
	for args, want := range map[string]bool{
		"": false, "-config x": false, "-check -config x": false, "-config=x": false, "-debug 9000": false, "-config x -log debug": false,
		"status": true, "-config x status": true, "-config=x status": true, "--config x status": true, "nonsense": true, "help": true, "-config": false,
	} {
		require.Equal(t, want, cli.IsCommand(strings.Fields(args)), "%q", args)
	}
}
