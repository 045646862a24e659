package nfsroottest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// Users that own nothing outside the probes.
const (
	alice = 1000
	bob   = 1001
	staff = 2000 // a group that alice is in by her supplementary groups
)

// nobodysGroup is a group in which neither of them is.
const nobodysGroup = 2001

func probes() []probe {
	return slices.Concat(modeProbes(), ownerProbes(), timeProbes(), nameProbes(),
		directoryProbes(), openFileProbes(), dataProbes(), lockProbes(), extraProbes())
}

// as runs fn with the file system identity of a user, as the kernel's NFS client
// would send it. The thread that took the identity ends with it.
func as(uid, gid int, groups []int, fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread goes with the goroutine
		done <- errors.Join(become(uid, gid, groups), fn())
	}()
	return <-done
}

func become(uid, gid int, groups []int) error {
	if err := unix.Setgroups(groups); err != nil {
		return fmt.Errorf("setgroups %v: %w", groups, err)
	}
	if err := unix.Setfsgid(gid); err != nil {
		return fmt.Errorf("setfsgid %d: %w", gid, err)
	}
	if err := unix.Setfsuid(uid); err != nil {
		return fmt.Errorf("setfsuid %d: %w", uid, err)
	}
	if now, err := unix.SetfsuidRetUid(-1); err != nil || now != uid {
		return fmt.Errorf("setfsuid %d: is %d: %w", uid, now, err)
	}
	return nil
}

func asAlice(fn func() error) error { return as(alice, alice, []int{staff}, fn) }

func asBob(fn func() error) error { return as(bob, bob, nil, fn) }

// want is an error unless err is the one that a local file system returns.
func want(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return fmt.Errorf("got %w, want %w", orNone(err), target)
}

var errNone = errors.New("no error")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, want %v", what, got, want)
	}
	return nil
}

// stat is that of the name itself, past the client's cache where there is one.
func stat(path string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	if err != nil {
		err = &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	return st, err
}

func write(path, text string) error { return os.WriteFile(path, []byte(text), 0o644) }

func contains(path, text string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return same("contents of "+path, string(b), text)
}

// steps runs each until one fails.
func steps(fns ...func() error) error {
	for _, fn := range fns {
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}
