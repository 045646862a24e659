package nfsroottest

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// extraProbes ask for what NFSv3 does not carry, and for the size of the whole.
func extraProbes() []probe {
	return []probe{
		{name: "statfs", ask: statsFS},
		{name: "pathconf", ask: nameMax},
		{name: "drop-acl", root: true, ask: dropsACL},
		{name: "fallocate", optional: true, ask: fallocates},
		{name: "punch-hole", optional: true, ask: punchesHole},
		{name: "xattr-user", optional: true, ask: userXattr},
		{name: "setcap", root: true, optional: true, ask: setsCapability},
		{name: "posix-acl", root: true, optional: true, ask: setsACL},
	}
}

func statsFS(p place) error {
	var st unix.Statfs_t
	if err := unix.Statfs(string(p), &st); err != nil {
		return fmt.Errorf("statfs: %w", err)
	}
	if st.Bsize <= 0 || st.Blocks == 0 || st.Bavail > st.Blocks || st.Bfree > st.Blocks {
		return fmt.Errorf("block size %d, blocks %d, free %d, available %d", st.Bsize, st.Blocks, st.Bfree, st.Bavail)
	}
	return nil
}

func nameMax(p place) error {
	var st unix.Statfs_t
	err := unix.Statfs(string(p), &st)
	return errors.Join(err, same("longest name", st.Namelen, 255))
}

// dropsACL removes an ACL that is not there, as systemd does with the folders of
// a service (StateDirectory=) before it gives them to the service's user. Over
// NFSv3 with ACLs nfs-ganesha fails at it; the mount option noacl cures that.
func dropsACL(p place) error {
	dir := p.path("d")
	if err := unix.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("mkdir: %w", err)
	}
	for _, name := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
		err := unix.Removexattr(dir, name)
		if err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.EOPNOTSUPP) {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

func fallocates(p place) error {
	f, err := opened(p.path("f"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, 1<<20); err != nil {
		return fmt.Errorf("fallocate: %w", err)
	}
	st, err := stat(p.path("f"))
	return errors.Join(err, same("size", st.Size, 1<<20))
}

func punchesHole(p place) error {
	f, err := opened(p.path("f"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 2); err != nil {
		return fmt.Errorf("fallocate: %w", err)
	}
	return readAll(f, "\x00\x00e")
}

func userXattr(p place) error {
	f := p.path("f")
	if err := write(f, "x"); err != nil {
		return err
	}
	if err := unix.Setxattr(f, "user.probe", []byte("v"), 0); err != nil {
		return fmt.Errorf("setxattr: %w", err)
	}
	b := make([]byte, 8)
	n, err := unix.Getxattr(f, "user.probe", b)
	return errors.Join(err, same("value", string(b[:max(n, 0)]), "v"))
}

func setsCapability(p place) error {
	f := p.path("f")
	if err := write(f, "x"); err != nil {
		return err
	}
	netRaw := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} // revision 2, effective, cap_net_raw
	if err := unix.Setxattr(f, "security.capability", netRaw, 0); err != nil {
		return fmt.Errorf("setcap: %w", err)
	}
	return nil
}

func setsACL(p place) error {
	f := p.path("f")
	if err := write(f, "x"); err != nil {
		return err
	}
	const none = 0xff
	acl := []byte{2, 0, 0, 0, // version
		0x01, 0, 6, 0, none, none, none, none, // the owner
		0x02, 0, 6, 0, alice & 0xff, alice >> 8, 0, 0, // alice
		0x04, 0, 4, 0, none, none, none, none, // the group
		0x10, 0, 6, 0, none, none, none, none, // mask
		0x20, 0, 0, 0, none, none, none, none} // others
	if err := unix.Setxattr(f, "system.posix_acl_access", acl, 0); err != nil {
		return fmt.Errorf("setfacl: %w", err)
	}
	return asAlice(func() error { return contains(f, "x") })
}
