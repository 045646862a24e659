package nfsd

import (
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// nobody is the user that root becomes where it is squashed, and whoever calls
// itself by the number that the system takes for "leave as it is".
const nobody = 65534

// identity is how this process is when it is itself.
type identity struct {
	gid    int
	groups []int
}

func processIdentity() (identity, error) {
	if err := needCapabilities(); err != nil {
		return identity{}, err
	}
	groups, err := unix.Getgroups()
	if err != nil {
		return identity{}, fmt.Errorf("nfsd: groups: %w", err)
	}
	return identity{gid: unix.Getegid(), groups: groups}, nil
}

// needCapabilities is an error if a client's root could not do here what it may.
func needCapabilities() error {
	if unix.Geteuid() != 0 {
		return fmt.Errorf("nfsd: must run as root, not as user %d: %w", unix.Geteuid(), unix.EPERM)
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return fmt.Errorf("nfsd: capabilities: %w", err)
	}
	have := uint64(data[0].Effective) | uint64(data[1].Effective)<<32
	for name, bit := range map[string]int{
		"CAP_CHOWN": unix.CAP_CHOWN, "CAP_DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "CAP_DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH,
		"CAP_FOWNER": unix.CAP_FOWNER, "CAP_FSETID": unix.CAP_FSETID, "CAP_SETUID": unix.CAP_SETUID, "CAP_SETGID": unix.CAP_SETGID,
	} {
		if have&(1<<bit) == 0 {
			return fmt.Errorf("nfsd: needs %s: %w", name, unix.EPERM)
		}
	}
	return nil
}

// isRoot reports whether operations need no change of identity.
func (c credential) isRoot() bool { return c.uid == 0 && c.gid == 0 }

// local is the credential as it counts in an export.
func (c credential) local(squash bool) credential {
	if c.uid == ^uint32(0) || squash && c.uid == 0 {
		c.uid = nobody
	}
	if c.gid == ^uint32(0) || squash && c.gid == 0 {
		c.gid = nobody
	}
	c.groups = slices.DeleteFunc(slices.Clone(c.groups), func(g uint32) bool { return g == ^uint32(0) || squash && g == 0 })
	return c
}

// do runs fn as who, on a thread that is nobody else's meanwhile. The system
// calls are those of one thread, unlike package syscall's of the same names: the
// kernel decides by them what fn may do, and takes root's powers over files off
// by itself while the file system's user is not root.
//
// If the thread cannot be made itself again it stays locked to the goroutine,
// which must end soon, and ends with it.
func (id identity) do(who credential, fn func() error) error {
	runtime.LockOSThread()
	if err := take(who); err != nil {
		if id.restore() == nil {
			runtime.UnlockOSThread()
		}
		return err
	}
	err := fn()
	if id.restore() == nil {
		runtime.UnlockOSThread()
	}
	return err
}

func take(who credential) error {
	groups := make([]int, len(who.groups))
	for i, g := range who.groups {
		groups[i] = int(g)
	}
	if err := unix.Setgroups(groups); err != nil {
		return fmt.Errorf("nfsd: setgroups: %w", err)
	}
	return setFS(int(who.uid), int(who.gid))
}

// setFS verifies, as the calls themselves say nothing about failure.
func setFS(uid, gid int) error {
	_ = unix.Setfsgid(gid)
	_ = unix.Setfsuid(uid)
	if now, err := unix.SetfsgidRetGid(-1); err != nil || uint32(now) != uint32(gid) {
		return fmt.Errorf("nfsd: setfsgid %d: %w", gid, unix.EPERM)
	}
	if now, err := unix.SetfsuidRetUid(-1); err != nil || uint32(now) != uint32(uid) {
		return fmt.Errorf("nfsd: setfsuid %d: %w", uid, unix.EPERM)
	}
	return nil
}

func (id identity) restore() error {
	if err := setFS(0, id.gid); err != nil {
		return err
	}
	return unix.Setgroups(id.groups)
}
