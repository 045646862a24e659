package telnet

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
)

var (
	_ serialcon.Pollable    = (*Port)(nil)
	_ serialcon.ReadyReader = (*Port)(nil)
)

// SyscallConn gives the socket to an Engine. A connection that is no socket, or
// whose line spoke before Open returned, is read by Read: errors.ErrUnsupported.
func (p *Port) SyscallConn() (syscall.RawConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.raw == nil || len(p.early) > 0 {
		return nil, fmt.Errorf("telnet: poll the connection: %w", errors.ErrUnsupported)
	}
	return p.raw, nil
}

// ReadReady reads what is there.
func (p *Port) ReadReady(b []byte) (n int, err error) {
	if n := p.takeEarly(b); n > 0 || len(b) == 0 {
		return n, nil
	}
	if p.raw == nil {
		return 0, fmt.Errorf("telnet: poll the connection: %w", errors.ErrUnsupported)
	}
	var failed error
	err = p.raw.Control(func(fd uintptr) { n, failed = unix.Read(int(fd), b) })
	switch {
	case err != nil:
		return 0, err
	case errors.Is(failed, unix.EAGAIN), errors.Is(failed, unix.EINTR):
		return 0, nil
	case failed != nil:
		return 0, failed
	case n == 0:
		return 0, io.EOF
	}
	return p.receive(b[:n])
}
