package ra

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// watch returns a channel that is sent to when an interface or an address has
// come, gone or changed, until stop is called, which waits for its end.
func watch() (changes <-chan struct{}, stop func(), err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, err
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV6_IFADDR)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, nil, errors.Join(err, unix.Close(fd))
	}
	socket := os.NewFile(uintptr(fd), "netlink")
	changed := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 1<<16)
		for {
			// What has changed is of no matter: all interfaces are looked at.
			// ENOBUFS says that notices were lost, which is one too.
			if _, err := socket.Read(buf); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}()
	return changed, func() { socket.Close(); <-ended }, nil
}
