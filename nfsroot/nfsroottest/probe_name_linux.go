package nfsroottest

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func nameProbes() []probe {
	return []probe{
		{name: "rename-over", ask: renameOver},
		{name: "rename-to-hard-link", ask: renameToHardLink},
		{name: "rename-errors", ask: renameErrors},
		{name: "symlink-targets", ask: symlinkTargets},
		{name: "symlink-loop", ask: symlinkLoop},
		{name: "long-names", ask: longNames},
		{name: "odd-names", ask: oddNames},
		{name: "case-sensitive", ask: caseSensitive},
		{name: "error-codes", ask: errorCodes},
	}
}

func renameOver(p place) error {
	a, b := p.path("a"), p.path("b")
	if err := errors.Join(write(a, "new"), write(b, "old"), os.Rename(a, b)); err != nil {
		return err
	}
	_, err := stat(a)
	return errors.Join(want(err, unix.ENOENT), contains(b, "new"))
}

// renameToHardLink does nothing, as POSIX has it.
func renameToHardLink(p place) error {
	a, b := p.path("a"), p.path("b")
	if err := errors.Join(write(a, "x"), os.Link(a, b), unix.Rename(a, b)); err != nil {
		return err
	}
	return errors.Join(contains(a, "x"), contains(b, "x"))
}

func renameErrors(p place) error {
	d, full, f := p.path("d"), p.path("full"), p.path("f")
	if err := errors.Join(os.MkdirAll(d+"/inside", 0o755), os.MkdirAll(full+"/x", 0o755), write(f, "x")); err != nil {
		return err
	}
	into := unix.Rename(d, d+"/inside/d")
	over := unix.Rename(d, full)
	if !errors.Is(over, unix.EEXIST) {
		over = want(over, unix.ENOTEMPTY)
	} else {
		over = nil
	}
	return errors.Join(want(into, unix.EINVAL), over,
		want(unix.Rename(f, d), unix.EISDIR), want(unix.Rename(d, f), unix.ENOTDIR),
		want(unix.Rename(p.path("none"), f), unix.ENOENT))
}

func symlinkTargets(p place) error {
	targets := []string{"/etc/alternatives/editor", "../../x", "f", strings.Repeat("long/", 200), "with space and ü", "\x01\xff"}
	for i, target := range targets {
		l := p.path(fmt.Sprint("l", i))
		if err := os.Symlink(target, l); err != nil {
			return err
		}
		got, err := os.Readlink(l)
		st, errStat := stat(l)
		if err := errors.Join(err, errStat, same("target", got, target), same("size", st.Size, int64(len(target)))); err != nil {
			return err
		}
	}
	return errors.Join(write(p.path("f"), "x"), contains(p.path("l2"), "x"))
}

func symlinkLoop(p place) error {
	l := p.path("l")
	if err := os.Symlink("l", l); err != nil {
		return err
	}
	_, err := os.ReadFile(l)
	return want(err, unix.ELOOP)
}

func longNames(p place) error {
	long := p.path(strings.Repeat("n", 255))
	if err := errors.Join(write(long, "x"), contains(long, "x")); err != nil {
		return err
	}
	return want(write(long+"n", "x"), unix.ENAMETOOLONG)
}

func oddNames(p place) error {
	names := []string{"naïve-日本語", " ", "new\nline", "\\", "*?[", "-rf", "\x01\x7f", "not\xff\xfeutf8", "...", "e\u0301", "é"}
	for _, n := range names {
		if err := write(p.path(n), n); err != nil {
			return err
		}
	}
	list, err := os.ReadDir(string(p))
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, e := range list {
		seen[e.Name()] = true
	}
	for _, n := range names {
		if !seen[n] {
			return fmt.Errorf("%q is not listed", n)
		}
		if err := contains(p.path(n), n); err != nil {
			return err
		}
	}
	return same("entries", len(list), len(names))
}

func caseSensitive(p place) error {
	return errors.Join(write(p.path("name"), "a"), write(p.path("NAME"), "b"), contains(p.path("name"), "a"), contains(p.path("NAME"), "b"))
}

func errorCodes(p place) error {
	d, f := p.path("d"), p.path("f")
	if err := errors.Join(os.MkdirAll(d+"/x", 0o755), write(f, "x")); err != nil {
		return err
	}
	_, below := stat(f + "/x")
	_, missing := stat(p.path("none"))
	notEmpty := unix.Rmdir(d)
	if errors.Is(notEmpty, unix.EEXIST) {
		notEmpty = unix.ENOTEMPTY
	}
	_, created := os.OpenFile(f, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return errors.Join(
		want(notEmpty, unix.ENOTEMPTY), want(unix.Rmdir(f), unix.ENOTDIR), want(unix.Unlink(d), unix.EISDIR),
		want(below, unix.ENOTDIR), want(missing, unix.ENOENT), want(created, unix.EEXIST),
		want(os.Mkdir(d, 0o755), unix.EEXIST), want(write(d, "x"), unix.EISDIR),
		want(os.Symlink("x", f), unix.EEXIST), want(os.Mkdir(p.path("none/d"), 0o755), unix.ENOENT),
	)
}
