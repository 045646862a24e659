package serialcontest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// PTY is a pseudo-terminal: the program under test opens Path as its tty, the
// test has the other side. Read, Write and Close are the test's side; Close
// hangs the tty up, as pulling an adapter out does.
type PTY struct {
	*os.File
	Path string // of the tty
}

// OpenPTY makes one, in raw mode.
func OpenPTY() (*PTY, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("serialcontest: open a pseudo-terminal: %w", err)
	}
	p := &PTY{File: master}
	raw, err := master.SyscallConn()
	if err == nil {
		var inner error
		err = raw.Control(func(fd uintptr) { inner = p.unlock(int(fd)) })
		if err == nil {
			err = inner
		}
	}
	if err != nil {
		_ = master.Close()
		return nil, fmt.Errorf("serialcontest: open a pseudo-terminal: %w", err)
	}
	return p, nil
}

func (p *PTY) unlock(fd int) error {
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("its number: %w", err)
	}
	p.Path = "/dev/pts/" + strconv.Itoa(n)
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock %s: %w", p.Path, err)
	}
	return makeRaw(fd)
}

func makeRaw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// Opener opens the tty, plainly.
func (p *PTY) Opener() serialcon.Opener { return ptyOpener(p.Path) }

type ptyOpener string

func (o ptyOpener) String() string { return "pty " + string(o) }

func (o ptyOpener) Open(context.Context) (serialcon.Port, error) {
	fd, err := unix.Open(string(o), unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: string(o), Err: err}
	}
	if err := makeRaw(fd); err != nil {
		_ = unix.Close(fd)
		return nil, &fs.PathError{Op: "set raw mode", Path: string(o), Err: err}
	}
	return &ptyPort{file: os.NewFile(uintptr(fd), string(o))}, nil
}

// ptyPort is the tty, which a Console may read either way.
type ptyPort struct{ file *os.File }

var _ serialcon.Pollable = (*ptyPort)(nil)

func (p *ptyPort) Read(b []byte) (int, error)            { return p.file.Read(b) }
func (p *ptyPort) Write(b []byte) (int, error)           { return p.file.Write(b) }
func (p *ptyPort) SetReadDeadline(t time.Time) error     { return p.file.SetReadDeadline(t) }
func (p *ptyPort) SetWriteDeadline(t time.Time) error    { return p.file.SetWriteDeadline(t) }
func (p *ptyPort) SyscallConn() (syscall.RawConn, error) { return p.file.SyscallConn() }

// Close may be called more than once.
func (p *ptyPort) Close() error {
	_ = p.file.Close()
	return nil
}
