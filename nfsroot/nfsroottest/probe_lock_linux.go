package nfsroottest

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func lockProbes() []probe {
	return []probe{
		{name: "flock", ask: flocks},
		{name: "fcntl-lock", ask: recordLocks},
		{name: "ofd-lock", ask: ofdLocks},
	}
}

// twice opens one file two times.
func twice(p place) (a, b *os.File, err error) {
	if a, err = opened(p.path("f")); err != nil {
		return nil, nil, err
	}
	if b, err = os.OpenFile(p.path("f"), os.O_RDWR, 0); err != nil {
		a.Close()
	}
	return a, b, err
}

func flocks(p place) error {
	a, b, err := twice(p)
	if err != nil {
		return err
	}
	defer a.Close()
	defer b.Close()
	if err := unix.Flock(int(a.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("flock: %w", err)
	}
	err = want(unix.Flock(int(b.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
	return errors.Join(err, unix.Flock(int(a.Fd()), unix.LOCK_UN), unix.Flock(int(b.Fd()), unix.LOCK_EX|unix.LOCK_NB))
}

func recordLocks(p place) error {
	a, err := opened(p.path("f"))
	if err != nil {
		return err
	}
	defer a.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 2}
	if err := unix.FcntlFlock(a.Fd(), unix.F_SETLK, &lock); err != nil {
		return fmt.Errorf("F_SETLK: %w", err)
	}
	lock.Type = unix.F_UNLCK
	return unix.FcntlFlock(a.Fd(), unix.F_SETLK, &lock)
}

func ofdLocks(p place) error {
	a, b, err := twice(p)
	if err != nil {
		return err
	}
	defer a.Close()
	defer b.Close()
	set := func(f *os.File, kind int16, start int64) error {
		return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Start: start, Len: 2})
	}
	return errors.Join(set(a, unix.F_WRLCK, 0), set(b, unix.F_WRLCK, 10),
		want(set(b, unix.F_WRLCK, 1), unix.EAGAIN), set(a, unix.F_UNLCK, 0), set(b, unix.F_WRLCK, 1))
}
