package export

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
)

// Export is a folder that a client may mount. Its zero value, with the required
// fields, is a machine's own root: read-write, and the client's root is root.
type Export struct {
	// ID is nfs-ganesha's Export_Id. It is part of the file handles that clients
	// hold, so it must stay the same for as long as a machine runs. It is
	// required for WriteGanesha, which refuses 0.
	ID uint16
	// Path is the folder on the server, absolute and clean, not "/". Required.
	Path string
	// Pseudo is the name by which NFSv4 knows the export. "" means Path, so that
	// a client mounts the same name by every version. The kernel's server has no
	// other names and WriteExports refuses them.
	Pseudo string
	// Client is who may mount it: one address, or with SquashRoot a network.
	// Required.
	Client netip.Prefix
	// FSID tells file systems apart in file handles, and must stay the same even
	// when Path is on another disk. [FSID] makes one out of a name. Required.
	FSID uint64
	// ReadOnly refuses all writes.
	ReadOnly bool
	// SquashRoot makes the client's root the anonymous user, for folders that
	// several machines share. A machine cannot run from such a root.
	SquashRoot bool
	// Versions are those that the export is served by; nil means all. The
	// kernel's server takes versions from nfs.conf(5) instead.
	Versions []bootparam.Version
	// SubtreeCheck makes the kernel's server check that a handle is below Path,
	// which keeps a hostile client from guessing handles of other folders on the
	// same file system. A file that is renamed to another folder while it is
	// open is then lost to the client, and so is a whole root that is moved
	// away from below Path while its machine runs; never set it for a farm,
	// whose roots are swapped that way, and put each machine's root on a file
	// system of its own instead where machines are not trusted.
	SubtreeCheck bool
	// CrossMount makes the kernel's server show what is mounted below Path, which
	// it else shows as empty folders. Subvolumes of btrfs and folders need it
	// not. nfs-ganesha always does.
	CrossMount bool
}

// FSID is an [Export.FSID] for a name: the same for ever, and different for
// different names. It is never 0, which means something else to servers.
func FSID(name string) uint64 {
	sum := sha256.Sum256([]byte("hostkit nfsroot export\x00" + name))
	return max(1, binary.BigEndian.Uint64(sum[:]))
}

func (e Export) pseudo() string {
	if e.Pseudo == "" {
		return e.Path
	}
	return e.Pseudo
}

// singleClient reports whether only one address may mount the export.
func (e Export) singleClient() bool { return e.Client.IsSingleIP() }

func (e Export) check() error {
	if err := checkPath("Path", e.Path); err != nil {
		return err
	}
	if err := checkPath("Pseudo", e.pseudo()); err != nil {
		return err
	}
	switch {
	case !e.Client.IsValid():
		return fmt.Errorf("Client of %q is missing, and everybody could mount it", e.Path)
	case e.Client.Addr().Zone() != "" || e.Client.Addr().Is4In6():
		return fmt.Errorf("Client %s of %q is not a plain address", e.Client, e.Path)
	case e.Client.Addr().IsUnspecified() || e.Client.Bits() == 0:
		return fmt.Errorf("Client %s of %q is everybody", e.Client, e.Path)
	case e.Client.Masked() != e.Client:
		return fmt.Errorf("Client %s of %q has bits beyond its prefix: one address or a network", e.Client, e.Path)
	case !e.singleClient() && !e.SquashRoot:
		return fmt.Errorf("Client %s of %q is more than one address, each of which would be root there", e.Client, e.Path)
	case e.FSID == 0:
		return fmt.Errorf("FSID of %q is 0, which is that of the root of all exports", e.Path)
	}
	for _, v := range e.Versions {
		if v.Major() == 0 {
			return fmt.Errorf("Versions of %q has %s in it", e.Path, v)
		}
	}
	return nil
}

// checkPath refuses what is not one name for one folder, or what a server's
// configuration has no way to write.
func checkPath(field, p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("%s %q is not absolute", field, p)
	case path.Clean(p) != p || p == "/":
		return fmt.Errorf("%s %q is not a clean path of a folder below the root", field, p)
	case !utf8.ValidString(p):
		return fmt.Errorf("%s %q is not UTF-8", field, p)
	case len(p) > maxPath:
		return fmt.Errorf("%s %q has %d bytes, and the most is %d", field, p, len(p), maxPath)
	}
	for i, r := range p {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || strings.ContainsRune(`"'\`, r) {
			return fmt.Errorf("%s %q has %q at byte %d", field, p, r, i)
		}
	}
	return nil
}

const maxPath = 1024 // MNTPATHLEN of RFC 1813

// checkAll checks each export, and that none gets in another's way.
func checkAll(exports []Export) error {
	paths, pseudos := make(map[string]string), make(map[string]string)
	fsids := make(map[uint64]string)
	for _, e := range exports {
		if err := e.check(); err != nil {
			return err
		}
		if other, ok := fsids[e.FSID]; ok {
			return fmt.Errorf("FSID %#x of %q is that of %q", e.FSID, e.Path, other)
		}
		fsids[e.FSID] = e.Path
		if other, ok := paths[e.Path]; ok {
			return fmt.Errorf("Path %q is exported twice (%s)", e.Path, other)
		}
		paths[e.Path] = e.Client.String()
		if other, ok := pseudos[e.pseudo()]; ok {
			return fmt.Errorf("Pseudo %q of %q is that of %q", e.pseudo(), e.Path, other)
		}
		pseudos[e.pseudo()] = e.Path
	}
	for _, e := range exports {
		if outer, ok := within(e.Path, paths); ok {
			return fmt.Errorf("Path %q is inside of %q, whose client would have it", e.Path, outer)
		}
		if outer, ok := within(e.pseudo(), pseudos); ok {
			return fmt.Errorf("Pseudo %q is inside of %q", e.pseudo(), outer)
		}
	}
	return nil
}

// within finds a folder above p among the names.
func within(p string, names map[string]string) (outer string, found bool) {
	for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
		if _, ok := names[dir]; ok {
			return dir, true
		}
	}
	return "", false
}
