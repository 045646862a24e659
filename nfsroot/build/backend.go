package build

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// Backend is a program that bootstraps Debian.
type Backend string

// The backends.
const (
	Auto        Backend = ""            // mmdebstrap where it is installed, else debootstrap
	Mmdebstrap  Backend = "mmdebstrap"  // apt resolves, from all mirrors at once
	Debootstrap Backend = "debootstrap" // a base from the first mirror of the suite, then the root's own apt
)

// choose finds the backend's program.
func (b Backend) choose() (Backend, error) {
	candidates := []Backend{b}
	if b == Auto {
		candidates = []Backend{Mmdebstrap, Debootstrap}
	}
	for _, c := range candidates {
		if c != Mmdebstrap && c != Debootstrap {
			return "", fmt.Errorf("backend %q is not one of %q and %q", string(c), Mmdebstrap, Debootstrap)
		}
		if _, err := exec.LookPath(string(c)); err == nil {
			return c, nil
		}
	}
	return "", fmt.Errorf("neither %v is installed: %w", candidates, exec.ErrNotFound)
}

// job is what a backend's script is made of.
type job struct {
	spec     nfsroot.Spec
	date     time.Time
	root     string // where the tree goes
	config   string // a folder with files for the tree's /etc, for the build only
	archives string // .deb files: those there are used, those fetched stay
	lists    string // apt's package lists, likewise
	tar      bool   // the tree goes to standard output, root is emptied
}

// emit is the end of each script: the tree as a tar archive, when $1 is "tar".
// Nothing else of a script may write to standard output.
const emit = `
if [ "$1" = tar ]; then
	tar --create --numeric-owner --one-file-system --directory "$2" .
fi
`

func (j job) command(b Backend) Command {
	c := Command{Arch: j.spec.Arch, Root: j.root, Env: j.env()}
	mode := "dir"
	if j.tar {
		mode = "tar"
	}
	args := []string{mode, j.root, j.config, j.archives, j.lists}
	if b == Mmdebstrap {
		c.Script, c.Args = mmdebstrapScript, append(args, j.mmdebstrap()...)
	} else {
		c.Script, c.Args = debootstrapScript, append(args, j.debootstrap()...)
	}
	return c
}

// env is the environment of the tools and of the packages' scripts: nothing of
// the caller's but how to reach the mirrors.
func (j job) env() []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"LC_ALL=C.UTF-8",
		"TZ=UTC0",
		"DEBIAN_FRONTEND=noninteractive",
		"DEBCONF_NONINTERACTIVE_SEEN=true",
		"SOURCE_DATE_EPOCH=" + strconv.FormatInt(j.date.Unix(), 10),
	}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy"} {
		for _, n := range []string{name, strings.ToUpper(name)} {
			if v, ok := os.LookupEnv(n); ok {
				env = append(env, n+"="+v)
			}
		}
	}
	return env
}

// aptOptions are of the build only.
var aptOptions = []string{
	`APT::Install-Recommends "false";`,
	`APT::Sandbox::User "root";`, // the folders here are not the user _apt's
	`Acquire::Languages "none";`,
	`Acquire::Retries "2";`,
	`Acquire::Check-Date "true";`,
	`DPkg::Use-Pty "false";`,
	`#clear DPkg::Pre-Install-Pkgs;`, // debconf has nobody to ask
}

const unsafeIO = "force-unsafe-io"

func (j job) dpkgOptions() []string {
	return append([]string{unsafeIO}, strings.Fields(j.spec.Trim.DpkgConfig())...)
}
