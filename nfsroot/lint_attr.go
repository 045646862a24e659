package nfsroot

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
)

const (
	capabilityAttr = "security.capability"
	aclAttr        = "system.posix_acl_access"
	aclDefaultAttr = "system.posix_acl_default"
)

func attributeRules() []Rule {
	return []Rule{
		{
			Name:  "file-capabilities",
			Finds: "Files with capabilities (setcap).",
			Why:   "NFS carries no security.capability, so the program silently runs without: ping fails for users.",
			Mend:  "Removes them. A program that Debian installs setuid root where there are no capabilities, such as ping, is made setuid root.",
			visit: visitCapabilities,
		},
		{
			Name:  "acl",
			Finds: "POSIX access control lists.",
			Why:   "They do not travel over NFSv4 nor through every server's NFSv3, and the group bits of the mode mean something else with them.",
			Mend:  "Removes them, and gives the group what the list allowed it.",
			visit: visitACL,
		},
		{
			Name:  "xattrs",
			Finds: "Other extended attributes, except SELinux labels and properties of btrfs.",
			Why:   "NFSv3 carries none and NFSv4.2 only user.*, so the machine does not see them.",
			Mend:  "Removes them.",
			visit: visitXattrs,
		},
		{
			Name:  "file-flags",
			Finds: "Immutable and append-only files (chattr +i, +a).",
			Why:   "The flags do not show over NFS, but the server's kernel obeys them: the machine's own root cannot change the file and cannot see why.",
			Mend:  "Clears them.",
			visit: visitFlags,
		},
	}
}

// setuidInstead are the programs that work setuid root as well as with file
// capabilities: each drops what it does not need, and Debian's own postinst
// installs it so where setcap fails.
var setuidInstead = []string{
	"usr/bin/arping", "usr/bin/clockdiff", "usr/bin/fping", "usr/bin/mtr-packet", "usr/bin/newgidmap",
	"usr/bin/newuidmap", "usr/bin/ping", "usr/bin/ping6", "usr/bin/traceroute6.iputils",
}

func visitCapabilities(l *linter, e tree.Entry) error {
	names, err := l.xattrs(e)
	if err != nil || !slices.Contains(names, capabilityAttr) {
		return err
	}
	if needsSetuid(e) {
		l.find(Error, e.Path, func() error {
			if err := tree.RemoveXattr(l.root, e.Path, capabilityAttr); err != nil {
				return err
			}
			return tree.Chmod(l.root, e.Path, addSetuid)
		}, "has file capabilities, which NFS loses: it has to be setuid root")
		return nil
	}
	l.find(Error, e.Path, func() error {
		return tree.RemoveXattr(l.root, e.Path, capabilityAttr)
	}, "has file capabilities, which NFS loses: it runs without them")
	return nil
}

// needsSetuid is true only for a program that is known, and that nobody but
// root can write.
func needsSetuid(e tree.Entry) bool {
	return slices.Contains(setuidInstead, canonical(e.Path)) && safeForSetuid(e.Info) == nil
}

func safeForSetuid(fi fs.FileInfo) error {
	st, ok := tree.StatOf(fi)
	if !ok || !fi.Mode().IsRegular() || st.UID != 0 || fi.Mode()&0o022 != 0 {
		return errors.New("is not root's alone to write: not made setuid")
	}
	return nil
}

func addSetuid(fi fs.FileInfo) (fs.FileMode, error) {
	return fi.Mode().Perm() | fi.Mode()&(fs.ModeSetgid|fs.ModeSticky) | fs.ModeSetuid, safeForSetuid(fi)
}

// canonical is the path of a file below /usr, where /bin and /sbin are separate.
func canonical(name string) string {
	if strings.HasPrefix(name, "bin/") || strings.HasPrefix(name, "sbin/") {
		return "usr/" + name
	}
	return name
}

func visitACL(l *linter, e tree.Entry) error {
	names, err := l.xattrs(e)
	if err != nil || !slices.Contains(names, aclAttr) && !slices.Contains(names, aclDefaultAttr) {
		return err
	}
	l.find(Warning, e.Path, func() error { return removeACL(l, e.Path, slices.Contains(names, aclAttr)) },
		"has a POSIX access control list")
	return nil
}

func removeACL(l *linter, name string, access bool) error {
	if err := tree.RemoveXattr(l.root, name, aclDefaultAttr); err != nil || !access {
		return err
	}
	list, err := tree.Xattr(l.root, name, aclAttr)
	if err != nil {
		return err
	}
	group, ok := aclGroup(list)
	if !ok {
		return &fs.PathError{Op: "read the access control list of", Path: name, Err: fs.ErrInvalid}
	}
	// First the mode: it narrows the list's mask, so the group is never given
	// more than it had.
	err = tree.Chmod(l.root, name, func(fi fs.FileInfo) (fs.FileMode, error) {
		return fi.Mode()&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)&^0o070 | group<<3, nil
	})
	if err != nil {
		return err
	}
	return tree.RemoveXattr(l.root, name, aclAttr)
}

// aclGroup returns what an access control list, as the kernel stores it, allows
// the file's group: its own entry, as far as the mask lets it. A version word is
// followed by entries of tag, permissions and id, little endian.
func aclGroup(list []byte) (fs.FileMode, bool) {
	const version, groupObj, mask = 2, 0x04, 0x10
	if len(list) < 4 || len(list)%8 != 4 || binary.LittleEndian.Uint32(list) != version {
		return 0, false
	}
	group, limit := fs.FileMode(0), fs.FileMode(7)
	for at := list[4:]; len(at) >= 8; at = at[8:] {
		perm := fs.FileMode(binary.LittleEndian.Uint16(at[2:])) & 7
		switch binary.LittleEndian.Uint16(at) {
		case groupObj:
			group = perm
		case mask:
			limit = perm
		}
	}
	return group & limit, true
}

func visitXattrs(l *linter, e tree.Entry) error {
	names, err := l.xattrs(e)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !otherAttr(name) {
			continue
		}
		l.find(Warning, e.Path, func() error { return tree.RemoveXattr(l.root, e.Path, name) },
			"has the extended attribute %q, which NFS loses", name)
	}
	return nil
}

func otherAttr(name string) bool {
	switch name {
	case capabilityAttr, aclAttr, aclDefaultAttr, "security.selinux":
		return false
	}
	return !strings.HasPrefix(name, "btrfs.")
}

// xattrs returns the names of a file's extended attributes; a link's do not
// matter. Several rules ask in turn for each file.
func (l *linter) xattrs(e tree.Entry) ([]string, error) {
	if e.Info.Mode().Type() == fs.ModeSymlink {
		return nil, nil
	}
	if l.attrs.path == e.Path {
		return l.attrs.names, nil
	}
	names, err := tree.Xattrs(e.Dir, e.Name)
	if err != nil {
		return nil, gone(err)
	}
	l.attrs.path, l.attrs.names = e.Path, names
	return names, nil
}

func visitFlags(l *linter, e tree.Entry) error {
	if !e.Info.Mode().IsRegular() && !e.Info.IsDir() {
		return nil
	}
	flags, err := tree.Flags(e.Dir, e.Name)
	if err != nil || flags == 0 {
		return gone(err)
	}
	what := "immutable"
	if flags&tree.Immutable == 0 {
		what = "append-only"
	}
	l.find(Error, e.Path, func() error { return tree.ClearFlags(l.root, e.Path) }, "is %s", what)
	return nil
}

// gone turns the error for a file that vanished into nil.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
