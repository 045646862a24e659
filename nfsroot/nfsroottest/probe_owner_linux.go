package nfsroottest

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func ownerProbes() []probe {
	return []probe{
		{name: "owner-file", root: true, ask: owned(func(n string) error { return write(n, "x") })},
		{name: "owner-directory", root: true, ask: owned(func(n string) error { return os.Mkdir(n, 0o755) })},
		{name: "owner-symlink", root: true, ask: owned(func(n string) error { return os.Symlink("x", n) })},
		{name: "owner-fifo", root: true, ask: owned(func(n string) error { return unix.Mknod(n, unix.S_IFIFO|0o600, 0) })},
		{name: "chown", root: true, ask: chowns},
		{name: "chown-denied", root: true, ask: chownDenied},
		{name: "chmod-denied", root: true, ask: chmodDenied},
		{name: "mknod-denied", root: true, ask: mknodDenied},
		{name: "read-denied", root: true, ask: readDenied},
		{name: "write-denied", root: true, ask: writeDenied},
		{name: "etc-denied", root: true, ask: etcDenied},
		{name: "search-denied", root: true, ask: searchDenied},
		{name: "supplementary-groups", root: true, ask: supplementary},
		{name: "group-denied", root: true, ask: groupDenied},
		{name: "sticky-directory", root: true, ask: stickyDirectory},
		{name: "setgid-directory", root: true, ask: setgidDirectory},
		{name: "root-bypass", root: true, ask: rootBypass},
		{name: "owner-after-chmod", root: true, ask: ownerAfterChmod},
		{name: "read-by-exec", root: true, ask: readByExec},
	}
}

func ownerIs(path string, uid, gid uint32) error {
	st, err := stat(path)
	return errors.Join(err, same("owner of "+path, st.Uid, uid), same("group of "+path, st.Gid, gid))
}

func owned(create func(string) error) func(place) error {
	return func(p place) error {
		n := p.path("n")
		if err := asAlice(func() error { return create(n) }); err != nil {
			return err
		}
		return ownerIs(n, alice, alice)
	}
}

func chowns(p place) error {
	f, l := p.path("f"), p.path("l")
	if err := errors.Join(write(f, "x"), os.Symlink("f", l)); err != nil {
		return err
	}
	if err := errors.Join(os.Lchown(l, bob, nobodysGroup), os.Chown(f, alice, 70000)); err != nil {
		return err
	}
	return errors.Join(ownerIs(l, bob, nobodysGroup), ownerIs(f, alice, 70000))
}

// rootFile makes a file of root's with exactly this mode.
func rootFile(path string, mode uint32) error {
	if err := write(path, "secret"); err != nil {
		return err
	}
	return unix.Chmod(path, mode)
}

func chownDenied(p place) error {
	f := p.path("f")
	return asAlice(func() error {
		if err := write(f, "x"); err != nil {
			return err
		}
		return errors.Join(want(os.Chown(f, bob, -1), unix.EPERM), want(os.Chown(f, -1, nobodysGroup), unix.EPERM), os.Chown(f, -1, staff))
	})
}

func chmodDenied(p place) error {
	f := p.path("f")
	if err := rootFile(f, 0o666); err != nil {
		return err
	}
	return asAlice(func() error { return want(os.Chmod(f, 0o600), unix.EPERM) })
}

func mknodDenied(p place) error {
	return asAlice(func() error {
		return want(unix.Mknod(p.path("n"), unix.S_IFBLK|0o666, int(unix.Mkdev(8, 0))), unix.EPERM)
	})
}

func readDenied(p place) error {
	f := p.path("shadow")
	if err := rootFile(f, 0o600); err != nil {
		return err
	}
	return asAlice(func() error {
		_, err := os.ReadFile(f)
		return want(err, unix.EACCES)
	})
}

func writeDenied(p place) error {
	f := p.path("passwd")
	if err := rootFile(f, 0o644); err != nil {
		return err
	}
	err := asAlice(func() error {
		_, err := os.OpenFile(f, os.O_WRONLY, 0)
		return errors.Join(want(err, unix.EACCES), want(os.Truncate(f, 0), unix.EACCES))
	})
	return errors.Join(err, contains(f, "secret"))
}

func etcDenied(p place) error {
	d := p.path("etc")
	if err := os.Mkdir(d, 0o755); err != nil {
		return err
	}
	if err := write(d+"/f", "x"); err != nil {
		return err
	}
	return asAlice(func() error {
		return errors.Join(
			want(write(d+"/new", "x"), unix.EACCES),
			want(os.Mkdir(d+"/d", 0o755), unix.EACCES),
			want(os.Symlink("x", d+"/l"), unix.EACCES),
			want(os.Remove(d+"/f"), unix.EACCES),
			want(os.Rename(d+"/f", p.path("f")), unix.EACCES),
		)
	})
}

