package nfsroottest

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func modeProbes() []probe {
	return []probe{
		{name: "setuid", ask: keepsMode(0o4755)},
		{name: "setgid", ask: keepsMode(0o2755)},
		{name: "sticky", ask: keepsDirMode(0o1777)},
		{name: "all-mode-bits", ask: keepsMode(0o7777)},
		{name: "no-mode-bits", ask: keepsMode(0)},
		{name: "create-mode", ask: createMode},
		{name: "chown-clears-setuid", root: true, ask: chownClears},
		{name: "write-clears-setuid", root: true, ask: writeClears},
		{name: "hard-link", ask: hardLink},
		{name: "hard-link-symlink", ask: hardLinkSymlink},
		{name: "mknod-char", root: true, ask: makesNode(unix.S_IFCHR, unix.Mkdev(1, 3))},
		{name: "mknod-block", root: true, ask: makesNode(unix.S_IFBLK, unix.Mkdev(259, 200000))},
		{name: "fifo", ask: makesNode(unix.S_IFIFO, 0)},
		{name: "socket", ask: makesNode(unix.S_IFSOCK, 0)},
	}
}

func modeIs(path string, mode uint32) error {
	st, err := stat(path)
	if err != nil {
		return err
	}
	if got := st.Mode & 0o7777; got != mode {
		return fmt.Errorf("mode of %s is %04o, want %04o", path, got, mode)
	}
	return nil
}

func keepsMode(mode uint32) func(place) error {
	return func(p place) error {
		f := p.path("f")
		if err := write(f, "x"); err != nil {
			return err
		}
		if err := unix.Chmod(f, mode); err != nil {
			return fmt.Errorf("chmod %04o: %w", mode, err)
		}
		return modeIs(f, mode)
	}
}

func keepsDirMode(mode uint32) func(place) error {
	return func(p place) error {
		d := p.path("d")
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
		if err := unix.Chmod(d, mode); err != nil {
			return fmt.Errorf("chmod %04o: %w", mode, err)
		}
		return modeIs(d, mode)
	}
}

// createMode takes modes that every usual umask leaves alone.
func createMode(p place) error {
	fd, err := unix.Open(p.path("f"), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o4700)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if err := unix.Close(fd); err != nil {
		return err
	}
	if err := unix.Mkdir(p.path("d"), 0o1700); err != nil {
		return fmt.Errorf("mkdir: %w", err)
	}
	return errors.Join(modeIs(p.path("f"), 0o4700), modeIs(p.path("d"), 0o1700))
}

func chownClears(p place) error {
	f := p.path("f")
	if err := write(f, "x"); err != nil {
		return err
	}
	if err := unix.Chmod(f, 0o6755); err != nil {
		return err
	}
	if err := os.Chown(f, alice, alice); err != nil {
		return err
	}
	return modeIs(f, 0o755)
}

func writeClears(p place) error {
	f := p.path("f")
	if err := write(f, "x"); err != nil {
		return err
	}
	if err := unix.Chmod(f, 0o6777); err != nil {
		return err
	}
	err := asAlice(func() error {
		file, err := os.OpenFile(f, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = file.WriteString("y")
		return errors.Join(err, file.Sync(), file.Close())
	})
	return errors.Join(err, modeIs(f, 0o777))
}

func hardLink(p place) error {
	a, b := p.path("a"), p.path("b")
	if err := write(a, "one"); err != nil {
		return err
	}
	if err := os.Link(a, b); err != nil {
		return err
	}
	sa, errA := stat(a)
	sb, errB := stat(b)
	if err := errors.Join(errA, errB, same("inode of the link", sb.Ino, sa.Ino),
		same("link count", sb.Nlink, 2)); err != nil {
		return err
	}
	if err := want(os.Link(a, b), unix.EEXIST); err != nil {
		return fmt.Errorf("link over a name: %w", err)
	}
	if err := os.Remove(a); err != nil {
		return err
	}
	sb, err := stat(b)
	return errors.Join(err, same("link count after the first name is gone", sb.Nlink, 1), contains(b, "one"))
}

func hardLinkSymlink(p place) error {
	a, b := p.path("a"), p.path("b")
	if err := os.Symlink("nowhere", a); err != nil {
		return err
	}
	if err := os.Link(a, b); err != nil {
		return err
	}
	target, err := os.Readlink(b)
	return errors.Join(err, same("target of the link", target, "nowhere"))
}

func makesNode(kind uint32, dev uint64) func(place) error {
	return func(p place) error {
		n := p.path("n")
		if err := unix.Mknod(n, kind|0o600, int(dev)); err != nil {
			return fmt.Errorf("mknod: %w", err)
		}
		st, err := stat(n)
		return errors.Join(err, same("kind", st.Mode&unix.S_IFMT, kind), same("device", st.Rdev, dev))
	}
}
