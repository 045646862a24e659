package build

import (
	"slices"
	"strings"
)

// mmdebstrapHooks is where mmdebstrap's package has its hooks; merged-usr makes
// the folders links before the first package comes, as usrmerge would later
// with all of Perl.
const mmdebstrapHooks = "/usr/share/mmdebstrap/hooks/"

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
		args = append(args, "--hook-dir="+mmdebstrapHooks+"merged-usr")
	}
	if len(j.spec.Packages) > 0 {
		args = append(args, "--include="+strings.Join(j.spec.Packages, ","))
	}
	for _, o := range aptOptions {
		args = append(args, "--aptopt="+o)
	}
	for _, o := range j.dpkgOptions() {
		args = append(args, "--dpkgopt="+o)
	}
	return append(args, "--", j.spec.Suite, j.root, j.spec.SourcesList(""))
}

// mergedUsr reports whether the root gets its merged folders from the hook
// instead of from the package usrmerge.
func (j job) mergedUsr() bool { return slices.Contains(j.spec.Packages, "usr-is-merged") }
