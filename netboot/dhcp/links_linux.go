package dhcp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// watchLinks opens a socket that can be read when an interface or an IPv4
// address has come, gone or changed.
func watchLinks() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

// run starts the readers.
func (t *Linux) run() {
	t.mu.Lock()
	t.started = true
	for _, l := range t.links {
		t.serve(l)
	}
	t.mu.Unlock()
	changed := make(chan struct{}, 1)
	t.running.Go(func() {
		defer close(changed)
		buf := make([]byte, 1<<16)
		for {
			// Which change is of no matter, and a notice that was lost for
			// want of room is as good as one that came.
			if _, err := t.watch.Read(buf); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return // closed
			}
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	})
	t.running.Go(func() {
		for range changed {
			if err := t.ns.do(t.scan); err != nil {
				t.cfg.Log.Error("dhcp cannot serve an interface", "err", err)
			}
		}
	})
}

// serve starts the readers of l. The caller holds mu.
func (t *Linux) serve(l *link) {
	for _, p := range l.ports {
		t.running.Go(func() { l.read(t, p) })
	}
}

// ended reports whether l is no longer served.
func (t *Linux) ended(l *link) bool {
	select {
	case <-t.closed:
		return true
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.links[l.index] != l
}

// scan brings links up to date with the interfaces that there are.
func (t *Linux) scan() error {
	found, err := t.interfaces()
	if err != nil {
		return err
	}
	t.drop(found)
	var errs []error
	for index, now := range found {
		if t.refresh(index, now) || !now.up {
			continue
		}
		l, err := openLink(now.name, index, t.portNumbers(), t.cfg.PXE)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.current.Store(&now.linkInfo)
		t.add(l)
	}
	return errors.Join(errs...)
}

// drop closes the links that are not among found, or go by another name.
func (t *Linux) drop(found map[int]*foundLink) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for index, l := range t.links {
		if now := found[index]; now == nil || now.name != l.name {
			delete(t.links, index)
			l.close()
			t.cfg.Log.Info("dhcp stops serving interface", "interface", l.name)
		}
	}
}

// refresh updates the link of that index, and reports whether there is one.
func (t *Linux) refresh(index int, now *foundLink) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.links[index]
	if l != nil {
		l.current.Store(&now.linkInfo)
	}
	return l != nil
}

func (t *Linux) add(l *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.closed:
		l.close()
		return
	default:
	}
	t.links[l.index] = l
	t.cfg.Log.Info("dhcp serves interface", "interface", l.name, "addresses", l.info().addrs)
	if t.started {
		t.serve(l)
	}
}

func (t *Linux) portNumbers() []int {
	if t.cfg.PXE {
		return []int{ServerPort, PXEPort}
	}
	return []int{ServerPort}
}

// foundLink is an interface that is to be served.
type foundLink struct {
	linkInfo
	name string
	up   bool
}

// interfaces returns the interfaces that are matched, by index.
func (t *Linux) interfaces() (map[int]*foundLink, error) {
	links, err := t.routes.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // the change that interrupted it is noticed
		return nil, fmt.Errorf("dhcp: list interfaces: %w", err)
	}
	found := make(map[int]*foundLink)
	for _, l := range links {
		a := l.Attrs()
		if t.cfg.Match == nil && a.Flags&net.FlagLoopback != 0 || t.cfg.Match != nil && !t.cfg.Match(a.Name) {
			continue
		}
		found[a.Index] = &foundLink{
			linkInfo: linkInfo{mac: slices.Clone(a.HardwareAddr)}, name: a.Name, up: a.Flags&net.FlagUp != 0,
		}
	}
	addrs, err := t.routes.AddrList(nil, netlink.FAMILY_V4)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("dhcp: list addresses: %w", err)
	}
	for _, a := range addrs {
		ip, ok := netip.AddrFromSlice(a.IP.To4())
		if l := found[a.LinkIndex]; l != nil && ok {
			ones, _ := a.Mask.Size()
			l.addrs = append(l.addrs, netip.PrefixFrom(ip, ones))
		}
	}
	return found, nil
}