func searchDenied(p place) error {
	d := p.path("private")
	if err := os.Mkdir(d, 0o700); err != nil {
		return err
	}
	if err := write(d+"/f", "x"); err != nil {
		return err
	}
	return asAlice(func() error {
		_, errRead := os.ReadFile(d + "/f")
		_, errList := os.ReadDir(d)
		return errors.Join(want(errRead, unix.EACCES), want(errList, unix.EACCES))
	})
}

func supplementary(p place) error {
	f := p.path("f")
	if err := rootFile(f, 0o660); err != nil {
		return err
	}
	if err := os.Chown(f, 0, staff); err != nil {
		return err
	}
	return errors.Join(
		asAlice(func() error { return errors.Join(contains(f, "secret"), write(f, "changed")) }),
		asBob(func() error { return want(write(f, "no"), unix.EACCES) }),
		contains(f, "changed"),
	)
}

// groupDenied has a group with fewer rights than the others.
func groupDenied(p place) error {
	f := p.path("f")
	if err := rootFile(f, 0o606); err != nil {
		return err
	}
	if err := os.Chown(f, 0, staff); err != nil {
		return err
	}
	return errors.Join(
		asAlice(func() error { _, err := os.ReadFile(f); return want(err, unix.EACCES) }),
		asBob(func() error { return contains(f, "secret") }),
	)
}

func stickyDirectory(p place) error {
	d := p.path("tmp")
	if err := os.Mkdir(d, 0o777); err != nil {
		return err
	}
	if err := unix.Chmod(d, 0o1777); err != nil {
		return err
	}
	f := d + "/f"
	if err := asAlice(func() error { return write(f, "x") }); err != nil {
		return err
	}
	err := asBob(func() error {
		return errors.Join(want(os.Remove(f), unix.EPERM), want(os.Rename(f, d+"/g"), unix.EPERM))
	})
	return errors.Join(err, asAlice(func() error { return os.Remove(f) }))
}

func setgidDirectory(p place) error {
	d := p.path("shared")
	if err := os.Mkdir(d, 0o777); err != nil {
		return err
	}
	if err := errors.Join(os.Chown(d, 0, nobodysGroup), unix.Chmod(d, 0o2777)); err != nil {
		return err
	}
	err := asAlice(func() error { return errors.Join(write(d+"/f", "x"), os.Mkdir(d+"/d", 0o755)) })
	if err != nil {
		return err
	}
	st, err := stat(d + "/d")
	return errors.Join(err, ownerIs(d+"/f", alice, nobodysGroup), ownerIs(d+"/d", alice, nobodysGroup),
		same("setgid bit of the folder inside", st.Mode&unix.S_ISGID, unix.S_ISGID))
}

func rootBypass(p place) error {
	d, f := p.path("d"), p.path("d/f")
	err := asAlice(func() error {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
		return errors.Join(write(f, "hers"), os.Chmod(f, 0), os.Chmod(d, 0))
	})
	if err != nil {
		return err
	}
	return errors.Join(contains(f, "hers"), write(f, "root's"), contains(f, "root's"), ownerIs(f, alice, alice), os.Remove(f))
}

// ownerAfterChmod is what makes archivers work: a file that its owner opened for
// writing stays writable through that descriptor, whatever its mode becomes.
func ownerAfterChmod(p place) error {
	f := p.path("f")
	err := asAlice(func() error {
		file, err := os.OpenFile(f, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o400)
		if err != nil {
			return err
		}
		_, err = file.WriteString("text")
		return errors.Join(err, file.Chmod(0o000), file.Sync(), file.Close())
	})
	return errors.Join(err, contains(f, "text"), modeIs(f, 0))
}

// readByExec runs a program that its user may run and not read.
func readByExec(p place) error {
	program := p.path("program")
	if err := os.WriteFile(program, exitProgram(), 0o600); err != nil {
		return err
	}
	if err := unix.Chmod(program, 0o711); err != nil {
		return err
	}
	err := asAlice(func() error {
		_, err := os.ReadFile(program)
		return errors.Join(want(err, unix.EACCES), unix.Faccessat(unix.AT_FDCWD, program, unix.X_OK, unix.AT_EACCESS))
	})
	if err != nil || exitProgram() == nil {
		return err
	}
	cmd := exec.Command(program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: alice, Gid: alice}}
	return cmd.Run()
}
