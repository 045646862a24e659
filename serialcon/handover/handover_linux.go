package handover

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// closeOnExec fails for a descriptor that is not open.
func closeOnExec(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	return err
}

// Store gives a copy of a port's descriptor to the service manager, under a
// console's name. One of the same device that it has already counts once.
// Without a manager (NOTIFY_SOCKET) the error is errors.ErrUnsupported.
func Store(name string, c syscall.Conn) error {
	if err := serialcon.CheckName(name); err != nil {
		return fmt.Errorf("handover: store: %w", err)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return fmt.Errorf("handover: store %s: %w", name, err)
	}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = notify("FDSTORE=1\nFDNAME="+name, unix.UnixRights(int(fd))) })
	if err = errors.Join(err, inner); err != nil {
		return fmt.Errorf("handover: store %s: %w", name, err)
	}
	return nil
}

// Forget makes the manager close what it has under a name: the console is no
// longer configured.
func Forget(name string) error {
	if err := serialcon.CheckName(name); err != nil {
		return fmt.Errorf("handover: forget: %w", err)
	}
	if err := notify("FDSTOREREMOVE=1\nFDNAME="+name, nil); err != nil {
		return fmt.Errorf("handover: forget %s: %w", name, err)
	}
	return nil
}

// notify sends one message to the service manager, as sd_notify(3) does.
func notify(state string, rights []byte) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return fmt.Errorf("no service manager (NOTIFY_SOCKET is not set): %w", errors.ErrUnsupported)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Sendmsg(fd, []byte(state), rights, &unix.SockaddrUnix{Name: path}, 0); err != nil {
		return fmt.Errorf("tell the service manager at %s: %w", path, err)
	}
	return nil
}

// Exec makes this process the program at path, with the descriptors under
// their consoles' names, and the environment env. It returns only if that
// failed, and then nothing has changed. Close nothing before: a Close is what
// loses bytes. Logs must be synced.
func Exec(path string, argv, env []string, ports map[string]syscall.Conn) error {
	var list strings.Builder
	list.WriteString(execVar + "=" + strconv.Itoa(os.Getpid()))
	syscall.ForkLock.Lock() // no child of another goroutine's shall have them
	defer syscall.ForkLock.Unlock()
	var copies []int
	defer func() {
		for _, fd := range copies {
			_ = unix.Close(fd)
		}
	}()
	for name, c := range ports {
		fd, err := keep(name, c)
		if err != nil {
			return fmt.Errorf("handover: exec %s: keep %q: %w", path, name, err)
		}
		copies = append(copies, fd)
		list.WriteString(" " + name + "=" + strconv.Itoa(fd))
	}
	var clean []string
	for _, v := range env {
		if !strings.HasPrefix(v, execVar+"=") {
			clean = append(clean, v)
		}
	}
	err := unix.Exec(path, argv, append(clean, list.String()))
	return fmt.Errorf("handover: exec %s: %w", path, err)
}

// keep makes a copy of a descriptor that survives an exec.
func keep(name string, c syscall.Conn) (fd int, err error) {
	if err := serialcon.CheckName(name); err != nil {
		return -1, err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	var inner error
	err = raw.Control(func(from uintptr) { fd, inner = unix.FcntlInt(from, unix.F_DUPFD, firstListen) })
	return fd, errors.Join(err, inner)
}
