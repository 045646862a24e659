package build

import (
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// mergeUsr is mmdebstrap's own hook that makes the folders links before the
// first package comes, as usrmerge would later with all of Perl. It leaves an
// empty usr-is-merged, which the real one replaces among all other packages: the
// hook that goes with it starts apt for that one package.
const mergeUsr = "/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh"

// The hooks of mmdebstrap have the tree as $1. The caches lie under the tree
// only as mounts, which end before the tree is taken.
const mmdebstrapScript = `
set -e
mode=$1 root=$2
export NFSROOT_CONFIG="$3" NFSROOT_ARCHIVES="$4" NFSROOT_LISTS="$5"
shift 5
mmdebstrap "$@" >&2
set -- "$mode" "$root"
` + emit

const mountCaches = `set -e
mkdir -p "$1/var/cache/apt/archives/partial" "$1/var/lib/apt/lists/partial"
cp -R "$NFSROOT_CONFIG/." "$1/"
mount --bind "$NFSROOT_ARCHIVES" "$1/var/cache/apt/archives"
mount --bind "$NFSROOT_LISTS" "$1/var/lib/apt/lists"`

const unmountCaches = `umount "$1/var/cache/apt/archives" "$1/var/lib/apt/lists"`

func (j job) mmdebstrap() []string {
	args := []string{
		"--mode=root", // in the sandbox; a plain user's is a user namespace
		"--format=directory",
		"--verbose",
		"--variant=minbase",
		"--architectures=" + string(j.spec.Arch),
		"--setup-hook=" + mountCaches,
		"--customize-hook=" + unmountCaches,
		"--skip=essential/unlink,cleanup/apt,check/signed-by",
	}
	if j.mergedUsr() {
		args = append(args, "--setup-hook="+mergeUsr)
	}
	if len(j.spec.Packages) > 0 {
		args = append(args, "--include="+strings.Join(j.spec.Packages, ","))
	}
	if hook := trimExtracted(j.spec.Trim); hook != "" {
		args = append(args, "--extract-hook="+hook)
	}
	for _, o := range aptOptions {
		args = append(args, "--aptopt="+o)
	}
	return append(args, "--", j.spec.Suite, j.root, j.spec.SourcesList(""))
}

// trimExtracted is a script that removes from $1 what dpkg would have left out.
// The essential packages are first unpacked by tar, and what their scripts see
// then is what they work with: a manual page that is there gets an alternative.
// mmdebstrap can filter too, by a Python program for each package.
func trimExtracted(t nfsroot.Trim) string {
	rules := strings.Fields(t.DpkgConfig())
	if len(rules) == 0 {
		return ""
	}
	var tests []string
	for _, rule := range slices.Backward(rules) { // of dpkg's rules the last counts
		kind, pattern, _ := strings.Cut(rule, "=")
		test := "-path '." + pattern + "'" // a valid spec has no quotes in it
		if kind == "path-exclude" {
			test += " -delete"
		}
		tests = append(tests, test)
	}
	return `cd "$1" && find . -xdev ! -type d \( ` + strings.Join(tests, " -o ") + ` \)`
}

// mergedUsr reports whether the root gets its merged folders from the hook
// instead of from the package usrmerge.
func (j job) mergedUsr() bool { return slices.Contains(j.spec.Packages, "usr-is-merged") }
