package main

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// routeEntry is struct rtentry of linux/route.h, by which SIOCADDRT takes a
// route. Its sockaddrs have 16 bytes; Go's alignment is C's.
type routeEntry struct {
	_       uintptr
	dst     unix.RawSockaddrInet4
	gateway unix.RawSockaddrInet4
	mask    unix.RawSockaddrInet4
	flags   uint16
	_       int16
	_       uintptr
	_       uintptr
	_       int16
	dev     uintptr
	_       uintptr
	_       uintptr
	_       uint16
}

// addDefaultRoute sends what is of no other network to the gateway.
func (n *network) addDefaultRoute(gateway netip.Addr) error {
	entry := routeEntry{
		dst:     unix.RawSockaddrInet4{Family: unix.AF_INET},
		gateway: unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: gateway.As4()},
		mask:    unix.RawSockaddrInet4{Family: unix.AF_INET},
		flags:   unix.RTF_UP | unix.RTF_GATEWAY,
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(n.fd), unix.SIOCADDRT, uintptr(unsafe.Pointer(&entry)))
	if errno != 0 {
		return errno
	}
	return nil
}
