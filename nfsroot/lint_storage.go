package nfsroot

import (
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

const mountsRule = "mounts"

func storageRules() []Rule {
	return []Rule{
		{
			Name:  "fstab",
			Finds: "Lines of /etc/fstab for the root, for swap, for block devices, and with an fsck pass.",
			Why:   "There is no disk. A line for / has systemd mount the root once more; a device that never comes costs a minute and a half at each boot.",
			Mend:  "Removes the lines, and sets the passes to 0.",
			check: checkFstab,
		},
		{
			Name:  "swap",
			Finds: "Swap in files or on devices: dphys-swapfile, units of systemd, files. Compressed memory (zram) is left in peace.",
			Why:   "Swap over NFS is slow, fills the server, and deadlocks when memory is needed to reach it.",
			Mend:  "Masks the unit, and removes the file.",
			check: checkSwap,
		},
		{
			Name:  "resume",
			Finds: "An initramfs-tools that looks for a device to resume from.",
			Why:   "It takes the build host's swap, and then waits for it at each boot.",
			Mend:  "Writes RESUME=none.",
			check: checkResume,
		},
		{
			Name:  mountsRule,
			Finds: "What is mounted below the tree on this machine.",
			Why:   "It was left by a build that was killed. Removing the tree then removes what is mounted there, and a clone copies it.",
			Mend:  "Unmounts it, unless it is in use.",
			check: checkMounts,
		},
	}
}

func checkFstab(l *linter) error {
	const name = "etc/fstab"
	text, err := l.read(name)
	if err != nil {
		return err
	}
	mended := editLines(text, func(line string) (string, bool) { return fstabLine(line) })
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if got, keep := fstabLine(line); !keep || got != line {
			l.find(Error, name, l.rewrite(name, mended), "%s: %q", fstabFault(strings.Fields(line)), line)
		}
	}
	return nil
}

// fstabLine returns the line as it should be, and whether it should.
func fstabLine(line string) (string, bool) {
	fields := strings.Fields(line)
	switch fault := fstabFault(fields); fault {
	case "":
		return line, true
	case checkedAtBoot:
		fields[5] = "0"
		return strings.Join(fields, " "), true
	}
	return "", false
}

const checkedAtBoot = "has an fsck pass"

// fstabFault says what is wrong with a line of fstab(5).
func fstabFault(fields []string) string {
	switch {
	case len(fields) < 3 || strings.HasPrefix(fields[0], "#"):
		return ""
	case fields[1] == "/":
		return "mounts the root"
	case fields[2] == "swap":
		return "is swap"
	case isBlockDevice(fields[0]):
		return "mounts a disk"
	case len(fields) > 5 && fields[5] != "0":
		return checkedAtBoot
	}
	return ""
}

func isBlockDevice(source string) bool {
	tag, _, tagged := strings.Cut(source, "=")
	tags := []string{"UUID", "LABEL", "PARTUUID", "PARTLABEL", "ID"}
	return strings.HasPrefix(source, "/dev/") || tagged && slices.Contains(tags, tag)
}

// swapFiles are where Debian's and Raspberry Pi OS's tools put them.
var swapFiles = []string{"swap", "swapfile", "swap.img", "var/swap", "var/swapfile", "var/lib/swap"}

func checkSwap(l *linter) error {
	const swapper = "dphys-swapfile.service"
	if l.exists("sbin/dphys-swapfile") || l.exists("usr/sbin/dphys-swapfile") {
		l.findUnmasked(Error, swapper, "makes a swap file at each boot")
	}
	for _, dir := range unitDirs {
		units, err := l.files(dir, ".swap")
		if err != nil {
			return err
		}
		for _, at := range units {
			l.findUnmasked(Error, path.Base(at), "is a unit for swap")
		}
	}
	for _, name := range swapFiles {
		if fi, err := l.root.Lstat(name); err == nil && fi.Mode().IsRegular() {
			l.find(Error, name, l.remove(name), "is a swap file of %d bytes", fi.Size())
		}
	}
	return nil
}

const resumeConf = "etc/initramfs-tools/conf.d/resume"

func checkResume(l *linter) error {
	if !l.exists("etc/initramfs-tools/initramfs.conf") && !l.exists("usr/sbin/update-initramfs") {
		return nil
	}
	confs, err := l.list("etc/initramfs-tools/conf.d")
	if err != nil {
		return err
	}
	none := false
	for _, conf := range append([]string{"../initramfs.conf"}, confs...) {
		name := path.Join("etc/initramfs-tools/conf.d", conf)
		text, err := l.read(name)
		if err != nil {
			return err
		}
		without := editLines(text, func(line string) (string, bool) {
			value, ok := strings.CutPrefix(strings.TrimSpace(line), "RESUME=")
			value = strings.Trim(strings.TrimSpace(value), `"'`)
			none = none || ok && value == "none"
			return line, !ok || value == "none"
		})
		if without != text {
			none = true
			l.find(Error, name, func() error {
				return errors.Join(l.rewrite(name, without)(), l.resumeNone())
			}, "names a device to resume from")
		}
	}
	if !none {
		l.find(Warning, resumeConf, l.resumeNone, "does not say RESUME=none")
	}
	return nil
}

func (l *linter) resumeNone() error {
	return tree.WriteFile(l.root, resumeConf, tree.File{Data: []byte("RESUME=none\n")})
}

func checkMounts(l *linter) error {
	if _, err := mountPoints(); err != nil {
		return err
	}
	for _, point := range l.mounts {
		l.find(Error, point, func() error { return tree.Unmount(l.root, point) }, "is a mount point")
	}
	return nil
}

// mountsIn returns the mount points below a directory, relative to it; none
// where the system does not tell.
func mountsIn(dir string) ([]string, error) {
	points, err := mountPoints()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	return mountsBelow(points, dir), nil
}

// mountsBelow returns the mount points strictly below a directory, relative to
// it. The same point comes once for each mount that is stacked there.
func mountsBelow(points []string, dir string) []string {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	var below []string
	for _, point := range points {
		if rest, ok := strings.CutPrefix(point, prefix); ok && rest != "" {
			below = append(below, rest)
		}
	}
	return below
}

// parseMountinfo returns the mount points of a /proc/PID/mountinfo: the fifth
// field of each line, in which space, tab, newline, backslash and # are octal
// escapes (proc_pid_mountinfo(5)).
func parseMountinfo(text string) []string {
	var points []string
	for line := range strings.Lines(text) {
		if fields := strings.Split(line, " "); len(fields) > 5 {
			points = append(points, unescapeOctal(fields[4]))
		}
	}
	return points
}

func unescapeOctal(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		s = after
		if len(after) >= 3 {
			if c, err := strconv.ParseUint(after[:3], 8, 8); err == nil {
				b.WriteByte(byte(c))
				s = after[3:]
				continue
			}
		}
		b.WriteByte('\\')
	}
}
