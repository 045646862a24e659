package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nfsroot": main})
}

// The scripts work on a farm of golden trees, which takes root on Linux.
func TestScripts(t *testing.T) {
	peer.NeedRoot(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"base": makeBase},
		Setup: func(e *testscript.Env) error {
			return os.WriteFile(filepath.Join(e.WorkDir, "nfsroot.toml"), []byte(scriptConfig(e.WorkDir)), 0o600)
		},
	})
}

func scriptConfig(dir string) string {
	return `farm = "` + dir + `/nfs"
boot = "` + dir + `/boot"
keys = "` + dir + `/keys"
cache = "` + dir + `/cache"
clone = "copy"
authorized_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEiYNHOsjWHoTh6OBdl5mC/uXe/JTo+iS/Dtmp48CdWr operator"]

[[machine]]
name = "pi1"
address = "10.80.0.66/30"
server = "10.80.0.65"

[[machine]]
name = "pi2"
address = "10.80.0.70/30"
server = "10.80.0.69"
`
}

// makeBase puts a small tree into the farm where nfsroot build would put what it
// has built: base NAME.
func makeBase(ts *testscript.TestScript, _ bool, args []string) {
	c, err := loadConfig(ts.MkAbs("nfsroot.toml"))
	ts.Check(err)
	a := &app{&cli.Call{Stderr: io.Discard}}
	f, err := a.farm(c)
	ts.Check(err)
	dir := ts.MkAbs("tree-" + args[0])
	ts.Check(nfsroottest.WriteTree(dir))
	ts.Check(os.WriteFile(filepath.Join(dir, "etc/base"), []byte(args[0]+"\n"), 0o644))
	ts.Check(f.ImportBase(context.Background(), args[0], dir))
	ts.Check(c.setBase(args[0]))
}

func TestCommandsAreDocumented(t *testing.T) {
	for name := range program.Commands {
		require.Contains(t, usage, "\n  "+name+" ", "of nfsroot -help")
	}
}
