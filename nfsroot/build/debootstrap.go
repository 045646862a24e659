package build

import (
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// debootstrap makes the base from one archive; the rest, updates and security
// fixes come by the root's own apt.
//
// In a user namespace no device can be made. There debootstrap is told that it
// runs in an LXC container, for which it binds the system's devices instead.
const debootstrapScript = `
set -ef
mode=$1 root=$2 config=$3 archives=$4 lists=$5 packages=$6 mirrors=$7
shift 7
{
if ! mknod "$root/null" c 1 3 2>/dev/null || ! echo >"$root/null"; then
	export container=lxc
fi 2>/dev/null
rm -f "$root/null"
mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
cp -R "$config/etc/dpkg/." "$root/etc/dpkg/"
debootstrap "$@"
echo "I: debootstrap is done"
cp -R "$config/." "$root/"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root/var/cache/apt/archives/partial" "$root/var/lib/apt/lists/partial"
mount --bind "$archives" "$root/var/cache/apt/archives"
mount --bind "$lists" "$root/var/lib/apt/lists"
for m in $mirrors; do
	mkdir -p "$root$m"
	mount --bind "$m" "$root$m"
done
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
ca=/etc/ssl/certs/ca-certificates.crt
https=
if [ -r "$ca" ]; then
	cp "$ca" "$root/ca.crt"
	https=-oAcquire::https::CAInfo=/ca.crt
fi
apt() { chroot "$root" apt-get --yes $https "$@" </dev/null; }
apt update --error-on=any
apt dist-upgrade
if [ -n "$packages" ]; then
	apt install $packages
fi
rm -f "$root/usr/sbin/policy-rc.d" "$root/ca.crt"
for m in $mirrors; do
	umount "$root$m"
	chroot "$root" rmdir --parents --ignore-fail-on-non-empty "$m"
done
umount "$root/var/cache/apt/archives" "$root/var/lib/apt/lists" "$root/proc"
umount --lazy "$root/dev" # some below cannot be unmounted one by one in a user namespace
} >&2
set -- "$mode" "$root"
` + emit

func (j job) debootstrap() []string {
	first := j.base()
	args := []string{
		strings.Join(j.spec.Packages, " "),
		strings.Join(j.fileMirrors(), " "),
		"--variant=minbase",
		"--merged-usr",
		"--arch=" + string(j.spec.Arch),
		"--keyring=" + first.Keyring,
		"--force-check-gpg",
		"--cache-dir=" + j.archives,
		"--components=" + strings.Join(first.Components, ","),
	}
	return append(args, first.Suite, j.root, first.URL)
}

// base is the archive that debootstrap begins with.
func (j job) base() nfsroot.Mirror {
	archives := j.spec.Archives()
	i := slices.IndexFunc(archives, func(m nfsroot.Mirror) bool { return m.Suite == j.spec.Suite })
	return archives[max(0, i)]
}

// fileMirrors are the folders of archives on this machine, which the root's apt
// must see.
func (j job) fileMirrors() []string {
	var dirs []string
	for _, m := range j.spec.Archives() {
		if dir, ok := strings.CutPrefix(m.URL, "file://"); ok && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
