package tty

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Open opens the device, locks it and sets it up. It does not wait for a
// carrier. The error is ErrConfig, ErrBusy, ErrConsole, ErrNotTaken, ErrNotTTY
// or fs.ErrNotExist, or the system's.
//
// The lock is flock(2) and, but for pseudo-terminals, TIOCEXCL; the superuser's
// programs respect only the former.
func (c Config) Open(ctx context.Context) (serialcon.Port, error) {
	c = c.withDefaults()
	if err := errors.Join(ctx.Err(), c.Check()); err != nil {
		return nil, err
	}
	path, err := c.System.find(c.Device)
	if err != nil {
		return nil, err
	}
	d, err := c.System.device(path)
	if err != nil {
		return nil, err
	}
	if c.System.isHostConsole(d.name) {
		return nil, fmt.Errorf("%w: %s is %s; take it out of console= first", ErrConsole, path, d.name)
	}
	fd, err := d.inherit(c.Inherited)
	if err != nil {
		fd, err = d.open(c.System)
	}
	if err != nil {
		return nil, err
	}
	p := &port{path: path, fd: fd, pty: d.pty(), parity: c.Parity != ParityNone, gone: make(chan struct{})}
	missing, err := c.set(fd)
	switch {
	case err != nil:
		err = fmt.Errorf("tty: %s: %w", path, err)
	case missing != "" && c.Lenient:
		p.notes = append(p.notes, serialcon.Event{
			Kind: serialcon.EventNote, Who: "tty", Text: "the driver of " + path + " did not take: " + missing,
		})
	case missing != "":
		err = fmt.Errorf("%w: %s: %s", ErrNotTaken, path, missing)
	}
	if err != nil {
		p.shut(err)
		return nil, err
	}
	p.counts = counters(fd, new(icounter)) == nil
	return p, nil
}

// device is a terminal device that is there.
type device struct {
	path string
	real string // without symbolic links
	name string // the kernel's
	rdev uint64
}

// The major numbers of the far ends that are programs: Unix98 pseudo-terminals.
const (
	firstPTY = 136
	lastPTY  = 143
)

func (d device) pty() bool {
	major := unix.Major(d.rdev)
	return major >= firstPTY && major <= lastPTY
}

// device looks at a path before it is opened: opening raises DTR.
func (s System) device(path string) (device, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return device{}, fmt.Errorf("tty: find %s: %w", path, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(real, &st); err != nil {
		return device{}, fmt.Errorf("tty: %w", &fs.PathError{Op: "stat", Path: path, Err: err})
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return device{}, fmt.Errorf("%w: %s", ErrNotTTY, path)
	}
	d := device{path: path, real: real, name: filepath.Base(real), rdev: st.Rdev}
	number := fmt.Sprintf("%d:%d", unix.Major(d.rdev), unix.Minor(d.rdev))
	if link, err := os.Readlink(s.sys("dev", "char", number)); err == nil {
		d.name = filepath.Base(link) // whatever the node is called
	}
	return d, nil
}

// inherit takes over a descriptor of this device, with its locks.
func (d device) inherit(file *os.File) (int, error) {
	if file == nil {
		return -1, os.ErrInvalid
	}
	defer func() { _ = file.Close() }()
	raw, err := file.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var inner error
	err = raw.Control(func(from uintptr) { fd, inner = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, inner); err != nil {
		return -1, err
	}
	if err := d.fits(fd); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// fits checks an inherited descriptor: of this device, not hung up, locked.
func (d device) fits(fd int) error {
	if err := d.same(fd); err != nil {
		return err
	}
	return errors.Join(unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB), unix.SetNonblock(fd, true))
}

// same checks that a descriptor is of this device, and of a terminal.
func (d device) same(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Rdev != d.rdev {
		return fmt.Errorf("tty: open %s: another device took its place; try again", d.path)
	}
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS2); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotTTY, d.path, err)
	}
	return nil
}

// open opens and locks the device.
func (d device) open(s System) (int, error) {
	fd, err := unix.Open(d.real, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EBUSY):
		return -1, d.busy(s, 0, err)
	case err != nil:
		return -1, fmt.Errorf("tty: %w", &fs.PathError{Op: "open", Path: d.path, Err: err})
	}
	if err := d.lock(fd, s); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (d device) lock(fd int, s System) error {
	if err := d.same(fd); err != nil {
		return err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return d.busy(s, 1, err)
	}
	if d.pty() {
		return nil // its TIOCEXCL would outlive a crash of ours, as the far end keeps it
	}
	// The superuser gets past TIOCEXCL. One without a holder was left behind.
	if n, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL); err == nil && n != 0 && s.holder(d.real, 1) != "" {
		return d.busy(s, 1, unix.EBUSY)
	}
	if err := ioctl(fd, unix.TIOCEXCL); err != nil {
		return fmt.Errorf("tty: lock %s: %w", d.path, err)
	}
	return nil
}

// busy says who has the device, beside this many descriptors of this call.
func (d device) busy(s System, own int, err error) error {
	if who := s.holder(d.real, own); who != "" {
		return fmt.Errorf("%w: %s: %s has it (%w)", ErrBusy, d.path, who, err)
	}
	return fmt.Errorf("%w: %s, by a program that this one may not see (%w)", ErrBusy, d.path, err)
}
