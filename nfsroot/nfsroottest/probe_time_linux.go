package nfsroottest

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func timeProbes() []probe {
	return []probe{
		{name: "utimens-nanoseconds", ask: utimens},
		{name: "utimens-symlink", ask: utimensSymlink},
		{name: "times-distinct", ask: timesDistinct},
		{name: "ctime-after-chmod", ask: ctimeMoves},
		{name: "mtime-of-directory", ask: mtimeOfDirectory},
		{name: "utimens-omit", ask: utimensOmit},
		{name: "touch-by-writer", root: true, ask: touchByWriter},
	}
}

var (
	anAtime = unix.Timespec{Sec: 1_000_000_000, Nsec: 123_456_789}
	anMtime = unix.Timespec{Sec: 1_500_000_000, Nsec: 987_654_321}
)

func setTimes(path string, atime, mtime unix.Timespec) error {
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{atime, mtime}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "utimensat", Path: path, Err: err}
	}
	return nil
}

func utimens(p place) error {
	f := p.path("f")
	if err := errors.Join(write(f, "x"), setTimes(f, anAtime, anMtime)); err != nil {
		return err
	}
	st, err := stat(f)
	return errors.Join(err, same("atime", st.Atim, anAtime), same("mtime", st.Mtim, anMtime))
}

func utimensSymlink(p place) error {
	l := p.path("l")
	if err := errors.Join(os.Symlink("nowhere", l), setTimes(l, anAtime, anMtime)); err != nil {
		return err
	}
	st, err := stat(l)
	return errors.Join(err, same("mtime", st.Mtim, anMtime))
}

func timesDistinct(p place) error {
	f := p.path("f")
	if err := errors.Join(write(f, "x"), setTimes(f, anAtime, anMtime)); err != nil {
		return err
	}
	st, err := stat(f)
	if err != nil {
		return err
	}
	if st.Ctim == st.Mtim || st.Atim == st.Mtim || st.Ctim == st.Atim {
		return fmt.Errorf("atime %v, mtime %v and ctime %v are not three times", st.Atim, st.Mtim, st.Ctim)
	}
	return nil
}

func ctimeMoves(p place) error {
	f := p.path("f")
	if err := errors.Join(write(f, "x"), setTimes(f, anAtime, anMtime)); err != nil {
		return err
	}
	before, err := stat(f)
	if err != nil {
		return err
	}
	return eventually(func() error {
		if err := os.Chmod(f, 0o600); err != nil {
			return err
		}
		after, err := stat(f)
		if err == nil && after.Ctim == before.Ctim {
			err = errors.New("chmod leaves ctime as it was")
		}
		return errors.Join(err, same("mtime after chmod", after.Mtim, anMtime))
	})
}

func mtimeOfDirectory(p place) error {
	d := p.path("d")
	if err := errors.Join(os.Mkdir(d, 0o755), setTimes(d, anAtime, anMtime), write(d+"/f", "x")); err != nil {
		return err
	}
	st, err := stat(d)
	if err == nil && st.Mtim == anMtime {
		err = errors.New("a new file leaves the folder's mtime as it was")
	}
	return err
}

func utimensOmit(p place) error {
	f := p.path("f")
	if err := errors.Join(write(f, "x"), setTimes(f, anAtime, anMtime)); err != nil {
		return err
	}
	later := unix.Timespec{Sec: 1_600_000_000, Nsec: 1}
	if err := setTimes(f, unix.Timespec{Nsec: unix.UTIME_OMIT}, later); err != nil {
		return err
	}
	st, err := stat(f)
	return errors.Join(err, same("atime that was left alone", st.Atim, anAtime), same("mtime", st.Mtim, later))
}

// touchByWriter: who may write may set the times to now, and to nothing else.
func touchByWriter(p place) error {
	f := p.path("f")
	if err := errors.Join(rootFile(f, 0o666), setTimes(f, anAtime, anMtime)); err != nil {
		return err
	}
	now := unix.Timespec{Nsec: unix.UTIME_NOW}
	err := asAlice(func() error {
		return errors.Join(want(setTimes(f, anAtime, anAtime), unix.EPERM), setTimes(f, now, now))
	})
	if err != nil {
		return err
	}
	st, err := stat(f)
	if err == nil && st.Mtim == anMtime {
		err = errors.New("touch leaves mtime as it was")
	}
	return err
}

// eventually retries for as long as a clock may take to tick.
func eventually(fn func() error) error {
	deadline := time.Now().Add(2 * time.Second)
	for {
		err := fn()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
