package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/nfsroot/cmd/nfsinit/internal/boot"
)

// packets is a UDP socket that is bound to an interface. Until the interface has
// an address, it sends from 0.0.0.0, and what is sent to everybody comes in.
//
// Package net would do the same in half a megabyte more.
type packets struct{ fd int }

// The ports of RFC 2131.
const (
	clientPort = 68
	serverPort = 67
)

func (n *network) Listen(l boot.Link) (boot.Packets, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	p := packets{fd}
	if err := p.bind(l.Name); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return p, nil
}

func (p packets) bind(device string) error {
	if err := unix.BindToDevice(p.fd, device); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
		return err
	}
	return unix.Bind(p.fd, &unix.SockaddrInet4{Port: clientPort})
}

func (p packets) Send(b []byte) error {
	return unix.Sendto(p.fd, b, 0, &unix.SockaddrInet4{Port: serverPort, Addr: [4]byte{255, 255, 255, 255}})
}

func (p packets) Receive(deadline time.Time) ([]byte, error) {
	b := make([]byte, 1500)
	for {
		n, _, err := unix.Recvfrom(p.fd, b, 0)
		if err == nil {
			return b[:n], nil
		}
		if err != unix.EAGAIN && err != unix.EINTR {
			return nil, err
		}
		if err := waitFor(p.fd, unix.POLLIN, deadline); err != nil {
			return nil, err
		}
	}
}

func (p packets) Close() error { return unix.Close(p.fd) }

// waitFor waits until the socket is ready for the events, or is in error.
func waitFor(fd int, events int16, deadline time.Time) error {
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, int(left.Milliseconds())+1)
		if n > 0 {
			return nil
		}
		if err != nil && err != unix.EINTR {
			return err
		}
	}
}
