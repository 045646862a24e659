package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const newRoot = "/newroot"

// apiMount is a file system that the kernel makes; it moves to the new root.
type apiMount struct {
	kind, target string
	flags        uintptr
	data         string
}

var apiMounts = []apiMount{
	{"proc", "/proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"sysfs", "/sys", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"devtmpfs", "/dev", unix.MS_NOSUID, "mode=0755"},
	{"tmpfs", "/run", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755,size=20%"},
}

func mountAPI() error {
	for _, m := range apiMounts {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		err := unix.Mount(m.kind, m.target, m.kind, m.flags, m.data)
		if err != nil && !errors.Is(err, unix.EBUSY) { // CONFIG_DEVTMPFS_MOUNT
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.target, err)
		}
	}
	return nil
}

// switchRoot makes the mounted root the root, with the kernel's file systems in
// it, and gives the memory of the initramfs back.
func switchRoot() error {
	for _, m := range apiMounts {
		target := filepath.Join(newRoot, m.target)
		if err := unix.Mount(m.target, target, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s into the root, which should have an empty folder there: %w", m.target, err)
		}
	}
	if err := freeInitramfs(); err != nil {
		return err
	}
	if err := os.Chdir(newRoot); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("make the mounted root the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("change root: %w", err)
	}
	return os.Chdir("/")
}

// freeInitramfs deletes what is in the file system of the initramfs, and only
// there: the root is mounted on a folder of it.
func freeInitramfs() error {
	var here unix.Stat_t
	if err := unix.Lstat("/", &here); err != nil {
		return fmt.Errorf("look at the initramfs: %w", err)
	}
	var fsInfo unix.Statfs_t
	if err := unix.Statfs("/", &fsInfo); err != nil {
		return fmt.Errorf("look at the initramfs: %w", err)
	}
	if kind := uint32(fsInfo.Type); kind != unix.RAMFS_MAGIC && kind != unix.TMPFS_MAGIC {
		return fmt.Errorf("/ is no initramfs but of type %#x: nothing is deleted", kind)
	}
	removeOn(here.Dev, "/")
	return nil
}

// removeOn deletes what is in the folder and on the device. What cannot be
// deleted stays and costs memory only.
func removeOn(device uint64, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil || st.Dev != device {
			continue
		}
		if e.IsDir() {
			removeOn(device, path)
		}
		_ = os.Remove(path)
	}
}

// runnable returns nil if the folder, which is to be the root, has the program. A
// symbolic link counts as one: it may be absolute, and so lead nowhere yet.
func runnable(dir, program string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(filepath.Clean(program)[1:])
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink == 0 && (info.IsDir() || info.Mode()&0o111 == 0) {
		return fmt.Errorf("%s is no program: %w", program, fs.ErrPermission)
	}
	return nil
}

// execInit becomes the system's init, with the arguments and the environment
// that the kernel gave.
func execInit(program string) error {
	argv := append([]string{program}, os.Args[1:]...)
	return fmt.Errorf("run %s: %w", program, unix.Exec(program, argv, withDefaults(os.Environ())))
}

// defaults are what every init finds in its environment.
var defaults = []string{"HOME=/", "TERM=linux", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

// withDefaults adds those that are missing.
func withDefaults(env []string) []string {
	for _, d := range defaults {
		name := d[:strings.Index(d, "=")+1]
		if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name) }) {
			env = append(env, d)
		}
	}
	return env
}
