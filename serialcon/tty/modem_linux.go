package tty

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// icounter is the kernel's struct serial_icounter_struct.
type icounter struct {
	_                                             [6]int32 // cts, dsr, rng, dcd, rx, tx
	frame, overrun, parity, breaks, bufferOverrun int32
	_                                             [9]int32
}

// Lines reads the modem lines.
func (p *port) Lines() (serialcon.Lines, error) {
	var bits int
	err := p.with(func(fd int) (err error) {
		bits, err = unix.IoctlGetInt(fd, unix.TIOCMGET)
		return err
	})
	if err != nil {
		return serialcon.Lines{}, p.lacks("read the modem lines of", err)
	}
	on := func(bit int) bool { return bits&bit != 0 }
	return serialcon.Lines{
		DTR: on(unix.TIOCM_DTR), RTS: on(unix.TIOCM_RTS),
		CTS: on(unix.TIOCM_CTS), DSR: on(unix.TIOCM_DSR), CD: on(unix.TIOCM_CD), RI: on(unix.TIOCM_RI),
	}, nil
}

// SetLines sets the outputs.
func (p *port) SetLines(dtr, rts bool) error {
	on, off := 0, 0
	pick := func(set bool, bit int) {
		if set {
			on |= bit
		} else {
			off |= bit
		}
	}
	pick(dtr, unix.TIOCM_DTR)
	pick(rts, unix.TIOCM_RTS)
	err := p.with(func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCMBIS, on); err != nil {
			return err
		}
		return unix.IoctlSetPointerInt(fd, unix.TIOCMBIC, off)
	})
	if err != nil {
		return p.lacks("set the modem lines of", err)
	}
	return nil
}

// Counters reads the driver's counters of errors.
func (p *port) Counters() (serialcon.Counts, error) {
	var c icounter
	err := p.with(func(fd int) error { return counters(fd, &c) })
	if err != nil {
		return serialcon.Counts{}, p.lacks("read the counters of", err)
	}
	return serialcon.Counts{
		Frame: uint32(c.frame), Parity: uint32(c.parity), Overrun: uint32(c.overrun),
		Break: uint32(c.breaks), BufferOverrun: uint32(c.bufferOverrun),
	}, nil
}

func counters(fd int, c *icounter) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGICOUNT, uintptr(unsafe.Pointer(c))); e != 0 {
		return e
	}
	return nil
}

// lacks says what failed, and whether the driver does not have it at all.
func (p *port) lacks(what string, err error) error {
	if u := unsupported(err); errors.Is(u, errors.ErrUnsupported) {
		return fmt.Errorf("tty: %s %s: %w", what, p.path, u)
	}
	return p.failed(what, err)
}

// unsupported translates the errors by which drivers say that they lack
// something.
func unsupported(err error) error {
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("%w (%w)", errors.ErrUnsupported, err)
	}
	return err
}
